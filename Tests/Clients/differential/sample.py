"""Many rows: row_sample_filter leaves some by chance, each whole; scans that find nothing."""

from checks import holds, same

from .generator import FAMILIES
from .run import PARENT
from .wire import REQUESTS, Server

ROWS = 2_000
DEVIATIONS = 6  # beyond which a right server comes once in 500 million runs


def check(address, table_id):
    server = Server(address)
    table = f"{PARENT}/tables/{table_id}-sample"
    server.create_table(PARENT, f"{table_id}-sample", FAMILIES)
    request = REQUESTS["MutateRows"](table_name=table)
    for number in range(ROWS):
        entry = request.entries.add(row_key=b"%04d" % number)
        for qualifier in (b"a", b"b"):
            entry.mutations.add(set_cell=dict(
                family_name="f", column_qualifier=qualifier, value=b"%d" % number))
    same("write rows", lambda: server.call("MutateRows", request).body, [0] * ROWS)
    rows = server.rows(table)
    for chance in (0.1, 0.5, 0.9):
        request = REQUESTS["ReadRows"](table_name=table, filter=dict(row_sample_filter=chance))
        left = server.call("ReadRows", request).body
        bound = DEVIATIONS * (ROWS * chance * (1 - chance)) ** 0.5
        holds(f"{chance} of the rows", lambda: abs(len(left) - ROWS * chance) <= bound)
        holds(f"{chance} of the rows, each whole", lambda: all(row in rows for row in left))
    for descending in (False, True):
        request = REQUESTS["ReadRows"](table_name=table, reversed=descending, filter=dict(
            value_regex_filter=b"none"))
        outcome = server.call("ReadRows", request)
        same("no row has the value" + (", reversed" if descending else ""),
             lambda: (outcome.code, outcome.broken, outcome.body), (0, None, []))
    server.delete_table(table)
