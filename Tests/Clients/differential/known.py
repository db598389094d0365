"""Where Google's emulator is known to answer otherwise than the model, which is right, and why.

The emulator is `bttest` of Google's Go client. Two versions were looked at: 0.56 is that module's
number, 528 the Google Cloud CLI's. A difference that nothing here explains fails.
A mark is that of the rule in the API's semantics: D its description, P production, E the emulator
itself, N newer copies of it, K the product's documentation.
"""

import collections

from .generator import FOLDED
from .model import FOLDS, MAXIMUM_TIMESTAMP
from .run import comparable
from .verdict import INVALID, NOT_FOUND, OK
from .wire import REQUESTS

UNKNOWN, INTERNAL = 2, 13
OLD, NEW = "0.56", "528"
BOTH = (OLD, NEW)
CELLS_OF_ROW = {"cells_per_row_offset_filter", "cells_per_row_limit_filter"}
TABLES = {"table.none", "mutations.none"}
LABELS = {"strip_value_transformer", "apply_label_transformer"}
PATTERNS = {"row_key_regex_filter", "column_qualifier_regex_filter", "value_regex_filter"}

# What the emulator does, in which versions, who is right and why.
Known = collections.namedtuple("Known", "versions right mark")

# Not sent.
ENDS_COUNT = "a negative number of cells ends the process"
EMPTY_KEY = "an empty key is written, and then read without a key"
NO_NUMBER = "what is no number is taken into an aggregate family; the next sum ends the process"
NO_FOLDS = "there are no aggregate families, but plain ones of that name"
NO_REVERSE = "reversed is not looked at"

# Sent, and answered otherwise.
CODES = "what is refused has the code UNKNOWN, in MutateRows INTERNAL"
TABLE = "the table is looked for before the rest: NOT_FOUND, not INVALID_ARGUMENT"
CLOCKS = "each rule of ReadModifyWriteRow reads the clock: one column may get two cells"
MERGE = "merge_to_cell takes bytes, no int_value, and no NULL"
NEWEST = "min and max keep the newest number"
PATTERN = "the empty pattern is refused"
BYTES = "patterns are read as UTF-8, not as bytes"
LAST = "the largest timestamp is refused"
STATISTICS = "there are no statistics"
ORDER = "cells of a row are counted with the families in no order"
LIMIT = "a rule that is none leaves a row without cells, which counts for rows_limit"
SINK = "sink is not looked at"
STRIP = "strip_value_transformer takes labels away"
TRUTH = "a predicate that counts cells matches even where none is left"
END = "an empty end_key_closed is before the first row"

KNOWN = {
    ENDS_COUNT: Known(BOTH, "Strata", "K"),
    EMPTY_KEY: Known(BOTH, "Strata", "P"),
    NO_NUMBER: Known([NEW], "Strata", "K"),
    NO_FOLDS: Known([OLD], "Strata", "D"),
    NO_REVERSE: Known([OLD], "Strata", "D"),
    CODES: Known(BOTH, "Strata", "P"),
    TABLE: Known(BOTH, "Strata", "K"),
    CLOCKS: Known(BOTH, "open", "-"),
    MERGE: Known([NEW], "Strata", "D"),
    NEWEST: Known([NEW], "Strata", "D"),
    PATTERN: Known([NEW], "Strata", "D"),
    BYTES: Known([OLD], "Strata", "P"),
    LAST: Known([OLD], "Strata", "P"),
    STATISTICS: Known([OLD], "Strata", "D"),
    ORDER: Known(BOTH, "Strata", "D"),
    LIMIT: Known(BOTH, "Strata", "E"),
    SINK: Known(BOTH, "Strata", "D"),
    STRIP: Known(BOTH, "Strata", "D"),
    TRUTH: Known([OLD], "Strata", "D"),
    END: Known(BOTH, "Strata", "E"),
}

# What the API refuses and the emulator takes, by the model's reason: in which versions, the mark.
TAKEN = {
    "entries.none": ([OLD], "K"), "entry.mutations.none": (BOTH, "N"),
    "mutations.none": (BOTH, "P"), "mutations.many": (BOTH, "D"), "rules.none": (BOTH, "K"),
    "mutation.range.granularity": (BOTH, "K"), "mutation.range.inverted": (BOTH, "K"),
    "deletion.unknown": (BOTH, "P"),
    "mutation.aggregate": ([OLD], "K"), "rule.aggregate": ([OLD], "K"),
    "key.long": (BOTH, "D"), "qualifier.long": (BOTH, "K"),
    "fold.qualifier": ([NEW], "D"), "fold.timestamp": ([NEW], "K"),
    "fold.timestamp.kind": ([NEW], "D"),
    "read.key.empty": (BOTH, "P"), "read.limit.negative": (BOTH, "K"),
    "filter.size": (BOTH, "D"), "filter.depth": (BOTH, "D"),
    "filter.chain.short": (BOTH, "N"), "filter.interleave.short": (BOTH, "N"),
    "filter.labels.two": (BOTH, "D"), "filter.condition.predicate": (BOTH, "K"),
    "filter.sink.condition": (BOTH, "D"), "filter.sink.false": (BOTH, "K"),
    "filter.pass_all_filter.false": (BOTH, "P"), "filter.block_all_filter.false": (BOTH, "P"),
    "filter.regex": (BOTH, "P"), "filter.sample": (BOTH, "E"), "filter.label": (BOTH, "D"),
    "filter.column_range.family": (BOTH, "P"), "filter.column_range.inverted": (BOTH, "K"),
    "filter.timestamp_range.granularity": (BOTH, "P"),
}


