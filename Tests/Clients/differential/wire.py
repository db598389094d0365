"""Google's messages on plain gRPC stubs, and the framing of rows, checked strictly."""

import base64

import grpc
from google.cloud.bigtable_admin_v2.types import bigtable_table_admin as admin
from google.cloud.bigtable_v2.types import bigtable as data
from google.cloud.bigtable_v2.types import feature_flags

DATA = "/google.bigtable.v2.Bigtable/"
ADMIN = "/google.bigtable.admin.v2.BigtableTableAdmin/"
FEATURES = feature_flags.FeatureFlags.pb()(reverse_scans=True, last_scanned_row_responses=True)
HEADER = [("bigtable-features", base64.urlsafe_b64encode(FEATURES.SerializeToString()).decode())]
STREAMS = {"ReadRows", "MutateRows"}
SECONDS = 20
AGGREGATORS = {"sum": "sum", "min": "min_", "max": "max_"}

CreateTableRequest = admin.CreateTableRequest.pb()
ModifyColumnFamiliesRequest = admin.ModifyColumnFamiliesRequest.pb()
DeleteTableRequest = admin.DeleteTableRequest.pb()
REQUESTS = {kind: getattr(data, kind + "Request").pb() for kind in (
    "ReadRows", "MutateRow", "MutateRows", "CheckAndMutateRow", "ReadModifyWriteRow")}
ReadRowsRequest = REQUESTS["ReadRows"]


class Outcome:
    """What came: a status, its text, and the answer in the model's form if it is OK."""

    def __init__(self, code, text="", body=None, broken=None, statistics=None):
        self.code, self.text, self.body = code, text, body
        self.broken = broken  # the rule of framing that was broken
        self.statistics = statistics


class Broken(Exception):
    """A rule of section 3 is broken."""


def rule(holds, text):
    if not holds:
        raise Broken(text)


class Rows:
    """Rows out of the chunks of a stream."""

    def __init__(self, descending):
        self.descending = descending
        self.rows = []
        self.last = None  # the last key, of a row or scanned
        self.key = None  # the row in progress
        self.statistics = None

    def after_last(self, key):
        return self.last is None or (key < self.last if self.descending else key > self.last)

    def take(self, response):
        rule(self.statistics is None, "a message behind the statistics")
        if response.last_scanned_row_key:
            rule(self.key is None, "last_scanned_row_key inside a row")
            rule(not response.chunks, "last_scanned_row_key beside chunks")
            rule(self.after_last(response.last_scanned_row_key), "last_scanned_row_key goes back")
            self.last = response.last_scanned_row_key
        for chunk in response.chunks:
            self.chunk(chunk)
        if response.HasField("request_stats"):
            self.statistics = response.request_stats

    def chunk(self, chunk):
        status = chunk.WhichOneof("row_status")
        if status == "reset_row":
            rule(self.key is not None, "reset_row without a row")
            rule(chunk.reset_row, "reset_row is false")
            rule(len(chunk.ListFields()) == 1, "reset_row with other fields")
            self.key = None
            return
        rule(status is None or chunk.commit_row, "commit_row is false")
        if self.key is None:
            self.begin(chunk)
        rule(chunk.row_key in (b"", self.key), "another key inside a row")
        if self.pieces is not None:
            rule(not chunk.HasField("family_name") and not chunk.HasField("qualifier")
                 and not chunk.timestamp_micros and not chunk.labels,
                 "a later piece of a cell with more than a value")
            self.pieces.append(chunk.value)
        else:
            self.cell(chunk)
        if chunk.value_size:
            rule(chunk.value_size > 0, "a negative value_size")
            rule(status is None, "commit_row inside a cell")
            rule(self.size in (None, chunk.value_size), "value_size changes inside a cell")
            self.size = chunk.value_size
            rule(sum(map(len, self.pieces)) < self.size, "pieces exceed value_size")
            return
        value = b"".join(self.pieces)
        rule(self.size in (None, len(value)), "value_size is not the sum of the pieces")
        self.cells.append((self.family, self.qualifier, -self.time, value, self.labels))
        self.pieces = self.size = None
        if status:
            self.rows.append((self.key, self.cells))
            self.last, self.key = self.key, None

    def begin(self, chunk):
        rule(chunk.row_key, "a row begins without its key")
        rule(chunk.HasField("family_name"), "a row begins without a family")
        rule(chunk.HasField("qualifier"), "a row begins without a qualifier")
        rule(self.after_last(chunk.row_key), "keys are not in order")
        self.key, self.cells, self.pieces, self.size = chunk.row_key, [], None, None

    def cell(self, chunk):
        if chunk.HasField("family_name"):
            rule(chunk.HasField("qualifier"), "a family without a qualifier")
            self.family = chunk.family_name.value
        if chunk.HasField("qualifier"):
            self.qualifier = chunk.qualifier.value
        self.time, self.labels = chunk.timestamp_micros, tuple(chunk.labels)
        self.pieces = [chunk.value]

    def end(self):
        rule(self.key is None, "the stream ends inside a row")
        return self.rows


