"""The data API of Bigtable in memory: one table, every request's verdict and its answer.

Requests are Google's messages. `judge` says whether a request is refused and changes nothing;
`perform` does one that is not.
"""

import copy

from . import filters
from .verdict import INVALID, NOT_FOUND, OK, PRECONDITION, Verdict

MAXIMUM_KEY = 4096
MAXIMUM_QUALIFIER = 16 * 1024
MAXIMUM_TIMESTAMP = 9223372036854775000
MAXIMUM_MUTATIONS = 100_000
NOW = -1  # a timestamp: the server's clock

FOLDS = {"sum": lambda a, b: a + b, "min": min, "max": max}


def counter(value):
    return int.from_bytes(value, "big", signed=True)


def eight_bytes(number):
    return (number & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "big")


class Model:
    """`families` gives each family's fold, None for a plain one; `folds` what each does."""

    def __init__(self, table_name, families, folds=FOLDS):
        self.folds = folds
        self.table_name = table_name
        self.families = families
        self.rows = {}  # key: {family: {qualifier: {timestamp: value}}}
        self.clocked = []  # (key, family, qualifier, timestamp) that the server's clock decides

    # Reading

    def cells(self, key):
        return [(family, qualifier, -time, value, ())
                for family, columns in sorted(self.rows.get(key, {}).items())
                for qualifier, column in sorted(columns.items())
                for time, value in sorted(column.items(), reverse=True)]

    def adopt(self, rows):
        """Takes what a server has."""
        self.rows = {}
        for key, cells in rows:
            for family, qualifier, time, value, _ in cells:
                self.column(key, family, qualifier)[-time] = value

    def read(self, request):
        """[(key, cells)] as ReadRows gives them."""
        ranges = [filters.bounds(r, "start_key", "end_key") for r in request.rows.row_ranges]
        ranges = [(a or None, a_open and bool(a), b or None, b_open and bool(b))
                  for a, a_open, b, b_open in ranges]
        wanted = set(request.rows.row_keys)
        everything = not wanted and not ranges
        found = []
        for key in sorted(self.rows, reverse=request.reversed):
            if not (everything or key in wanted or any(filters.within(key, r) for r in ranges)):
                continue
            cells = self.cells(key)
            if request.HasField("filter"):
                cells = filters.apply(request.filter, key, cells)
            if cells:
                found.append((key, cells))
                if len(found) == request.rows_limit:
                    break
        return found

    # Judging

    def judge(self, kind, request):
        verdict = Verdict()
        getattr(self, "judge_" + kind)(request, verdict)
        return verdict

    def judge_table(self, request, verdict):
        if not request.table_name:
            verdict.refuse("table.none")
        elif request.table_name != self.table_name:
            verdict.refuse("table.unknown", NOT_FOUND)

    def judge_ReadRows(self, request, verdict):
        self.judge_table(request, verdict)
        if any(not key for key in request.rows.row_keys):
            verdict.refuse("read.key.empty")
        for row_range in request.rows.row_ranges:
            start, start_open, end, end_open = filters.bounds(row_range, "start_key", "end_key")
            if start and end and start > end:
                verdict.refuse("read.range.inverted")
            elif start and start == end and start_open and end_open:
                verdict.open("read.range.open")
        if request.rows_limit < 0:
            verdict.refuse("read.limit.negative")
        if request.HasField("filter"):
            filters.judge(request.filter, verdict)

    def judge_key(self, key, verdict):
        if not key:
            verdict.refuse("key.empty")
        if len(key) > MAXIMUM_KEY:
            verdict.refuse("key.long")

    def judge_MutateRow(self, request, verdict):
        self.judge_key(request.row_key, verdict)
        if not request.mutations:
            verdict.refuse("mutations.none")
        else:
            self.judge_table(request, verdict)
        self.judge_mutations(request.mutations, verdict)

    def judge_MutateRows(self, request, verdict):
        """The whole call; entries have verdicts of their own."""
        if not request.entries:
            verdict.refuse("entries.none")
        if any(not entry.mutations for entry in request.entries):
            verdict.refuse("entry.mutations.none")
        if sum(len(entry.mutations) for entry in request.entries) > MAXIMUM_MUTATIONS:
            verdict.refuse("mutations.many")
        self.judge_table(request, verdict)

    def judge_entry(self, entry):
        verdict = Verdict()
        self.judge_key(entry.row_key, verdict)
        self.judge_mutations(entry.mutations, verdict)
        return verdict

    def judge_CheckAndMutateRow(self, request, verdict):
        self.judge_table(request, verdict)
        self.judge_key(request.row_key, verdict)
        if not request.true_mutations and not request.false_mutations:
            verdict.refuse("mutations.none")
        if request.HasField("predicate_filter"):
            filters.judge(request.predicate_filter, verdict)
        if verdict.must:
            return
        taken, other = request.true_mutations, request.false_mutations
        if not self.matches(request):
            taken, other = other, taken
        self.judge_mutations(taken, verdict)
        # The other list's families are not looked at; whether its form is, the API leaves open.
        untaken = Verdict()
        self.judge_mutations(other, untaken, taken=False)
        verdict.may |= untaken.must

    def judge_ReadModifyWriteRow(self, request, verdict):
        self.judge_table(request, verdict)
        self.judge_key(request.row_key, verdict)
        if not request.rules:
            verdict.refuse("rules.none")
        columns = copy.deepcopy(self.rows.get(request.row_key, {}))
        for rule in request.rules:
            self.judge_qualifier(rule.column_qualifier, verdict)
            if not rule.WhichOneof("rule"):
                verdict.refuse("rule.none")
            elif rule.family_name not in self.families:
                verdict.refuse("family.unknown", NOT_FOUND)
            elif self.families[rule.family_name]:
                verdict.refuse("rule.aggregate", INVALID, PRECONDITION)
            elif not apply_rule(columns, rule, NOW):
                verdict.refuse("rule.counter", PRECONDITION)

    def judge_qualifier(self, qualifier, verdict):
        if len(qualifier) > MAXIMUM_QUALIFIER:
            verdict.refuse("qualifier.long")

    def judge_mutations(self, mutations, verdict, taken=True):
        if len(mutations) > MAXIMUM_MUTATIONS:
            verdict.refuse("mutations.many")
        for mutation in mutations:
            kind = mutation.WhichOneof("mutation")
            if kind is None:
                verdict.refuse("mutation.none")
                continue
            change = getattr(mutation, kind)
            if kind != "delete_from_row":
                self.judge_family(kind, change.family_name, verdict, taken)
            if kind == "set_cell":
                self.judge_qualifier(change.column_qualifier, verdict)
                time = change.timestamp_micros
                if time != NOW and (time < 0 or time % 1000 or time > MAXIMUM_TIMESTAMP):
                    verdict.refuse("mutation.timestamp")
            elif kind == "delete_from_column":
                if len(change.column_qualifier) > MAXIMUM_QUALIFIER:
                    verdict.open("qualifier.long")  # of a cell that cannot be there
                self.judge_deletion(change.time_range, verdict)
            elif kind in ("add_to_cell", "merge_to_cell"):
                self.judge_fold(kind, change, verdict)

    def judge_family(self, kind, family, verdict, taken):
        if not family:
            verdict.refuse("family.empty", *([INVALID, NOT_FOUND] if taken else [INVALID]))
        elif family not in self.families:
            if taken:
                where = "deletion" if kind == "delete_from_family" else "family"
                verdict.refuse(where + ".unknown", NOT_FOUND)
            return
        fold = self.families.get(family)
        wrong = fold if kind == "set_cell" else not fold if "to_cell" in kind else False
        if wrong and taken:
            verdict.refuse(f"mutation.{'aggregate' if fold else 'plain'}")

    def judge_deletion(self, times, verdict):
        start, end = times.start_timestamp_micros, times.end_timestamp_micros
        if start % 1000 or end % 1000:
            verdict.refuse("mutation.range.granularity")
        if end and start >= end:
            verdict.refuse("mutation.range.inverted")

    def judge_fold(self, kind, change, verdict):
        if change.column_qualifier.WhichOneof("kind") != "raw_value":
            verdict.refuse("fold.qualifier")
        else:
            self.judge_qualifier(change.column_qualifier.raw_value, verdict)
        time = change.timestamp
        if time.WhichOneof("kind") != "raw_timestamp_micros":
            verdict.refuse("fold.timestamp.kind")
        elif time.raw_timestamp_micros % 1000 or time.raw_timestamp_micros < 0:
            verdict.refuse("fold.timestamp")
        given = change.input.WhichOneof("kind")
        if kind == "add_to_cell":
            if given != "int_value":
                verdict.refuse("fold.input")
        elif given == "raw_value":
            if len(change.input.raw_value) != 8:
                verdict.refuse("fold.input")
        elif given not in ("int_value", None):
            verdict.refuse("fold.input")

    # Doing

    def perform(self, kind, request, now, codes=()):
        """The answer of a request that is not refused.

        `codes` are those that entries got: what is open is done if it was not refused.
        `now` stands for the server's clock: no time that a server gives, and above all it gave.
        """
        self.now = now
        self.codes = codes
        self.clocked = []
        return getattr(self, "perform_" + kind)(request)

    def perform_ReadRows(self, request):
        return self.read(request)

    def perform_MutateRow(self, request):
        self.mutate(request.row_key, request.mutations)

    def perform_MutateRows(self, request):
        """Each entry's verdict, those that are not refused done."""
        verdicts = [self.judge_entry(entry) for entry in request.entries]
        for entry, verdict, code in zip(request.entries, verdicts, self.codes):
            if verdict.allows(OK) and not (verdict.may and code):
                self.mutate(entry.row_key, entry.mutations)
        return verdicts

    def perform_CheckAndMutateRow(self, request):
        matched = self.matches(request)
        self.mutate(request.row_key,
                    request.true_mutations if matched else request.false_mutations)
        return matched

    def matches(self, request):
        cells = self.cells(request.row_key)
        if request.HasField("predicate_filter"):
            cells = filters.apply(request.predicate_filter, request.row_key, cells)
        return bool(cells)

    def perform_ReadModifyWriteRow(self, request):
        """The touched columns' cells, one each."""
        columns = self.rows.setdefault(request.row_key, {})
        touched = {}
        for rule in request.rules:
            column = self.column(request.row_key, rule.family_name, rule.column_qualifier)
            newest = max(column, default=0)
            apply_rule(columns, rule, self.now)
            if newest < self.now:
                self.note(request.row_key, rule.family_name, rule.column_qualifier)
            time = max(column)
            place = (rule.family_name, rule.column_qualifier)
            touched[place] = place + (-time, column[time], ())
        return [touched[place] for place in sorted(touched)]

    def column(self, key, family, qualifier):
        return self.rows.setdefault(key, {}).setdefault(family, {}).setdefault(qualifier, {})

    def note(self, key, family, qualifier):
        place = (key, family, qualifier)
        if place not in self.clocked:
            self.clocked.append(place)

    def mutate(self, key, mutations):
        for mutation in mutations:
            kind = mutation.WhichOneof("mutation")
            change = getattr(mutation, kind)
            row = self.rows.get(key, {})
            if kind == "set_cell":
                time = change.timestamp_micros
                if time == NOW:
                    time = self.now
                    self.note(key, change.family_name, change.column_qualifier)
                self.column(key, change.family_name, change.column_qualifier)[time] = change.value
            elif kind == "delete_from_row":
                self.rows.pop(key, None)
            elif kind == "delete_from_family":
                row.pop(change.family_name, None)
            elif kind == "delete_from_column":
                column = row.get(change.family_name, {}).get(change.column_qualifier, {})
                start = change.time_range.start_timestamp_micros
                end = change.time_range.end_timestamp_micros
                for time in list(column):
                    if start <= time and (end == 0 or time < end):
                        del column[time]
            else:
                self.fold(key, change)

    def fold(self, key, change):
        kind = change.input.WhichOneof("kind")
        if kind is None:
            return  # NULL: no effect
        number = change.input.int_value if kind == "int_value" else counter(change.input.raw_value)
        column = self.column(key, change.family_name, change.column_qualifier.raw_value)
        time = change.timestamp.raw_timestamp_micros
        if time in column:
            number = self.folds[self.families[change.family_name]](counter(column[time]), number)
        column[time] = eight_bytes(number)

    def settle(self, key, family, qualifier, time):
        """The server's clock gave this time to the cell that stands at `now`."""
        column = self.column(key, family, qualifier)
        if self.now in column:
            column[time] = column.pop(self.now)


def apply_rule(columns, rule, now):
    """Does a rule of ReadModifyWriteRow; False where it increments what is no counter."""
    column = columns.setdefault(rule.family_name, {}).setdefault(rule.column_qualifier, {})
    newest = max(column, default=None)
    base = column[newest] if newest is not None else None
    if rule.WhichOneof("rule") == "append_value":
        value = (base or b"") + rule.append_value
    elif base is not None and len(base) != 8:
        return False
    else:
        value = eight_bytes(counter(base or b"") + rule.increment_amount)
    column[max(now, newest if newest is not None else now)] = value
    return True
