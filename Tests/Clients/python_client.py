"""The classic client of google-cloud-bigtable: rows, conditions, counters, scans, batches."""

import datetime

import checks
from checks import TABLE, finish, holds, need_server, refused, same, section

try:
    from google.api_core import exceptions
    from google.cloud import bigtable
    from google.cloud.bigtable import column_family, row_filters
    from google.cloud.bigtable.batcher import MutationsBatchError
    from google.cloud.bigtable.row_set import RowRange, RowSet
except ImportError:
    checks.skip("google-cloud-bigtable")

DAY1, DAY2 = datetime.datetime(2024, 1, 1), datetime.datetime(2024, 2, 1)


def keys(rows):
    return [row.row_key for row in rows]


def numbered(prefix, indices):
    return [b"%s#%03d" % (prefix, index) for index in indices]


def new_row(table, key, value=b"v", family="s"):
    row = table.direct_row(key)
    row.set_cell(family, b"n", value, timestamp=DAY1)
    return row


def rows(table):
    row = table.direct_row(b"user#1")
    row.set_cell("s", b"score", b"712", timestamp=DAY1)
    row.set_cell("s", b"score", b"718", timestamp=DAY2)
    row.set_cell("f", b"empty", b"")
    row.set_cell("f", b"large", b"x" * 3_000_000)
    row.set_cell("f", "naïve", "日本")
    same("a row is written", lambda: row.commit().code, 0)
    read = table.read_row(b"user#1")
    same("the newest comes first", lambda: [
        (cell.value, cell.timestamp.replace(tzinfo=None)) for cell in read.cells["s"][b"score"]],
        [(b"718", DAY2), (b"712", DAY1)])
    same("an empty cell is a cell", lambda: read.cells["f"][b"empty"][0].value, b"")
    same("a large one is whole", lambda: read.cells["f"][b"large"][0].value, b"x" * 3_000_000)
    same("text is UTF-8", lambda: read.cell_value("f", "naïve".encode()), "日本".encode())
    same("a missing row is none", lambda: table.read_row(b"nobody"), None)
    row.delete_cell("s", b"score", time_range=row_filters.TimestampRange(end=DAY2))
    row.delete_cells("f", [b"empty", b"large"])
    row.commit()
    same("cells are deleted", lambda: [
        (column, cell.value) for columns in table.read_row(b"user#1").cells.values()
        for column, cells in columns.items() for cell in cells],
        [("naïve".encode(), "日本".encode()), (b"score", b"718")])
    row.delete_cells("f", row.ALL_COLUMNS)
    row.commit()
    same("a family is", lambda: list(table.read_row(b"user#1").cells), ["s"])
    row.delete()
    row.commit()
    same("and a row", lambda: table.read_row(b"user#1"), None)
    same("a missing family's status", lambda: new_row(table, b"bad", family="x").commit().code, 5)
    refused("a missing table is not found", exceptions.NotFound,
            lambda: list(table._instance.table("nobody").read_rows()))


