"""Random filters. Patterns keep to what Python's re and RE2 read the same."""

from google.cloud.bigtable_v2.types import data as types

RowFilter = types.RowFilter.pb()

TIMES = [0, 1000, 2000, 3000, 7_000_000]
FUTURE = [4_000_000_000_000_000, 9223372036854775000]
LITERALS = (list(b"aabbcq:kx\n") + [0, 0x7F, 0x80, 0xA7, 0xC2, 0xFF])
BROKEN = [b"[", b"(", b"a)", b"*a", rb"a\xC.+", b"[b-a]", b"(?:a", b"a{3,2}", b"\\"]
LABELS = ["a", "b", "label-9", "0123456789abcde"]
BROKEN_LABELS = ["", "A", "with space", "0123456789abcdef", "a_b", "a\n"]
LEAVES = [
    ("everything", 6), ("nothing", 2), ("key", 6), ("family", 6), ("qualifier", 8),
    ("value", 8), ("columns", 8), ("times", 8), ("values", 8), ("offset", 8), ("limit", 8),
    ("column_limit", 8), ("strip", 5), ("label", 5), ("sink", 4),
]
NAMES, WEIGHTS = [name for name, _ in LEAVES], [weight for _, weight in LEAVES]


def escaped(byte, text):
    """A byte as a pattern: itself, or with its number."""
    if chr(byte).isalnum() and byte < 0x80 or byte == 0x3A:
        return bytes([byte])
    if byte >= 0x80 and not text:
        return bytes([byte])
    return b"\\x%02x" % byte


