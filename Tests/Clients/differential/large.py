"""Cells around and above what goes into one message."""

from checks import same

from .generator import FAMILIES
from .run import PARENT
from .wire import REQUESTS, Server

MEBIBYTE = 1 << 20
SIZES = [0, 1, MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, 3 * MEBIBYTE, 5 * MEBIBYTE + 7, 2]


def value_of(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def check(address, table_id):
    server = Server(address)
    table = f"{PARENT}/tables/{table_id}-large"
    server.create_table(PARENT, f"{table_id}-large", FAMILIES)
    for key in (b"first", b"second"):
        for number, size in enumerate(SIZES):
            request = REQUESTS["MutateRow"](table_name=table, row_key=key)
            request.mutations.add(set_cell=dict(
                family_name="f", column_qualifier=b"%d" % number, value=value_of(size)))
            same(f"write {size} bytes", lambda: server.call("MutateRow", request).code, 0)
    cells = [("f", b"%d" % number, 0, value_of(size), ())
             for number, size in enumerate(SIZES)]
    for descending in (False, True):
        rows = [(key, cells) for key in sorted((b"first", b"second"), reverse=descending)]
        request = REQUESTS["ReadRows"](table_name=table, reversed=descending)
        same("all cells" + (", reversed" if descending else ""),
             lambda: digest(server.call("ReadRows", request)), (0, None, rows))
    request = REQUESTS["ReadRows"](table_name=table, filter=dict(strip_value_transformer=True))
    stripped = [cell[:3] + (b"", ()) for cell in cells]
    same("all cells without values", lambda: digest(server.call("ReadRows", request)),
         (0, None, [(b"first", stripped), (b"second", stripped)]))
    server.delete_table(table)


def digest(outcome):
    return outcome.code, outcome.broken or outcome.text or None, outcome.body