def read_rows(stream, request):
    rows = Rows(request.reversed)
    try:
        for response in stream:
            rows.take(response)
        body = rows.end()
    except Broken as broken:
        return Outcome(0, broken=str(broken))
    return Outcome(0, body=body, statistics=rows.statistics)


def entry_statuses(stream, request):
    """Each entry's code; every index comes once."""
    codes = {}
    for response in stream:
        for entry in response.entries:
            if entry.index in codes or not 0 <= entry.index < len(request.entries):
                return Outcome(0, broken=f"index {entry.index} twice or out of range")
            codes[entry.index] = (entry.status.code, entry.status.message)
    if len(codes) != len(request.entries):
        return Outcome(0, broken="an entry without a status")
    return Outcome(0, body=[codes[index][0] for index in range(len(codes))],
                   text="; ".join(sorted({text for _, text in codes.values() if text})))


def row_cells(response, request):
    """The cells of a ReadModifyWriteRow's row in the order in which they came."""
    if response.row.key != request.row_key:
        return Outcome(0, broken="another row's key")
    return Outcome(0, body=[
        (family.name, column.qualifier, -cell.timestamp_micros, cell.value, tuple(cell.labels))
        for family in response.row.families
        for column in family.columns for cell in column.cells])


SHAPES = {
    "ReadRows": read_rows,
    "MutateRows": entry_statuses,
    "MutateRow": lambda response, request: Outcome(0),
    "CheckAndMutateRow": lambda response, request: Outcome(0, body=response.predicate_matched),
    "ReadModifyWriteRow": row_cells,
}


class Server:
    def __init__(self, address):
        self.address = address
        self.channel = grpc.insecure_channel(address)
        self.calls = {}
        for kind, request in REQUESTS.items():
            response = getattr(data, kind + "Response").pb()
            make = self.channel.unary_stream if kind in STREAMS else self.channel.unary_unary
            self.calls[kind] = make(DATA + kind, request_serializer=request.SerializeToString,
                                    response_deserializer=response.FromString)

    def call(self, kind, request):
        try:
            answer = self.calls[kind](request, timeout=SECONDS, metadata=HEADER)
            return SHAPES[kind](answer, request)
        except grpc.RpcError as error:
            return Outcome(error.code().value[0], error.details() or "")

    def admin(self, method, request):
        call = self.channel.unary_unary(
            ADMIN + method, request_serializer=type(request).SerializeToString,
            response_deserializer=lambda answer: answer)
        return call(request, timeout=SECONDS)

    def create_table(self, parent, table_id, families):
        """`families` gives each family's fold, None for a plain one. Made in the order of names."""
        self.admin("CreateTable", CreateTableRequest(parent=parent, table_id=table_id))
        request = ModifyColumnFamiliesRequest(name=f"{parent}/tables/{table_id}")
        for name, fold in sorted(families.items()):
            family = request.modifications.add(id=name).create
            family.SetInParent()
            if fold:
                aggregate = family.value_type.aggregate_type
                aggregate.input_type.int64_type.encoding.big_endian_bytes.SetInParent()
                getattr(aggregate, AGGREGATORS[fold]).SetInParent()
        self.admin("ModifyColumnFamilies", request)

    def delete_table(self, name):
        self.admin("DeleteTable", DeleteTableRequest(name=name))

    def rows(self, table_name):
        """All of a table."""
        outcome = self.call("ReadRows", ReadRowsRequest(table_name=table_name))
        if outcome.code or outcome.broken:
            raise RuntimeError(outcome.broken or outcome.text)
        return outcome.body
