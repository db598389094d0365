"""Every filter, by the filters of google.cloud.bigtable.data."""

import datetime

import checks
from checks import TABLE, finish, holds, need_server, refused, same, section

try:
    from google.api_core.exceptions import InvalidArgument
    from google.cloud import bigtable
    from google.cloud.bigtable.data import (
        BigtableDataClient, ReadRowsQuery, RowMutationEntry, RowRange, SetCell,
    )
    from google.cloud.bigtable.data.row_filters import (
        ApplyLabelFilter, BlockAllFilter, CellsColumnLimitFilter, CellsRowLimitFilter,
        CellsRowOffsetFilter, ColumnQualifierRegexFilter, ColumnRangeFilter,
        ConditionalRowFilter, FamilyNameRegexFilter, LiteralValueFilter, PassAllFilter,
        RowFilterChain, RowFilterUnion, RowKeyRegexFilter, RowSampleFilter, SinkFilter,
        StripValueTransformerFilter, TimestampRangeFilter, ValueRangeFilter, ValueRegexFilter,
    )
except ImportError:
    checks.skip("google-cloud-bigtable")

# Each row's cells as its answers are written below: family:qualifier@milliseconds=value
ROWS = {
    b"one": "f:a@3=z f:a@2=y f:a@1=x f:b@2=blue g:a@1=x",
    b"two": "f:a@2=y g:b@1=green",
    b"three": "g:c@5=",
}


def written(cells):
    """The text of a row's cells, with their labels after a slash."""
    return " ".join(
        f"{c.family}:{c.qualifier.decode('latin-1')}@{c.timestamp_micros // 1000}="
        f"{c.value.decode('latin-1')}" + "".join(f"/{label}" for label in c.labels)
        for c in cells)


class Filters:
    def __init__(self, table):
        self.table = table

    def rows(self, row_filter, **more):
        rows = self.table.read_rows(ReadRowsQuery(
            row_ranges=[RowRange(b"one", b"u")], row_filter=row_filter, **more))
        return {row.row_key: written(row.cells) for row in rows}

    def gives(self, what, row_filter, **wanted):
        """The filter leaves these cells of these rows."""
        same(what, lambda: self.rows(row_filter),
             {key.encode(): cells for key, cells in wanted.items()})

    def unordered(self, what, row_filter, **wanted):
        """The same, where the order of equal cells is open."""
        same(what, lambda: {
            key: sorted(cells.split()) for key, cells in self.rows(row_filter).items()},
            {key.encode(): sorted(cells.split()) for key, cells in wanted.items()})

    def refuses(self, what, row_filter):
        refused(what, InvalidArgument, lambda: self.rows(row_filter))


def chain(*members):
    return RowFilterChain(filters=list(members))


def union(*members):
    return RowFilterUnion(filters=list(members))


def time(milliseconds):
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)


def cell_filters(on):
    on.gives("no filter", None, **{key.decode(): cells for key, cells in ROWS.items()})
    on.gives("pass all", PassAllFilter(True),
             **{key.decode(): cells for key, cells in ROWS.items()})
    on.gives("block all", BlockAllFilter(True))
    on.refuses("a pass-all that is false is refused", PassAllFilter(False))
    on.refuses("a block-all that is false", BlockAllFilter(False))
    on.gives("a key's pattern matches all of it", RowKeyRegexFilter(b"t.*o"), two=ROWS[b"two"])
    on.gives("not a part", RowKeyRegexFilter(b"tw"))
    on.gives("families", FamilyNameRegexFilter("g"),
             one="g:a@1=x", two="g:b@1=green", three="g:c@5=")
    on.gives("columns", ColumnQualifierRegexFilter(b"b|c"),
             one="f:b@2=blue", two="g:b@1=green", three="g:c@5=")
    on.gives("columns of a range", ColumnRangeFilter("f", b"a", b"b"),
             one="f:a@3=z f:a@2=y f:a@1=x f:b@2=blue", two="f:a@2=y")
    on.gives("without its start", ColumnRangeFilter("f", b"a", inclusive_start=False),
             one="f:b@2=blue")
    on.gives("without its end", ColumnRangeFilter("g", None, b"c", inclusive_end=False),
             one="g:a@1=x", two="g:b@1=green")
    on.refuses("of no family is refused", ColumnRangeFilter("", b"a"))
    on.gives("times, the end not with them", TimestampRangeFilter(time(2), time(3)),
             one="f:a@2=y f:b@2=blue", two="f:a@2=y")
    on.gives("times without an end", TimestampRangeFilter(time(3)),
             one="f:a@3=z", three="g:c@5=")
    on.gives("values", ValueRegexFilter(b"[bg].*e.*"), one="f:b@2=blue", two="g:b@1=green")
    on.gives("an empty value", ValueRegexFilter(b""), three="g:c@5=")
    on.gives("one of two, the first empty", ValueRegexFilter(b"|z"),
             one="f:a@3=z", three="g:c@5=")
    on.gives("a value itself", LiteralValueFilter("y"), one="f:a@2=y", two="f:a@2=y")
    on.gives("values of a range", ValueRangeFilter(b"g", b"x"),
             one="f:a@1=x g:a@1=x", two="g:b@1=green")
    on.gives("without its ends", ValueRangeFilter(
        b"green", b"y", inclusive_start=False, inclusive_end=False),
        one="f:a@1=x g:a@1=x")
    on.gives("without values", StripValueTransformerFilter(True),
             one="f:a@3= f:a@2= f:a@1= f:b@2= g:a@1=", two="f:a@2= g:b@1=", three="g:c@5=")


