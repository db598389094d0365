"""google-cloud-happybase: HBase's Python interface over Bigtable."""

import datetime

import checks
from checks import TABLE, finish, holds, need_server, refused, same, section

try:
    from google.api_core.exceptions import AlreadyExists, NotFound
    from google.cloud import happybase
    from google.cloud.bigtable.column_family import GCRuleUnion, MaxAgeGCRule, MaxVersionsGCRule
except ImportError as error:
    checks.skip(f"google-cloud-happybase ({error})")

PREFIX = TABLE  # of this run's tables; the connection joins it to their names


def tables(connection):
    either = GCRuleUnion([MaxVersionsGCRule(3), MaxAgeGCRule(datetime.timedelta(days=1))])
    families = {
        "cf": {"max_versions": 3}, "ttl:": {"time_to_live": 86400}, "all": {},
        "both": {"max_versions": 2, "time_to_live": 3600}, "either": either}
    same("a table is made", lambda: connection.create_table("t", families), None)
    same("it is listed, of this prefix alone", connection.tables, ["t"])
    refused("a second one is refused", AlreadyExists,
            lambda: connection.create_table("t", families))
    same("its families have their rules", connection.table("t").families, {
        "cf": {"max_versions": 3}, "ttl": {"time_to_live": 86400}, "all": {},
        "both": {"max_versions": 2, "time_to_live": 3600}, "either": either})


def rows(table):
    table.put(b"row#1", {b"cf:a": b"1", b"cf:b": b"2", b"all:c": b"\0\xff"}, timestamp=1000)
    table.put(b"row#1", {b"cf:a": b"1 again"}, timestamp=2000)
    table.put(b"row#2", {b"cf:a": b"other"}, timestamp=1000)
    same("a row, the newest of each column", lambda: table.row(b"row#1"),
         {b"cf:a": b"1 again", b"cf:b": b"2", b"all:c": b"\0\xff"})
    same("with its times", lambda: table.row(b"row#1", include_timestamp=True)[b"cf:a"],
         (b"1 again", 2000))
    same("some columns", lambda: table.row(b"row#1", columns=[b"cf:b", "all"]),
         {b"cf:b": b"2", b"all:c": b"\0\xff"})
    # It asks for the newest of each column, and of these for what is older than the time.
    same("before a time", lambda: table.row(b"row#1", columns=["cf"], timestamp=2000),
         {b"cf:b": b"2"})
    same("all versions before it", lambda: table.cells(b"row#1", b"cf:a", timestamp=2000), [b"1"])
    same("a missing row is empty", lambda: table.row(b"nobody"), {})
    same("rows", lambda: table.rows([b"row#2", b"nobody", b"row#1"], columns=[b"cf:a"]),
         [(b"row#1", {b"cf:a": b"1 again"}), (b"row#2", {b"cf:a": b"other"})])
    same("versions of a column", lambda: table.cells(b"row#1", b"cf:a", include_timestamp=True),
         [(b"1 again", 2000), (b"1", 1000)])
    same("one of them", lambda: table.cells(b"row#1", b"cf:a", versions=1), [b"1 again"])
    table.delete(b"row#1", columns=[b"cf:b", "all"])
    same("columns and families are deleted", lambda: table.row(b"row#1"), {b"cf:a": b"1 again"})
    table.delete(b"row#1")
    same("a row is deleted", lambda: table.row(b"row#1"), {})


def scans(table):
    with table.batch() as batch:
        for index in range(100):
            batch.put(b"scan#%03d" % index, {b"cf:n": b"%d" % index, b"all:m": b"x"})
        batch.delete(b"row#2")
    keys = [b"scan#%03d" % index for index in range(100)]

    def scan(**named):
        return [key for key, _ in table.scan(**named)]
    same("a batch is written, all of it is scanned", scan, keys)
    same("a range", lambda: scan(row_start=b"scan#010", row_stop=b"scan#013"), keys[10:13])
    same("a prefix", lambda: scan(row_prefix=b"scan#05"), keys[50:60])
    same("a limit", lambda: scan(row_prefix=b"scan#", limit=3), keys[:3])
    same("columns", lambda: list(table.scan(columns=[b"cf:n"], limit=1)),
         [(b"scan#000", {b"cf:n": b"0"})])
    same("a family and a column", lambda: list(table.scan(columns=["all", b"cf:n"], limit=1)),
         [(b"scan#000", {b"cf:n": b"0", b"all:m": b"x"})])
    same("a column that nothing has", lambda: scan(columns=[b"cf:nobody"]), [])
    with table.batch(batch_size=7) as batch:
        for key in keys[::2]:
            batch.delete(key)
    same("deletes in batches", scan, keys[1::2])

    def broken():
        with table.batch(transaction=True) as batch:
            batch.put(b"never", {b"cf:a": b"1"})
            raise LookupError
    refused("a transaction that breaks", LookupError, broken)
    same("writes nothing", lambda: table.row(b"never"), {})


def counters(table):
    same("a counter that is not there", lambda: table.counter_get(b"c", b"cf:hits"), 0)
    same("counts", lambda: table.counter_inc(b"c", b"cf:hits"), 1)
    same("more", lambda: table.counter_inc(b"c", b"cf:hits", value=41), 42)
    same("and less", lambda: table.counter_dec(b"c", b"cf:hits", value=50), -8)
    table.counter_set(b"c", b"cf:hits", 7)
    same("is set", lambda: table.counter_get(b"c", b"cf:hits"), 7)


def main():
    need_server()
    # It looks for the one instance of its project itself.
    connection = happybase.Connection(table_prefix=PREFIX)
    section("tables", tables, connection)
    table = connection.table("t")
    for group in (rows, scans, counters):
        section(group.__name__, group, table)
    connection.delete_table("t")
    same("the table is deleted", connection.tables, [])
    refused("not twice", NotFound, lambda: connection.delete_table("t"))
    pool = happybase.ConnectionPool(1)
    with pool.connection() as connection:
        holds("a pool's connection", lambda: connection.tables() is not None)
    finish()


main()