def parts(message):
    """A filter and all in it."""
    if message is None:
        return
    yield message
    kind = message.WhichOneof("filter")
    inner = []
    if kind in ("chain", "interleave"):
        inner = getattr(message, kind).filters
    elif kind == "condition":
        inner = [getattr(message.condition, branch)
                 for branch in ("predicate_filter", "true_filter", "false_filter")
                 if message.condition.HasField(branch)]
    for part in inner:
        yield from parts(part)


def filter_of(request):
    for name in ("filter", "predicate_filter"):
        if name in request.DESCRIPTOR.fields_by_name and request.HasField(name):
            return getattr(request, name)
    return None


def kinds_of(request):
    return {part.WhichOneof("filter") for part in parts(filter_of(request))}


def mutations_of(message):
    """Of a request or an entry: (kind, mutation), whatever becomes of them."""
    found = []
    for name in ("mutations", "true_mutations", "false_mutations"):
        if name in message.DESCRIPTOR.fields_by_name:
            found += getattr(message, name)
    if "entries" in message.DESCRIPTOR.fields_by_name:
        found += [m for entry in message.entries for m in entry.mutations]
    kinds = [m.WhichOneof("mutation") for m in found]
    return [(kind, getattr(m, kind)) for kind, m in zip(kinds, found) if kind]


def input_of(mutation):
    return mutation.input.WhichOneof("kind")


def no_number(kind, mutation):
    """Writes what is no number into an aggregate family, if it is taken."""
    if kind == "set_cell":
        return mutation.family_name in FOLDED
    return kind == "merge_to_cell" and input_of(mutation) == "raw_value" \
        and len(mutation.input.raw_value) != 8


def ends_before_all(request):
    return [row_range for row_range in request.rows.row_ranges
            if row_range.WhichOneof("end_key") == "end_key_closed"
            and not row_range.end_key_closed]


def without_labels(rows):
    return [(key, [cell[:4] + ((),) for cell in cells]) for key, cells in rows]


def ends_last(kind, mutation):
    return kind == "set_cell" and mutation.timestamp_micros == MAXIMUM_TIMESTAMP or \
        kind == "delete_from_column" and \
        mutation.time_range.end_timestamp_micros == MAXIMUM_TIMESTAMP


class Peer:
    """A server that is the model's in all."""

    folds = FOLDS
    folded = 0  # numbers that its folds got wrong, which are seen with the next read

    def unsent(self, kind, request):
        """A name for why a request is not sent, None if it is."""
        return None

    def known(self, difference, model):
        """The name of what explains it, None if nothing does."""
        return None

    def unforeseen(self, kind, request):
        """Whether what is left after a right answer cannot be foretold."""
        return False


