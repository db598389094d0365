"""Random requests: the same for the same seed and number, whatever was answered before.

Rows, columns and times are few, so that they meet; about one request in ten is wrong somewhere.
"""

import random

from google.cloud.bigtable_v2.types import data as types

from .filter_generator import FUTURE, TIMES, FilterGenerator
from .model import MAXIMUM_MUTATIONS, eight_bytes
from .wire import REQUESTS

Mutation = types.Mutation.pb()
Rule = types.ReadModifyWriteRule.pb()
RowRange = types.RowRange.pb()

FAMILIES = {"f": None, "g": None, "max": "max", "min": "min", "sum": "sum"}
PLAIN = [name for name, fold in FAMILIES.items() if not fold]
FOLDED = [name for name, fold in FAMILIES.items() if fold]
UNKNOWN = ["nope", "F"]
KEYS = [b"a", b"a\x00", b"ab", b"b\xff", b"k:1", b"\x00", b"\xff", b"\xff\xff", b"\xc2\xa7"]
QUALIFIERS = [b"", b"a", b"b", b"a:b", b"\x00", b"q\xff", b"\xc2\xa7"]
FOLD_QUALIFIERS = [b"", b"a", b"q\xff"]
NUMBERS = [0, 1, 2, -1, 7, -300]
EXTREMES = [2**63 - 1, -2**63]
VALUES = [b"", b"a", b"b", b"ab", b"abc", b"aab", b"x\n", b"\n", b"\x00", b"\x00\xff\x80",
          b"\xff", b"\xc2\xa7", b"q:k", eight_bytes(1), eight_bytes(-1), eight_bytes(2**63 - 1),
          eight_bytes(500), b"12345678"]
KINDS = ["MutateRow"] * 32 + ["MutateRows"] * 8 + ["CheckAndMutateRow"] * 14 + \
    ["ReadModifyWriteRow"] * 10 + ["ReadRows"] * 36


