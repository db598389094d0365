"""The filters of the Bigtable API over lists of cells: what is refused, and what is left.

A cell is (family, qualifier, -timestamp, value, labels), so that tuples of the first three sort
in cell order. What is between two quotes of a message follows section 4 of the API's semantics.
"""

import re

from .patterns import full, valid
from .verdict import INVALID, UNIMPLEMENTED

MAXIMUM_DEPTH = 20
MAXIMUM_BYTES = 20_480
LABEL = re.compile(r"[a-z0-9-]{1,15}")


def order(cell):
    return cell[:3]


def judge_times(times, verdict, reason):
    """A filter's time range; the end 0 is none."""
    start, end = times.start_timestamp_micros, times.end_timestamp_micros
    if start % 1000 or end % 1000:
        verdict.refuse(f"{reason}.granularity")
    elif end and start >= end:
        verdict.open(f"{reason}.inverted")


def bounds(message, start, end):
    """(start, start open, end, end open) of a range's oneofs; None where unset."""
    first, last = message.WhichOneof(start), message.WhichOneof(end)
    return (getattr(message, first) if first else None, bool(first) and first.endswith("_open"),
            getattr(message, last) if last else None, bool(last) and last.endswith("_open"))


def within(data, limits):
    start, start_open, end, end_open = limits
    if start is not None and (data < start or start_open and data == start):
        return False
    return end is None or data < end or not end_open and data == end


def inverted(limits, verdict, reason, refuse):
    start, start_open, end, end_open = limits
    if start is None or end is None:
        return
    if start > end:
        (verdict.refuse if refuse else verdict.open)(f"{reason}.inverted")
    elif start == end and (start_open or end_open):
        verdict.open(f"{reason}.empty")


def labels_of(message, with_predicates):
    """Whether the filter labels cells anywhere; a predicate's labels are never seen."""
    kind = message.WhichOneof("filter")
    if kind == "apply_label_transformer":
        return True
    if kind in ("chain", "interleave"):
        return any(labels_of(f, with_predicates) for f in getattr(message, kind).filters)
    if kind == "condition":
        branches = [message.condition.true_filter, message.condition.false_filter]
        if with_predicates:
            branches.append(message.condition.predicate_filter)
        return any(labels_of(f, with_predicates) for f in branches)
    return False


def judge(message, verdict):
    """What is wrong with a request's filter."""
    if message.ByteSize() > MAXIMUM_BYTES:
        verdict.refuse("filter.size")
    judge_part(message, verdict, 1, False)


def judge_part(message, verdict, depth, conditional):
    kind = message.WhichOneof("filter")
    if depth > MAXIMUM_DEPTH:
        verdict.refuse("filter.depth")
        return
    if kind in ("chain", "interleave"):
        filters = getattr(message, kind).filters
        if len(filters) < 2:
            verdict.refuse(f"filter.{kind}.short")
        for part in filters:
            judge_part(part, verdict, depth + 1, conditional)
        if kind == "chain":
            if sum(labels_of(part, False) for part in filters) > 1:
                verdict.refuse("filter.labels.two")
            elif sum(labels_of(part, True) for part in filters) > 1:
                verdict.open("filter.labels.predicate")
    elif kind == "condition":
        judge_condition(message.condition, verdict, depth)
    elif kind is None:
        verdict.open("filter.none")
    else:
        judge_leaf(kind, message, verdict, conditional)


def judge_condition(condition, verdict, depth):
    if not condition.HasField("predicate_filter"):
        verdict.refuse("filter.condition.predicate")
    for branch in ("predicate_filter", "true_filter", "false_filter"):
        if condition.HasField(branch):
            judge_part(getattr(condition, branch), verdict, depth + 1, True)