def scans(table):
    made = [new_row(table, key, key) for key in numbered(b"scan", range(100))]
    bad = new_row(table, b"bad", family="nobody")
    same("rows are written together, the bad one alone refused", lambda: [
        status.code for status in table.mutate_rows(made + [bad])], [0] * 100 + [5])
    same("a range", lambda: keys(table.read_rows(start_key=b"scan#010", end_key=b"scan#020")),
         numbered(b"scan", range(10, 20)))
    same("with its end", lambda: keys(table.read_rows(
        start_key=b"scan#010", end_key=b"scan#012", end_inclusive=True)),
        numbered(b"scan", (10, 11, 12)))
    same("a limit", lambda: keys(table.read_rows(start_key=b"scan#", limit=7)),
         numbered(b"scan", range(7)))
    chosen = RowSet()
    chosen.add_row_key(b"scan#050")
    chosen.add_row_key(b"nobody")
    chosen.add_row_range(RowRange(b"scan#098", None))
    chosen.add_row_range_with_prefix("scan#00")
    same("keys, ranges and prefixes", lambda: keys(table.read_rows(row_set=chosen)),
         numbered(b"scan", [*range(10), 50, 98, 99]))
    chain = row_filters.RowFilterChain([
        row_filters.RowKeyRegexFilter(b"scan#0.5"), row_filters.StripValueTransformerFilter(True)])
    same("a filter", lambda: {
        row.row_key: row.cell_value("s", b"n") for row in table.read_rows(filter_=chain)},
        dict.fromkeys(numbered(b"scan", range(5, 100, 10)), b""))
    refused("a bad pattern is refused", exceptions.InvalidArgument, lambda: list(
        table.read_rows(filter_=row_filters.ValueRegexFilter(b"["))))

    def statistics():
        answers = list(table._instance._client.table_data_client.read_rows(request={
            "table_name": table.name, "request_stats_view": "REQUEST_STATS_FULL",
            "rows": {"row_ranges": [{"start_key_closed": b"scan#"}]}, "rows_limit": 20}))
        stats = type(answers[-1]).pb(answers[-1]).request_stats.full_read_stats_view
        # Go's client ends its program where one of the two is not there.
        return (stats.read_iteration_stats.rows_returned_count,
                stats.read_iteration_stats.cells_returned_count,
                stats.HasField("request_latency_stats"),
                stats.request_latency_stats.HasField("frontend_server_latency"))
    same("statistics of a read, its latency with them", statistics, (20, 20, True, True))

    def cancelled():
        scan = table.read_rows(start_key=b"scan#")
        first = next(iter(scan)).row_key
        scan.cancel()
        return first
    same("a scan is given up", cancelled, b"scan#000")
    holds("samples ascend and end with the table", lambda: (lambda samples: (
        samples[-1] == b"" and samples[:-1] == sorted(samples[:-1])))(
            keys(table.sample_row_keys())))


def batches(table):
    batch = numbered(b"batch", range(500))
    with table.mutations_batcher(flush_count=100) as batcher:
        for key in batch:
            batcher.mutate(new_row(table, key))
    same("a batcher writes all", lambda: keys(table.read_rows(
        start_key=b"batch#", end_key=b"batch$")), batch)

    def failing():
        with table.mutations_batcher() as batcher:
            batcher.mutate_rows([new_row(table, b"bad", family="nobody")])
    refused("and tells what failed", MutationsBatchError, failing)


def conditions(table):
    new_row(table, b"if", b"718").commit()
    row = table.conditional_row(b"if", row_filters.ValueRegexFilter(b"718"))
    row.set_cell("f", b"seen", b"yes", state=True)
    row.set_cell("f", b"seen", b"no", state=False)
    same("a condition holds", row.commit, True)
    same("and its mutation is done", lambda: table.read_row(b"if").cell_value("f", b"seen"),
         b"yes")
    row = table.conditional_row(b"if", row_filters.ValueRegexFilter(b"7"))
    row.delete_cell("f", b"seen", state=False)
    same("another does not", row.commit, False)
    same("and the other mutation is", lambda: list(table.read_row(b"if").cells), ["s"])
    append = table.append_row(b"counter")
    append.increment_cell_value("s", b"count", 5)
    append.append_cell_value("f", b"text", b"ab")
    append.increment_cell_value("s", b"count", -6)
    append.append_cell_value("f", b"text", b"c")
    same("counters and appends", lambda: {
        column: cells[0][0] for columns in append.commit().values()
        for column, cells in columns.items()}, {b"count": b"\xff" * 8, b"text": b"abc"})
    wrong = table.append_row(b"counter")
    wrong.increment_cell_value("f", b"text", 1)
    refused("a text is no counter", exceptions.FailedPrecondition, wrong.commit)


def main():
    need_server()
    table = bigtable.Client(project="p", admin=True).instance("i").table(f"{TABLE}-classic")
    table.create(column_families={"s": column_family.MaxVersionsGCRule(3), "f": None})
    for group in (rows, scans, batches, conditions):
        section(group.__name__, group, table)
    table.delete()
    same("the table is gone", table.exists, False)
    finish()


main()