def counting_filters(on):
    on.gives("cells of a row", CellsRowLimitFilter(2),
             one="f:a@3=z f:a@2=y", two=ROWS[b"two"], three=ROWS[b"three"])
    on.gives("all but the first", CellsRowOffsetFilter(1),
             one="f:a@2=y f:a@1=x f:b@2=blue g:a@1=x", two="g:b@1=green")
    on.gives("cells of a column", CellsColumnLimitFilter(1),
             one="f:a@3=z f:b@2=blue g:a@1=x", two=ROWS[b"two"], three=ROWS[b"three"])
    on.gives("counted after what is before", chain(
        ColumnQualifierRegexFilter(b"a"), CellsRowOffsetFilter(2), CellsRowLimitFilter(1)),
        one="f:a@1=x")
    on.refuses("a negative limit is refused", CellsRowLimitFilter(-1))
    same("a limit of rows counts what is left", lambda: list(
        on.rows(FamilyNameRegexFilter("f"), limit=1)), [b"one"])


def combined(on):
    on.gives("one filter after the other", chain(
        FamilyNameRegexFilter("f"), CellsColumnLimitFilter(1), ValueRegexFilter(b"[a-y].*")),
        one="f:b@2=blue", two="f:a@2=y")
    on.refuses("a chain of one is refused", chain(PassAllFilter(True)))
    on.refuses("an interleave of one is refused", union(PassAllFilter(True)))
    on.gives("cells of two filters, in order", union(
        ValueRegexFilter(b"blue"), CellsRowLimitFilter(1)),
        one="f:a@3=z f:b@2=blue", two="f:a@2=y", three="g:c@5=")
    on.gives("cells that both give come twice", chain(
        RowKeyRegexFilter(b"two"), union(PassAllFilter(True), FamilyNameRegexFilter("f"))),
        two="f:a@2=y f:a@2=y g:b@1=green")
    on.gives("and count twice", chain(
        RowKeyRegexFilter(b"two"), union(PassAllFilter(True), PassAllFilter(True)),
        CellsColumnLimitFilter(1)), two=ROWS[b"two"])
    on.gives("a condition", ConditionalRowFilter(
        ValueRegexFilter(b"blue"), CellsRowLimitFilter(1), FamilyNameRegexFilter("g")),
        one="f:a@3=z", two="g:b@1=green", three="g:c@5=")
    on.gives("without a false branch", ConditionalRowFilter(
        ValueRegexFilter(b"blue"), true_filter=CellsRowLimitFilter(1)), one="f:a@3=z")
    on.gives("of an offset that leaves nothing", ConditionalRowFilter(
        CellsRowOffsetFilter(2), CellsRowLimitFilter(1), BlockAllFilter(True)), one="f:a@3=z")
    on.gives("whose chain ends with nothing", ConditionalRowFilter(
        chain(PassAllFilter(True), ValueRegexFilter(b"nothing")), PassAllFilter(True),
        CellsRowLimitFilter(1)), one="f:a@3=z", two="f:a@2=y", three="g:c@5=")
    deep = PassAllFilter(True)
    for _ in range(30):
        deep = chain(deep, PassAllFilter(True))
    on.refuses("what is nested too deep is refused", deep)
    on.refuses("and what is too long", ValueRegexFilter(b"x" * 21_000))


def labels(on):
    on.gives("a label", chain(FamilyNameRegexFilter("f"), ApplyLabelFilter("mine-1")),
             one="f:a@3=z/mine-1 f:a@2=y/mine-1 f:a@1=x/mine-1 f:b@2=blue/mine-1",
             two="f:a@2=y/mine-1")
    on.unordered("a label for each branch", chain(RowKeyRegexFilter(b"two"), union(
        ApplyLabelFilter("all"), chain(FamilyNameRegexFilter("g"), ApplyLabelFilter("g")))),
        two="f:a@2=y/all g:b@1=green/all g:b@1=green/g")
    for name, text in {"empty": "", "long": "a" * 16, "large": "A", "odd": "a_b"}.items():
        on.refuses(f"a label that is {name} is refused", ApplyLabelFilter(text))
    on.refuses("two labels in one chain", chain(ApplyLabelFilter("a"), ApplyLabelFilter("b")))