class Generator:
    def __init__(self, seed, table_name):
        self.seed, self.table_name = seed, table_name

    def request(self, number):
        """(kind, request)"""
        self.random = random.Random(f"{self.seed}/{number}")
        self.clocked = set()
        # Most requests have no fault; of the others each place has one with some chance.
        self.fault = self.random.choice([0] * 7 + [0.06, 0.12, 0.3])
        self.filters = FilterGenerator(self.random, self.bad, list(FAMILIES) + UNKNOWN[:1],
                                       QUALIFIERS, KEYS, VALUES)
        kind = self.random.choice(KINDS)
        request = REQUESTS[kind](table_name=self.table_name)
        if self.bad() and self.random.random() < 0.3:
            request.table_name = self.random.choice(["", self.table_name + "-absent"])
        getattr(self, kind)(request)
        return kind, request

    def bad(self):
        return self.fault > 0 and self.random.random() < self.fault

    def key(self):
        if self.bad() and self.random.random() < 0.4:
            return self.random.choice([b"", b"k" * 4097])
        return self.random.choice(KEYS)

    def ReadRows(self, request):
        rng = self.random
        shape = rng.choice(["all", "keys", "ranges", "both", "row"])
        if shape in ("keys", "both"):
            keys = [rng.choice(KEYS + [b"absent"]) for _ in range(rng.choice([1, 2, 3, 8]))]
            request.rows.row_keys.extend([b""] if self.bad() else keys)
        if shape in ("ranges", "both"):
            for _ in range(rng.choice([1, 1, 2, 3])):
                request.rows.row_ranges.append(self.row_range())
        if shape == "row":
            request.rows.row_keys.append(rng.choice(KEYS))
        elif rng.random() < 0.3:
            request.rows_limit = rng.choice([1, 1, 2, 3, 100, 2**62])
        if self.bad():
            request.rows_limit = rng.choice([-1, -2**63])
        request.reversed = rng.random() < 0.25
        if rng.random() < 0.8:
            request.filter.CopyFrom(self.filters.filter())
        if rng.random() < 0.05:
            request.request_stats_view = 2

    def row_range(self):
        rng = self.random
        start, end = sorted([rng.choice(KEYS + [b"", b"ac"]) for _ in range(2)])
        if not end:
            end = b"b"
        if self.bad():
            start, end = end, start or b"\x00"
        fields = {}
        if rng.random() < 0.85:
            fields["start_key_" + rng.choice(["closed", "open"])] = start
        if rng.random() < 0.85:
            end = b"" if rng.random() < 0.1 else end
            fields["end_key_" + rng.choice(["closed", "open"])] = end
        return RowRange(**fields)

    def MutateRow(self, request):
        request.row_key = self.key()
        request.mutations.extend(self.mutations())

    def MutateRows(self, request):
        rng = self.random
        if self.bad() and rng.random() < 0.2:
            return
        for key in rng.sample(KEYS, rng.choice([1, 2, 3, 5])):
            bad_key = self.bad() and rng.random() < 0.4
            entry = request.entries.add(row_key=self.key() if bad_key else key)
            entry.mutations.extend(self.mutations())
        keys = [entry.row_key for entry in request.entries]
        if len(set(keys)) < len(keys):  # entries of one row have no order
            del request.entries[1:]

    def CheckAndMutateRow(self, request):
        rng = self.random
        request.row_key = self.key()
        if rng.random() < 0.85:
            request.predicate_filter.CopyFrom(self.filters.filter())
        which = rng.choice(["both", "both", "true", "false"])
        if self.bad() and rng.random() < 0.3:
            return
        if which != "false":
            request.true_mutations.extend(self.mutations())
        if which != "true":
            request.false_mutations.extend(self.mutations())

    def ReadModifyWriteRow(self, request):
        rng = self.random
        request.row_key = self.key()
        if self.bad() and rng.random() < 0.3:
            return
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            rule = Rule(family_name=self.family(PLAIN), column_qualifier=self.qualifier())
            roll = rng.random()
            if roll < 0.55:
                rule.append_value = rng.choice(VALUES)[:8]
            elif not self.bad():
                rule.increment_amount = rng.choice(NUMBERS + EXTREMES)
            request.rules.append(rule)
            if rng.random() < 0.3:  # a counter where there is none, and again
                request.rules.append(rule)

    def family(self, names):
        if self.bad():
            return self.random.choice(UNKNOWN + [""] + (FOLDED if names is PLAIN else PLAIN))
        return self.random.choice(names)

    def qualifier(self):
        if self.bad() and self.random.random() < 0.2:
            return b"q" * (16 * 1024 + 1)
        return self.random.choice(QUALIFIERS)

    def mutations(self):
        rng = self.random
        if self.bad() and rng.random() < 0.15:
            many = rng.random() < 0.02
            return [Mutation(delete_from_row={})] * (MAXIMUM_MUTATIONS + 1) if many else []
        return [self.mutation() for _ in range(rng.choice([1, 1, 2, 3, 5]))]

    def mutation(self):
        kind = self.random.choice(["set"] * 10 + ["fold"] * 4 + ["merge"] * 2 + ["column"] * 3
                                  + ["family_deletion", "row"])
        if self.bad() and self.random.random() < 0.1:
            return Mutation()
        return getattr(self, kind)()

    def set(self):
        rng = self.random
        family, qualifier = self.family(PLAIN), self.qualifier()
        time = rng.choice(TIMES * 3 + FUTURE)
        # Two cells at the server's clock in one column might have one time or two.
        if rng.random() < 0.06 and (family, qualifier) not in self.clocked:
            time = -1
            self.clocked.add((family, qualifier))
        if self.bad():
            time = rng.choice([-2, -1000, 1, 1001, 2**63 - 1, -2**63])
        return Mutation(set_cell=dict(family_name=family, column_qualifier=qualifier,
                                      timestamp_micros=time, value=rng.choice(VALUES)))

    def fold_fields(self):
        rng = self.random
        qualifier, time = dict(raw_value=rng.choice(FOLD_QUALIFIERS)), rng.choice(TIMES)
        when = dict(raw_timestamp_micros=time)
        if self.bad():
            qualifier = rng.choice([dict(int_value=1), dict(string_value="a"), {}])
        if self.bad():
            when = rng.choice([dict(raw_timestamp_micros=-1000), dict(int_value=1000),
                               dict(raw_timestamp_micros=1001)])
        return dict(family_name=self.family(FOLDED), column_qualifier=qualifier, timestamp=when)

    def number(self, family):
        return self.random.choice(NUMBERS if family == "sum" else NUMBERS + EXTREMES)

    def fold(self):
        fields = self.fold_fields()
        given = dict(int_value=self.number(fields["family_name"]))
        if self.bad():
            given = self.random.choice([dict(raw_value=b"12345678"), dict(string_value="1"),
                                        dict(bytes_value=b"1")])
        return Mutation(add_to_cell=dict(input=given, **fields))

    def merge(self):
        fields = self.fold_fields()
        number = self.number(fields["family_name"])
        given = self.random.choice([dict(int_value=number), dict(raw_value=eight_bytes(number)),
                                    {}])
        if self.bad():
            given = self.random.choice([dict(raw_value=b"1234567"), dict(string_value="1")])
        return Mutation(merge_to_cell=dict(input=given, **fields))

    def column(self):
        rng = self.random
        names = PLAIN if rng.random() < 0.7 else FOLDED
        if self.bad():
            names = UNKNOWN
        change = dict(family_name=rng.choice(names), column_qualifier=self.qualifier())
        if rng.random() < 0.6:
            start, end = sorted(rng.sample(TIMES + FUTURE, 2))
            if self.bad():
                start, end = rng.choice([(3000, 2000), (2000, 2000), (1, 2000), (0, 1999)])
            change["time_range"] = dict(start_timestamp_micros=start,
                                        end_timestamp_micros=rng.choice([end, end, 0]))
        return Mutation(delete_from_column=change)

    def family_deletion(self):
        names = UNKNOWN if self.bad() else list(FAMILIES)
        return Mutation(delete_from_family=dict(family_name=self.random.choice(names)))

    def row(self):
        return Mutation(delete_from_row={})