class FilterGenerator:
    """`random` draws; `bad()` says whether to do the next thing wrong."""

    def __init__(self, random, bad, families, qualifiers, keys, values):
        self.random, self.bad = random, bad
        self.families, self.qualifiers = families, qualifiers
        self.keys, self.some_values = keys, values

    def filter(self):
        random = self.random
        roll = random.random()
        if self.bad() and roll < 0.2:
            return self.nested(random.choice([21, 22, 30, 45]))
        if roll < 0.02:
            return self.nested(random.choice([5, 10, 18, 20]))
        if self.bad() and roll > 0.9:
            return RowFilter(value_regex_filter=b"a" * random.choice([20_481, 30_000]))
        return self.part(random.choice([0, 1, 1, 2, 2, 3]), False)

    def nested(self, depth):
        """A filter of just this depth."""
        if depth == 1:
            return RowFilter(pass_all_filter=True)
        inner = self.nested(depth - 1)
        leaf = RowFilter(pass_all_filter=True)
        return RowFilter(chain=RowFilter.Chain(filters=[leaf, inner]))

    def part(self, depth, conditional):
        random = self.random
        kind = random.choice(["chain", "interleave", "condition", "leaf"]) if depth else "leaf"
        if kind == "leaf":
            return self.leaf(conditional)
        if kind == "condition":
            condition = RowFilter.Condition()
            if not self.bad():
                condition.predicate_filter.CopyFrom(self.part(depth - 1, True))
            for branch in ("true_filter", "false_filter"):
                if random.random() < 0.75:
                    getattr(condition, branch).CopyFrom(self.part(depth - 1, True))
            return RowFilter(condition=condition)
        count = random.choice([0, 1]) if self.bad() else random.choice([2, 2, 2, 3, 4])
        parts = [self.part(depth - 1, conditional) for _ in range(count)]
        if kind == "chain":
            return RowFilter(chain=RowFilter.Chain(filters=parts))
        return RowFilter(interleave=RowFilter.Interleave(filters=parts))

    def leaf(self, conditional):
        random = self.random
        if self.bad():
            return random.choice(self.broken())
        name = random.choices(NAMES, WEIGHTS)[0]
        if name == "sink" and conditional and random.random() < 0.9:
            name = "everything"
        return getattr(self, name)()

    def broken(self):
        """A leaf of each kind that is refused."""
        random = self.random
        pattern = random.choice(BROKEN)
        negative = random.choice([-1, -2, -2**31])
        return [
            RowFilter(pass_all_filter=False), RowFilter(block_all_filter=False),
            RowFilter(sink=False), RowFilter(row_key_regex_filter=pattern),
            RowFilter(family_name_regex_filter=random.choice([pattern.decode(), "f:a", ":"])),
            RowFilter(column_qualifier_regex_filter=pattern),
            RowFilter(value_regex_filter=pattern),
            RowFilter(cells_per_row_offset_filter=negative),
            RowFilter(cells_per_row_limit_filter=negative),
            RowFilter(cells_per_column_limit_filter=negative),
            RowFilter(row_sample_filter=random.choice([0.0, 1.0, -0.5, 1.5, float("nan")])),
            RowFilter(apply_label_transformer=random.choice(BROKEN_LABELS)),
            RowFilter(column_range_filter=dict(family_name="", start_qualifier_closed=b"a")),
            RowFilter(column_range_filter=dict(
                family_name=random.choice(self.families), start_qualifier_closed=b"b",
                end_qualifier_open=b"a")),
            RowFilter(timestamp_range_filter=dict(
                start_timestamp_micros=random.choice([1, 1001, 0]), end_timestamp_micros=2001)),
        ]

    def everything(self):
        return RowFilter(pass_all_filter=True)

    def nothing(self):
        return RowFilter(block_all_filter=True)

    def key(self):
        return RowFilter(row_key_regex_filter=self.pattern_for(self.keys))

    def family(self):
        random = self.random
        names = [random.choice(self.families) for _ in range(random.choice([1, 1, 2, 3]))]
        if random.random() < 0.4:
            names = [random.choice(["f|g", "m.*", "[a-g]", "(?:f|s).*", "m\\w{2}", "", "nope",
                                    "[^f]+", "f?", "x*"])]
        return RowFilter(family_name_regex_filter="|".join(names))

    def qualifier(self):
        return RowFilter(column_qualifier_regex_filter=self.pattern_for(self.qualifiers))

    def value(self):
        return RowFilter(value_regex_filter=self.pattern_for(self.some_values))

    def range_of(self, data, start, end):
        """Fields of a range in order."""
        random = self.random
        first, last = sorted([random.choice(data), random.choice(data)])
        fields = {}
        if random.random() < 0.8 and first:
            fields[start + random.choice(["_closed", "_open"])] = first
        if random.random() < 0.8 and last:
            fields[end + random.choice(["_closed", "_open"])] = last
        return fields

    def columns(self):
        return RowFilter(column_range_filter=dict(
            family_name=self.random.choice(self.families),
            **self.range_of(self.qualifiers, "start_qualifier", "end_qualifier")))

    def values(self):
        return RowFilter(value_range_filter=self.range_of(
            self.some_values, "start_value", "end_value"))

    def times(self):
        random = self.random
        first, last = sorted(random.choices(TIMES + FUTURE, k=2))
        return RowFilter(timestamp_range_filter=dict(
            start_timestamp_micros=random.choice([0, first]),
            end_timestamp_micros=random.choice([0, last])))

    def count(self):
        return self.random.choice([0, 1, 1, 1, 2, 2, 3, 8, 2**31 - 1])

    def offset(self):
        return RowFilter(cells_per_row_offset_filter=self.count())

    def limit(self):
        return RowFilter(cells_per_row_limit_filter=self.count())

    def column_limit(self):
        return RowFilter(cells_per_column_limit_filter=self.count())

    def strip(self):
        return RowFilter(strip_value_transformer=True)

    def label(self):
        return RowFilter(apply_label_transformer=self.random.choice(LABELS))

    def sink(self):
        return RowFilter(sink=True)

    # Patterns

    def pattern_for(self, data):
        """A pattern that has a chance to match some of the data."""
        random = self.random
        if random.random() < 0.5:
            return self.pattern(random.choice([1, 2, 2, 3]))
        byte_strings = [b"".join(escaped(b, False) for b in random.choice(data))
                        for _ in range(random.choice([1, 1, 2]))]
        pattern = b"|".join(byte_strings)
        ends = [b"", b"", b".*", rb"\C*", b".+", b"?" if pattern else b""]
        if random.random() < 0.3:
            pattern = b"(?:" + pattern + b")" if pattern else b""
        elif b"|" in pattern:
            return pattern
        return pattern + random.choice(ends)

    def pattern(self, depth):
        random = self.random
        kind = random.choice(["atom", "sequence", "either", "repeat"]) if depth else "atom"
        if kind == "atom":
            return self.atom()
        if kind == "sequence":
            return b"".join(self.pattern(depth - 1) for _ in range(random.choice([0, 1, 2, 3])))
        inner = self.pattern(depth - 1)
        group = b"(?:%s)" if random.random() < 0.7 else b"(%s)"
        if kind == "either":
            return group % (inner + b"|" + self.pattern(depth - 1))
        repeat = random.choice([b"*", b"+", b"?", b"{2}", b"{1,3}", b"{0,1}", b"{2,}", b"*?",
                                b"+?", b"??"])
        return group % inner + repeat

    def atom(self):
        random = self.random
        kind = random.choice(["literal", "literal", "literal", "dot", "any", "class", "not",
                              "digit", "number"])
        if kind == "dot":
            return b"."
        if kind == "any":
            return rb"\C"
        if kind == "digit":
            return random.choice([rb"\d", rb"\w", rb"\D", rb"\W"])
        if kind == "number":
            return b"\\x%02X" % random.choice(LITERALS)
        if kind == "literal":
            return escaped(random.choice(LITERALS), False)
        ends = sorted([random.choice(LITERALS), random.choice(LITERALS)])
        members = b"\\x%02x-\\x%02x" % tuple(ends) + random.choice([b"", b"a", rb"\d", b"xk"])
        return (b"[%s]" if kind == "class" else b"[^%s]") % members
