"""Every call of google.cloud.bigtable.data, by BigtableDataClient and BigtableDataClientAsync.

The async client goes through the same checks: `Blocking` runs each of its calls to the end.
"""

import asyncio

import checks
from checks import TABLE, finish, holds, need_server, refused, report, same, section

try:
    from google.api_core import exceptions
    from google.cloud import bigtable
    from google.cloud.bigtable import column_family
    from google.cloud.bigtable.data import (
        AddToCell, BigtableDataClient, BigtableDataClientAsync, DeleteAllFromFamily,
        DeleteAllFromRow, DeleteRangeFromColumn, MutationsExceptionGroup, ReadRowsQuery,
        RowMutationEntry, RowRange, SetCell, ShardedReadRowsExceptionGroup,
    )
    from google.cloud.bigtable.data import row_filters as filters
    from google.cloud.bigtable.data.read_modify_write_rules import AppendValueRule, IncrementRule
    from google.cloud.bigtable_admin_v2 import types as admin_types
except ImportError:
    checks.skip("google-cloud-bigtable")

EVERYTHING = ReadRowsQuery()


class Blocking:
    """A table of the async client, called like one of the other."""

    def __init__(self, loop, table):
        self.loop, self.table = loop, table

    def __getattr__(self, name):
        call = getattr(self.table, name)
        return lambda *args, **named: self.loop.run_until_complete(call(*args, **named))

    def read_rows_stream(self, query):
        async def rows():
            return [row async for row in await self.table.read_rows_stream(query)]
        return self.loop.run_until_complete(rows())

    def first_of_stream(self, query):
        async def first():
            stream = await self.table.read_rows_stream(query)
            row = await stream.__anext__()
            await stream.aclose()
            return row
        return self.loop.run_until_complete(first())

    def batch(self, entries, **settings):
        async def add():
            async with self.table.mutations_batcher(**settings) as batcher:
                for entry in entries:
                    await batcher.append(entry)
        self.loop.run_until_complete(add())


class Direct:
    """A table of the sync client, with the two calls that `Blocking` has on top."""

    def __init__(self, table):
        self.table = table

    def __getattr__(self, name):
        return getattr(self.table, name)

    def first_of_stream(self, query):
        stream = self.table.read_rows_stream(query)
        row = next(stream)
        stream.close()
        return row

    def batch(self, entries, **settings):
        with self.table.mutations_batcher(**settings) as batcher:
            for entry in entries:
                batcher.append(entry)