def sinks(on):
    """A sink gives its cells to the answer past all later filters, and nothing to these."""
    on.gives("a sink alone gives all", SinkFilter(True),
             **{key.decode(): cells for key, cells in ROWS.items()})
    on.gives("nothing comes after a sink", chain(
        FamilyNameRegexFilter("f"), SinkFilter(True), BlockAllFilter(True)),
        one="f:a@3=z f:a@2=y f:a@1=x f:b@2=blue", two="f:a@2=y")
    # The example of the API's own description: labels of the branches that go on, none of sunk.
    on.unordered("a sink in a branch, later filters on the other", chain(
        RowKeyRegexFilter(b"one"), union(
            chain(ColumnQualifierRegexFilter(b"b"), SinkFilter(True)),
            chain(ColumnQualifierRegexFilter(b"a"), FamilyNameRegexFilter("f"))),
        CellsRowLimitFilter(1)), one="f:a@3=z f:b@2=blue")
    on.unordered("a cell sunk and passed comes twice", chain(
        RowKeyRegexFilter(b"two"), union(PassAllFilter(True), SinkFilter(True)),
        FamilyNameRegexFilter("g")), two="f:a@2=y g:b@1=green g:b@1=green")
    on.unordered("labels before a sink stay", chain(
        RowKeyRegexFilter(b"two"), union(
            PassAllFilter(True), chain(ApplyLabelFilter("sunk"), SinkFilter(True))),
        StripValueTransformerFilter(True)),
        two="f:a@2= g:b@1= f:a@2=y/sunk g:b@1=green/sunk")
    on.refuses("a sink in a condition is refused", ConditionalRowFilter(
        PassAllFilter(True), true_filter=SinkFilter(True)))
    on.refuses("and as its predicate", ConditionalRowFilter(
        SinkFilter(True), true_filter=PassAllFilter(True)))
    on.refuses("a sink that is false", SinkFilter(False))


def samples(on):
    table = on.table
    table.bulk_mutate_rows([RowMutationEntry(b"s%04d" % index, [
        SetCell("f", b"q", b"v", timestamp_micros=1000),
        SetCell("g", b"q", b"v", timestamp_micros=1000)]) for index in range(2000)])

    def sample(share):
        return table.read_rows(ReadRowsQuery(
            row_ranges=[RowRange(b"s", b"t")], row_filter=RowSampleFilter(share)))
    # 2,000 rows at 1/4: 500 with a deviation of 19; 200 are ten of these.
    holds("about a quarter of the rows", lambda: 300 < len(sample(0.25)) < 700)
    holds("each of them whole", lambda: {len(row.cells) for row in sample(0.5)} == {2})
    for share in (0.0, 1.0, -1.0, 2.0):
        refused(f"a share of {share} is refused", InvalidArgument, lambda: sample(share))


def bytes_of_all_kinds(on):
    """Patterns are over bytes: the client quotes any literal for them."""
    def literal(name, value):
        key = b"v" + name.encode()
        on.table.mutate_row(key, [SetCell("f", b"q", value, timestamp_micros=1000),
                                  SetCell("f", b"r", value + b"!", timestamp_micros=1000)])
        same(f"a literal value: {name}", lambda: on.table.read_row(
            key, row_filter=LiteralValueFilter(value)).cells[0].value, value)
    literal("every byte", bytes(range(256)))
    literal("a new line", b"\n")
    literal("UTF-8", "naïve 日本".encode())
    literal("what patterns are made of", rb".*[a]\d+(x|y)^$?{2}\C")
    literal("an integer", (2 ** 62 + 7).to_bytes(8, "big"))
    on.table.mutate_row(b"w\xff", SetCell("f", b"\xc2\xa7", b"\xc2\xa7", timestamp_micros=1000))

    def finds(what, row_filter):
        same(what, lambda: [row.row_key for row in on.table.read_rows(ReadRowsQuery(
            row_ranges=[RowRange(b"w", None)], row_filter=row_filter))], [b"w\xff"])
    finds("a key's byte", RowKeyRegexFilter(rb"w\xff"))
    finds("a column's bytes as they are", ColumnQualifierRegexFilter(b"\xc2\xa7"))
    finds("two bytes of any kind", ValueRegexFilter(rb"\C{2}"))
    finds("two of a class", ValueRegexFilter(rb"[\x80-\xff]{2}"))
    on.refuses("a pattern that is none", ValueRegexFilter(rb"a\xC.+"))
    on.refuses("nor this", RowKeyRegexFilter(b"["))


def main():
    need_server()
    made = bigtable.Client(project="p", admin=True).instance("i").table(f"{TABLE}-filters")
    made.create(column_families={"f": None, "g": None})
    with BigtableDataClient(project="p") as client, client.get_table(
            "i", made.table_id) as table:
        for key, cells in ROWS.items():
            for cell in cells.split():
                column, value = cell.split("=")
                column, milliseconds = column.split("@")
                family, qualifier = column.split(":")
                table.mutate_row(key, SetCell(
                    family, qualifier, value, timestamp_micros=int(milliseconds) * 1000))
        on = Filters(table)
        for group in (cell_filters, counting_filters, combined, labels, sinks, samples,
                      bytes_of_all_kinds):
            section(group.__name__, group, on)
    made.delete()
    finish()


main()