class Emulator(Peer):
    """Of one version; of any with an empty one."""

    def __init__(self, version):
        self.version = version
        self.folds = dict(FOLDS)
        if self.has(NEWEST):
            self.folds.update({fold: self.newest(fold) for fold in ("min", "max")})

    def has(self, name):
        return not self.version or self.version in KNOWN[name].versions

    def newest(self, fold):
        def take(old, new):
            self.folded += FOLDS[fold](old, new) != new
            return new
        return take

    def unsent(self, kind, request):
        """What is not sent, as it ends the emulator or takes the rest of the stream from it."""
        mutations = mutations_of(request)
        keys = [entry.row_key for entry in request.entries] if kind == "MutateRows" else \
            [] if kind == "ReadRows" else [request.row_key]
        rules = request.rules if kind == "ReadModifyWriteRow" else []
        reasons = {
            ENDS_COUNT: any(
                (part.WhichOneof("filter") or "").startswith("cells_per")
                and getattr(part, part.WhichOneof("filter")) < 0
                for part in parts(filter_of(request))),
            EMPTY_KEY: b"" in keys,
            NO_FOLDS: any(name in ("add_to_cell", "merge_to_cell") for name, _ in mutations),
            NO_NUMBER: any(no_number(*mutation) for mutation in mutations)
            or any(rule.family_name in FOLDED for rule in rules),
            NO_REVERSE: kind == "ReadRows" and request.reversed,
        }
        return next((name for name, found in reasons.items() if found and self.has(name)), None)

    def known(self, difference, model):
        name = self.named(difference, model)
        return name if name not in KNOWN or self.has(name) else None

    def named(self, difference, model):
        why, request, outcome = difference.why, difference.request, difference.outcome
        if why == "the status":
            name = self.status(difference.verdict, outcome.code, request, UNKNOWN)
            # The list that was not to be taken may have been, and be refused, or not.
            other = difference.kind == "CheckAndMutateRow" and not name
            return self.predicate(request) if other else name
        if why.startswith("an entry"):
            names = [self.status(verdict, code, entry, INTERNAL) for verdict, code, entry
                     in zip(difference.wanted, outcome.body, request.entries)
                     if not verdict.allows(code)]
            return names[0] if all(names) else None
        if why == "the rows":
            return self.rows(request, outcome.body, model)
        if why.startswith("whether"):
            return self.predicate(request)
        return STATISTICS if why == "no statistics" else None

    def predicate(self, request):
        """Why it may have matched, or not."""
        kinds = kinds_of(request)
        if kinds & CELLS_OF_ROW:
            return ORDER
        if "sink" in kinds:
            return SINK
        return TRUTH if self.limits_to_none(request) else BYTES if kinds & PATTERNS else None

    def limits_to_none(self, request):
        kind = "cells_per_column_limit_filter"
        return self.has(TRUTH) and any(
            part.WhichOneof("filter") == kind and getattr(part, kind) == 0
            for part in parts(filter_of(request)))

    def status(self, verdict, code, message, unknown):
        """Of a request or an entry."""
        reasons = sorted({reason for reason, _ in verdict.must})
        if reasons and code == OK:
            taken = [reason for reason in reasons if self.takes(reason)]
            return f"taken: {reasons[0]}" if taken == reasons else None
        if reasons:
            if code == unknown:
                return CODES
            return TABLE if code == NOT_FOUND and not TABLES.isdisjoint(reasons) else None
        return self.refused(code, message, unknown)

    def takes(self, reason):
        return reason in TAKEN and (not self.version or self.version in TAKEN[reason][0])

    def refused(self, code, message, unknown):
        """What need not be refused."""
        mutations = mutations_of(message)
        patterns = [(kind, getattr(part, kind)) for part in parts(filter_of(message))
                    for kind in [part.WhichOneof("filter")] if kind in PATTERNS]
        if code == unknown and self.has(MERGE) and any(
                kind == "merge_to_cell" and input_of(mutation) != "raw_value"
                for kind, mutation in mutations):
            return MERGE
        if code == unknown and self.has(LAST) and any(ends_last(*m) for m in mutations):
            return LAST
        if code == INVALID and self.has(PATTERN) and ("row_key_regex_filter", b"") in patterns:
            return PATTERN
        if code == INVALID and self.has(BYTES) and any(
                max(pattern, default=0) >= 0x80 or rb"\C" in pattern for _, pattern in patterns):
            return BYTES
        return None

    def rows(self, request, came, model):
        kinds = kinds_of(request)
        if kinds & CELLS_OF_ROW:
            return ORDER if all(self.has_cells(model, *row) for row in came) else None
        if "condition" in kinds and self.limits_to_none(request):
            return TRUTH
        if kinds & PATTERNS and self.has(BYTES):
            return BYTES if all(self.has_cells(model, *row) for row in came) else None
        changed = REQUESTS["ReadRows"]()
        changed.CopyFrom(request)
        names = []
        for part in parts(filter_of(changed)):
            if part.WhichOneof("filter") == "sink":
                part.pass_all_filter = True
                names.append(SINK)
        for row_range in ends_before_all(changed):
            row_range.end_key_open = b"\x00"  # nothing, as there is no empty key
            row_range.start_key_closed = b""
            names.append(END)
        wanted = model.read(changed)
        if kinds >= LABELS and comparable(wanted) != comparable(came):
            names.append(STRIP)
            wanted, came = without_labels(wanted), without_labels(came)
        if comparable(wanted) != comparable(came):
            if not len(came) < request.rows_limit <= 100:
                return None
            names.append(LIMIT)
            wanted = wanted[:len(came)]
        same = comparable(wanted) == comparable(came)
        return names[0] if same and names and all(map(self.has, names)) else None

    def unforeseen(self, kind, request):
        if kind != "ReadModifyWriteRow":
            return False
        columns = [(rule.family_name, rule.column_qualifier) for rule in request.rules]
        return len(set(columns)) < len(columns)

    def has_cells(self, model, key, cells):
        return {cell[:3] for cell in cells} <= {cell[:3] for cell in model.cells(key)}