def cells(row):
    """A row as (family, qualifier, milliseconds, value)s."""
    return row and [
        (c.family, c.qualifier, c.timestamp_micros // 1000, c.value) for c in row.cells]


def keys(rows):
    return [row.row_key for row in rows]


def between(start, end, **more):
    return ReadRowsQuery(row_ranges=[RowRange(start, end)], **more)


def numbered(prefix, count):
    return [b"%s#%03d" % (prefix, index) for index in range(count)]


def put(value, qualifier=b"q", milliseconds=1, family="f"):
    return SetCell(family, qualifier, value, timestamp_micros=milliseconds * 1000)


def writes(table):
    """Mutations of one row."""
    table.mutate_row(b"one", [
        put(b"new", milliseconds=2), put(b"old"), put(b"", b"empty"), put(b"\0\xff", b"\xff\0"),
        put(b"other", family="g")])
    same("a row is written and read, newest first, in order", lambda: cells(
        table.read_row(b"one")), [
        ("f", b"empty", 1, b""), ("f", b"q", 2, b"new"), ("f", b"q", 1, b"old"),
        ("f", b"\xff\0", 1, b"\0\xff"), ("g", b"q", 1, b"other")])
    table.mutate_row(b"one", put(b"newer", milliseconds=2))
    same("a cell of the same time is replaced",
         lambda: table.read_row(b"one")["f", b"q"][0].value, b"newer")
    table.mutate_row(b"server", SetCell("f", b"q", b"v", timestamp_micros=-1))
    holds("the server's time is now, in milliseconds", lambda: (
        lambda time: time > 1_700_000_000_000_000 and time % 1000 == 0)(
            table.read_row(b"server").cells[0].timestamp_micros))
    same("an integer is eight bytes", lambda: (
        table.mutate_row(b"number", put(-2)), table.read_row(b"number").cells[0].value)[1],
        b"\xff" * 7 + b"\xfe")
    table.mutate_row(b"one", DeleteRangeFromColumn("f", b"q", 1000, 2000))
    same("versions of a time are deleted, its end stays",
         lambda: [c.value for c in table.read_row(b"one")["f", b"q"]], [b"newer"])
    table.mutate_row(b"one", DeleteRangeFromColumn("f", b"empty"))
    same("a column is deleted", lambda: [c.qualifier for c in table.read_row(b"one").cells],
         [b"q", b"\xff\0", b"q"])
    table.mutate_row(b"one", [DeleteAllFromFamily("f"), put(b"after")])
    same("a family is deleted, what the same call writes later stays",
         lambda: [c.value for c in table.read_row(b"one").cells], [b"after", b"other"])
    table.mutate_row(b"one", DeleteAllFromRow())
    same("a row is deleted", lambda: table.read_row(b"one"), None)
    table.mutate_row(b"sum", [AddToCell("sum", b"n", 5, 1000), AddToCell("sum", b"n", -7, 1000)])
    table.mutate_row(b"sum", [AddToCell("sum", b"n", 10, 1000), AddToCell("sum", b"n", 1, 2000)])
    same("sums are kept for each time",
         lambda: [int(c) for c in table.read_row(b"sum").cells], [1, 8])
    table.mutate_row(b"sum", [AddToCell("max", b"n", n, 0) for n in (3, 9, -4)])
    same("a maximum", lambda: int(table.read_row(b"sum")["max", b"n"][0]), 9)
    refused("a sum's family takes no cells", exceptions.InvalidArgument,
            lambda: table.mutate_row(b"sum", put(b"x", family="sum")))
    refused("a plain one takes no sums", exceptions.InvalidArgument,
            lambda: table.mutate_row(b"sum", AddToCell("f", b"n", 1, 0)))
    refused("a missing family is not found", exceptions.NotFound,
            lambda: table.mutate_row(b"none", [put(b"x"), put(b"x", family="nobody")]))
    same("and nothing of its call is written", lambda: table.read_row(b"none"), None)
    refused("microseconds are refused", exceptions.InvalidArgument,
            lambda: table.mutate_row(b"none", SetCell("f", b"q", b"v", timestamp_micros=1001)))
    refused("an empty key is refused", exceptions.InvalidArgument,
            lambda: table.mutate_row(b"", put(b"v")), "non-empty")
    big = put(b"x" * 9_000_000)
    same("nine megabytes in a cell", lambda: (
        table.mutate_row(b"big", big), table.read_row(b"big").cells[0].value)[1], big.new_value)
    table.mutate_row(b"big", DeleteAllFromRow())


def many(table):
    """Mutations of many rows."""
    scan = numbered(b"scan", 100)
    table.bulk_mutate_rows([RowMutationEntry(key, put(key)) for key in scan])
    same("rows written together", lambda: keys(
        table.read_rows(between(b"scan#", b"scan$"))), scan)

    def failures():
        try:
            table.bulk_mutate_rows([
                RowMutationEntry(b"good", put(b"v")),
                RowMutationEntry(b"bad", put(b"v", family="nobody")),
                RowMutationEntry(b"good2", put(b"v"))])
        except MutationsExceptionGroup as group:
            return [(e.index, type(e.__cause__)) for e in group.exceptions]
    same("the bad entry alone is refused", failures, [(1, exceptions.NotFound)])
    same("and the others are written",
         lambda: [table.row_exists(key) for key in (b"good", b"bad", b"good2")],
         [True, False, True])
    batch = numbered(b"batch", 700)
    table.batch([RowMutationEntry(key, put(key)) for key in batch],
                flush_limit_mutation_count=100)
    same("a batcher writes all", lambda: keys(
        table.read_rows(between(b"batch#", b"batch$"))), batch)
    refused("a batcher tells what failed", MutationsExceptionGroup, lambda: table.batch(
        [RowMutationEntry(b"bad", put(b"v", family="nobody"))]))


def large(table):
    """Rows that take more than one message, and messages that take more than one row.

    After the first row this client wants a row's key in the first chunk of each message.
    """
    table.mutate_row(b"large#0", put(b"small"))
    table.mutate_row(b"large#1", [put(b"x" * 100_000, b"%03d" % index) for index in range(30)])
    same("a row of thirty cells of 100 kB behind another", lambda: [
        len(row.cells) for row in table.read_rows(between(b"large#", b"large$"))], [1, 30])
    table.mutate_row(b"large#1", [DeleteAllFromRow(), put(b"x" * 3_000_000)])
    same("a cell of 3 MB behind another row", lambda: [
        len(row.cells[0].value) for row in table.read_rows(between(b"large#", b"large$"))],
        [5, 3_000_000])
    small = numbered(b"many", 999)
    table.bulk_mutate_rows([RowMutationEntry(key, [
        put(b"x" * 100, b"%d" % index) for index in range(7)]) for key in small])
    same("999 rows of seven small cells", lambda: [
        (row.row_key, len(row.cells)) for row in table.read_rows(between(b"many#", b"many$"))],
        [(key, 7) for key in small])
    table.bulk_mutate_rows([
        RowMutationEntry(key, DeleteAllFromRow()) for key in small + [b"large#0", b"large#1"]])


def reads(table):
    """Rows and ranges."""
    scan = numbered(b"scan", 100)
    same("a missing row is none", lambda: table.read_row(b"nobody"), None)
    same("a row through a filter", lambda: cells(
        table.read_row(scan[3], row_filter=filters.StripValueTransformerFilter(True))),
        [("f", b"q", 1, b"")])
    same("rows that are there or not",
         lambda: (table.row_exists(scan[3]), table.row_exists(b"nobody")), (True, False))
    ranges = [
        (RowRange(scan[5], scan[8]), scan[5:8]),
        (RowRange(scan[5], scan[8], start_is_inclusive=False, end_is_inclusive=True), scan[6:9]),
        (RowRange(scan[97], b"scan$"), scan[97:]),
        (RowRange(scan[5], scan[5]), []),
        (RowRange(scan[5], scan[5], end_is_inclusive=True), scan[5:6]),
    ]
    for number, (row_range, wanted) in enumerate(ranges):
        same(f"range {number}", lambda: keys(
            table.read_rows(ReadRowsQuery(row_ranges=[row_range]))), wanted)
    same("keys and ranges that overlap, each row once", lambda: keys(table.read_rows(
        ReadRowsQuery(row_keys=[scan[9], scan[2], b"nobody", scan[2]],
                      row_ranges=[RowRange(scan[8], scan[11]), RowRange(scan[10], scan[13])]))),
        [scan[2]] + scan[8:13])
    same("a limit", lambda: keys(
        table.read_rows(between(scan[0], None, limit=7))), scan[:7])
    same("a limit counts what a filter leaves", lambda: keys(table.read_rows(between(
        scan[0], None, limit=3, row_filter=filters.RowKeyRegexFilter(b"scan#..7")))),
        [scan[7], scan[17], scan[27]])
    holds("the whole table is in order, without end or start", lambda: (
        lambda all_keys: all_keys == sorted(set(all_keys)) and set(scan) < set(all_keys))(
            keys(table.read_rows(EVERYTHING))))
    same("a stream", lambda: keys(
        list(table.read_rows_stream(between(scan[0], scan[50])))), scan[:50])
    same("a stream closed after a row", lambda:
         table.first_of_stream(between(scan[1], None)).row_key, scan[1])
    same("the connection goes on after it", lambda: table.row_exists(scan[0]), True)
    same("shards are read", lambda: keys(table.read_rows_sharded(
        [ReadRowsQuery(row_keys=[key]) for key in scan[:25]])), scan[:25])
    refused("a shard that fails is told", ShardedReadRowsExceptionGroup,
            lambda: table.read_rows_sharded([
                ReadRowsQuery(row_keys=[scan[0]]),
                ReadRowsQuery(row_filter=filters.ValueRegexFilter(b"["))]))
    samples = table.sample_row_keys()
    holds("samples ascend and end with the table", lambda: (
        samples[-1][0] == b"" and samples[:-1] == sorted(samples[:-1])
        and [offset for _, offset in samples] == sorted(offset for _, offset in samples)))
    same("a scan sharded by them gives every row", lambda: keys(
        table.read_rows_sharded(EVERYTHING.shard(samples))), keys(table.read_rows(EVERYTHING)))
    refused("a bad pattern is refused", exceptions.InvalidArgument, lambda: table.read_rows(
        ReadRowsQuery(row_filter=filters.ValueRegexFilter(b"["))))


def conditions(table):
    """check_and_mutate_row and read_modify_write_row."""
    table.mutate_row(b"if", put(b"5"))
    five = filters.ValueRegexFilter(b"5")
    same("a condition holds", lambda: table.check_and_mutate_row(
        b"if", five, true_case_mutations=put(b"6"), false_case_mutations=put(b"7")), True)
    same("and then not", lambda: table.check_and_mutate_row(
        b"if", five, true_case_mutations=put(b"6"),
        false_case_mutations=[put(b"7"), put(b"8", b"r")]), False)
    same("each did its own", lambda: [c.value for c in table.read_row(b"if").cells],
         [b"7", b"8"])
    same("no condition: is the row there?", lambda: [
        table.check_and_mutate_row(key, None, true_case_mutations=put(b"there"))
        for key in (b"if", b"nobody")], [True, False])
    same("a branch that is not there does nothing", lambda: table.row_exists(b"nobody"),
         False)
    same("a branch not taken may be wrong", lambda: table.check_and_mutate_row(
        b"if", filters.PassAllFilter(True), true_case_mutations=put(b"9"),
        false_case_mutations=put(b"x", family="nobody")), True)
    refused("a condition with nothing to do is refused", exceptions.InvalidArgument,
            lambda: table.check_and_mutate_row(b"if", None))
    got = table.read_modify_write_row(b"rmw", [
        IncrementRule("f", b"n", 5), IncrementRule("f", b"n", -7), AppendValueRule("g", b"t", "a"),
        AppendValueRule("g", b"t", b"b")])
    same("counters and appends, each rule after the other",
         lambda: [(c.family, c.qualifier, c.value) for c in got.cells],
         [("f", b"n", b"\xff" * 7 + b"\xfe"), ("g", b"t", b"ab")])
    same("are in the row", lambda: [c.value for c in table.read_row(
        b"rmw", row_filter=filters.CellsColumnLimitFilter(1)).cells],
        [b"\xff" * 7 + b"\xfe", b"ab"])
    holds("a counter goes over the top", lambda: (
        table.read_modify_write_row(b"top", IncrementRule("f", b"n", 2 ** 63 - 1)),
        int(table.read_modify_write_row(b"top", IncrementRule("f", b"n")).cells[0]) == -2 ** 63)[1])
    refused("no counter, no increment", exceptions.FailedPrecondition,
            lambda: table.read_modify_write_row(b"if", [
                AppendValueRule("f", b"never", b"x"), IncrementRule("f", b"q", 1)]))
    same("and nothing of that is written",
         lambda: [c.qualifier for c in table.read_row(b"if").cells], [b"q", b"r"])
    refused("a missing family is not found by it", exceptions.NotFound,
            lambda: table.read_modify_write_row(b"if", IncrementRule("nobody", b"q", 1)))


def calls(who, table):
    for group in (writes, many, large, reads, conditions):
        section(f"{who} {group.__name__}", group, table)


def missing(table):
    for name, call in {
        "read": lambda: table.read_row(b"k"),
        "written": lambda: table.mutate_row(b"k", put(b"v")),
        "sampled": lambda: table.sample_row_keys(),
        "written under a condition": lambda: table.check_and_mutate_row(
            b"k", None, true_case_mutations=put(b"v")),
        "counted in": lambda: table.read_modify_write_row(b"k", IncrementRule("f", b"n")),
    }.items():
        refused(f"a missing table is not {name}", exceptions.NotFound, call)


async def together(table):
    """Many calls at once on one connection; each must get its own answer."""
    found = await asyncio.gather(*[
        table.read_modify_write_row(b"together", IncrementRule("f", b"n")) for _ in range(200)])
    counts = sorted(int(row.cells[0]) for row in found)
    report("200 increments at once, none lost",
           None if counts == list(range(1, 201)) else f"got {counts}")
    rows = await asyncio.gather(*[
        table.read_rows(between(b"scan#", b"scan$")) for _ in range(50)])
    report("50 scans at once",
           None if all(keys(one) == numbered(b"scan", 100) for one in rows) else "rows differ")


def aggregate(**kind):
    """A family of sums or maxima; the classic client's families have rules alone."""
    integer = {"int64_type": {"encoding": {"big_endian_bytes": {}}}}
    return admin_types.ColumnFamily(
        value_type={"aggregate_type": {"input_type": integer, **kind}})


def main():
    need_server()
    instance = bigtable.Client(project="p", admin=True).instance("i")
    tables = [instance.table(f"{TABLE}-{who}") for who in ("sync", "async")]
    for table in tables:
        table.create(column_families={"f": column_family.MaxVersionsGCRule(1000), "g": None})
        instance._client.table_admin_client.modify_column_families(request={
            "name": table.name,
            "modifications": [{"id": "sum", "create": aggregate(sum={})},
                              {"id": "max", "create": aggregate(max_={})}]})
    with BigtableDataClient(project="p") as client:
        with client.get_table("i", tables[0].table_id) as table:
            calls("sync", Direct(table))
        with client.get_table("i", "nobody") as table:
            section("sync, no table", missing, table)
    loop = asyncio.new_event_loop()

    async def connect():
        client = BigtableDataClientAsync(project="p")
        return client, client.get_table("i", tables[1].table_id), client.get_table("i", "nobody")
    client, table, nobody = loop.run_until_complete(connect())
    calls("async", Blocking(loop, table))
    section("async, no table", missing, Blocking(loop, nobody))
    section("async together", lambda: loop.run_until_complete(together(table)))
    loop.run_until_complete(table.close())
    loop.run_until_complete(nobody.close())
    loop.run_until_complete(client.close())
    for table in tables:
        table.delete()
    finish()


main()
