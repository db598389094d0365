"""What programs on google-cloud-bigtable do, against a server at BIGTABLE_EMULATOR_HOST.

Nothing of the client is changed. Prints a line for each step; ends with 1 at the first that is wrong.
"""

import asyncio
import datetime
import os
import sys

try:
    from google.api_core import exceptions
    from google.cloud import bigtable
    from google.cloud.bigtable import column_family, row_filters
    from google.cloud.bigtable.data import (
        BigtableDataClientAsync, DeleteAllFromRow, ReadRowsQuery, RowRange, SetCell,
    )
    from google.cloud.bigtable.data import row_filters as data_filters
except ImportError:
    print("skipped: google-cloud-bigtable is not installed (pip install google-cloud-bigtable)")
    sys.exit(0)

if "BIGTABLE_EMULATOR_HOST" not in os.environ:
    sys.exit("set BIGTABLE_EMULATOR_HOST to the server's gRPC address")

TABLE = f"clients-{os.getpid()}"


def check(what, is_right):
    print(("ok   " if is_right else "WRONG"), what, flush=True)
    if not is_right:
        sys.exit(1)


def refused(kind, call):
    try:
        call()
    except kind:
        return True
    return False


def admin(instance):
    """Tables and families."""
    table = instance.table(TABLE)
    table.create(column_families={
        "s": column_family.MaxVersionsGCRule(3),
        "f": column_family.GCRuleUnion([
            column_family.MaxVersionsGCRule(2),
            column_family.MaxAgeGCRule(datetime.timedelta(days=7))]),
    })
    check("a table is made", table.exists())
    check("it is listed", TABLE in [t.table_id for t in instance.list_tables()])
    check("a second one of its name is refused",
          refused(exceptions.AlreadyExists, lambda: instance.table(TABLE).create()))
    families = table.list_column_families()
    check("families come back", sorted(families) == ["f", "s"])
    check("with their rules", families["s"].gc_rule == column_family.MaxVersionsGCRule(3))
    table.column_family("x").create()
    check("a family is added", sorted(table.list_column_families()) == ["f", "s", "x"])
    table.column_family("x").delete()
    check("and dropped", sorted(table.list_column_families()) == ["f", "s"])
    return table


def classic(table):
    """The classic client."""
    row = table.direct_row(b"user#1")
    row.set_cell("s", b"score", b"712", timestamp=datetime.datetime(2024, 1, 1))
    row.set_cell("s", b"score", b"718", timestamp=datetime.datetime(2024, 2, 1))
    row.set_cell("f", b"empty", b"")
    row.set_cell("f", b"large", b"x" * 3_000_000)
    check("a row is written", row.commit().code == 0)
    read = table.read_row(b"user#1")
    check("the newest comes first", [c.value for c in read.cells["s"][b"score"]] == [b"718", b"712"])
    check("an empty cell is a cell", read.cells["f"][b"empty"][0].value == b"")
    check("a large one is whole", read.cells["f"][b"large"][0].value == b"x" * 3_000_000)
    rows = []
    for index in range(100):
        row = table.direct_row(f"scan#{index:03}".encode())
        row.set_cell("s", b"n", str(index).encode())
        rows.append(row)
    bad = table.direct_row(b"bad")
    bad.set_cell("nobody", b"n", b"1")
    codes = [status.code for status in table.mutate_rows(rows + [bad])]
    check("rows are written together, the bad one alone refused", codes == [0] * 100 + [5])
    keys = [r.row_key for r in table.read_rows(start_key=b"scan#010", end_key=b"scan#020")]
    check("a range", keys == [f"scan#{i:03}".encode() for i in range(10, 20)])
    chain = row_filters.RowFilterChain([
        row_filters.RowKeyRegexFilter(b"scan#0.5"), row_filters.StripValueTransformerFilter(True)])
    found = {r.row_key: r.cell_value("s", b"n") for r in table.read_rows(filter_=chain)}
    check("a filter", found == {f"scan#0{i}5".encode(): b"" for i in range(10)})
    check("a bad pattern is refused", refused(
        exceptions.InvalidArgument,
        lambda: list(table.read_rows(filter_=row_filters.ValueRegexFilter(b"[")))))
    check("a limit", len(list(table.read_rows(limit=7))) == 7)
    conditional = table.conditional_row(b"user#1", row_filters.ValueRegexFilter(b"718"))
    conditional.set_cell("f", b"seen", b"yes", state=True)
    check("a condition holds", conditional.commit() is True)
    check("and its mutation is done", table.read_row(b"user#1").cell_value("f", b"seen") == b"yes")
    append = table.append_row(b"counter")
    append.increment_cell_value("s", b"count", 5)
    append.append_cell_value("f", b"text", b"ab")
    result = append.commit()
    check("a counter", result["s"][b"count"][0][0] == (5).to_bytes(8, "big"))
    check("samples end with the table", [s.row_key for s in table.sample_row_keys()][-1] == b"")
    row = table.direct_row(b"user#1")
    row.delete()
    row.commit()
    check("a row is deleted", table.read_row(b"user#1") is None)
    check("a missing table is not found", refused(
        exceptions.NotFound, lambda: list(table._instance.table("nobody").read_rows())))


async def data():
    """The async data client."""
    async with BigtableDataClientAsync(project="p") as client:
        async with client.get_table("i", TABLE) as table:
            await table.mutate_row(b"async", SetCell("s", b"q", b"v", timestamp_micros=1000))
            row = await table.read_row(b"async")
            check("async: a row", row.cells[0].value == b"v" and row.cells[0].timestamp_micros == 1000)
            query = ReadRowsQuery(
                row_keys=[b"scan#001"], row_ranges=[RowRange(b"scan#098", None)], limit=3,
                row_filter=data_filters.CellsColumnLimitFilter(1))
            keys = [r.row_key async for r in await table.read_rows_stream(query)]
            check("async: keys and ranges", keys == [b"scan#001", b"scan#098", b"scan#099"])
            rows = await table.read_rows_sharded([ReadRowsQuery(row_keys=[b"scan#00%d" % i]) for i in range(5)])
            check("async: shards", len(rows) == 5)
            async with table.mutations_batcher() as batcher:
                for index in range(500):
                    await batcher.append(_entry(index))
            check("async: a batcher", len(await table.read_rows(ReadRowsQuery(
                row_ranges=[RowRange(b"batch#", b"batch$")]))) == 500)
            matched = await table.check_and_mutate_row(
                b"async", None, true_case_mutations=DeleteAllFromRow())
            check("async: a condition", matched and await table.read_row(b"async") is None)


def _entry(index):
    from google.cloud.bigtable.data import RowMutationEntry

    return RowMutationEntry(b"batch#%03d" % index, [SetCell("s", b"n", b"%d" % index)])


def main():
    client = bigtable.Client(project="p", admin=True)
    table = admin(client.instance("i"))
    classic(table)
    asyncio.run(data())
    table.delete()
    check("the table is gone", not table.exists())


main()