def judge_leaf(kind, message, verdict, conditional):
    value = getattr(message, kind)
    if kind in ("sink", "pass_all_filter", "block_all_filter"):
        if not value:
            verdict.refuse(f"filter.{kind}.false")
        if kind == "sink" and conditional:
            verdict.refuse("filter.sink.condition")
    elif kind == "strip_value_transformer":
        if not value:
            verdict.open("filter.strip.false")
    elif kind.endswith("regex_filter"):
        if not valid(value):
            verdict.refuse("filter.regex")
        if kind == "family_name_regex_filter" and ":" in value:
            verdict.open("filter.regex.colon")  # it must not be there; what if, is not said
    elif kind == "column_range_filter":
        if not value.family_name:
            verdict.refuse("filter.column_range.family")
        inverted(bounds(value, "start_qualifier", "end_qualifier"), verdict,
                 "filter.column_range", True)
    elif kind == "value_range_filter":
        inverted(bounds(value, "start_value", "end_value"), verdict, "filter.value_range", False)
    elif kind == "timestamp_range_filter":
        judge_times(value, verdict, "filter.timestamp_range")
    elif kind.startswith("cells_per"):
        if value < 0:
            verdict.refuse("filter.cells.negative")
        elif value == 0 and "limit" in kind:
            verdict.open("filter.cells.zero")
    elif kind == "row_sample_filter":
        if not 0 < value < 1:
            verdict.refuse("filter.sample")
    elif kind == "apply_label_transformer":
        if not LABEL.fullmatch(value):
            verdict.refuse("filter.label")
    elif kind == "value_bitmask_filter":
        verdict.refuse("filter.bitmask", INVALID, UNIMPLEMENTED)


def apply(message, key, cells):
    """What a valid filter gives for a row's cells."""
    sunk = []
    left = run(message, key, cells, sunk)
    return sorted(left + sunk, key=order) if sunk else left


def run(message, key, cells, sunk):
    """The cells that a filter passes on; what it sends to the final output goes to `sunk`."""
    if not cells:
        return cells
    kind = message.WhichOneof("filter")
    if kind is None:
        return cells
    value = getattr(message, kind)
    if kind == "chain":
        for part in value.filters:
            cells = run(part, key, cells, sunk)
        return cells
    if kind == "interleave":
        merged = [cell for part in value.filters for cell in run(part, key, cells, sunk)]
        return sorted(merged, key=order)
    if kind == "condition":
        matched = run(value.predicate_filter, key, cells, sunk)
        branch = "true_filter" if matched else "false_filter"
        if not value.HasField(branch):
            return []
        return run(getattr(value, branch), key, cells, sunk)
    if kind == "sink":
        sunk += cells
        return []
    return LEAVES[kind](value, key, cells)


def column_range(value, _, cells):
    limits = bounds(value, "start_qualifier", "end_qualifier")
    return [c for c in cells if c[0] == value.family_name and within(c[1], limits)]


def timestamp_range(value, _, cells):
    start, end = value.start_timestamp_micros, value.end_timestamp_micros
    return [c for c in cells if start <= -c[2] and (end == 0 or -c[2] < end)]


def value_range(value, _, cells):
    limits = bounds(value, "start_value", "end_value")
    return [c for c in cells if within(c[3], limits)]


def column_limit(value, _, cells):
    taken = {}
    left = []
    for cell in cells:
        column = cell[:2]
        taken[column] = taken.get(column, 0) + 1
        if taken[column] <= value:
            left.append(cell)
    return left


LEAVES = {
    "pass_all_filter": lambda _, key, cells: cells,
    "block_all_filter": lambda _, key, cells: [],
    "row_key_regex_filter": lambda p, key, cells: cells if full(p, key) else [],
    "family_name_regex_filter": lambda p, key, cells: [
        c for c in cells if full(p, c[0].encode())],
    "column_qualifier_regex_filter": lambda p, key, cells: [c for c in cells if full(p, c[1])],
    "value_regex_filter": lambda p, key, cells: [c for c in cells if full(p, c[3])],
    "column_range_filter": column_range,
    "timestamp_range_filter": timestamp_range,
    "value_range_filter": value_range,
    "cells_per_row_offset_filter": lambda n, key, cells: cells[n:],
    "cells_per_row_limit_filter": lambda n, key, cells: cells[:n],
    "cells_per_column_limit_filter": column_limit,
    "strip_value_transformer": lambda strip, key, cells: [
        c[:3] + (b"",) + c[4:] for c in cells] if strip else cells,
    "apply_label_transformer": lambda label, key, cells: [c[:4] + ((label,),) for c in cells],
}
