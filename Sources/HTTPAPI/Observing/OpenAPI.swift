// /openapi.json: the interface as OpenAPI 3.1, in parts: paths here, what they share in
// OpenAPISchemas. A test compares it with the routes.

internal import Bytes

enum OpenAPI {
  static func write(into body: inout ByteBuffer) {
    body.append(head)
    body.append(tablePaths)
    body.append(rowPaths)
    body.append(rangePaths)
    body.append(ingestPaths)
    body.append(operationPaths)
    body.append(components)
  }

  private static let head: StaticString = """
    {"openapi":"3.1.0","info":{"title":"Strata","version":"1",\
    "description":"Wide-column tables over HTTP and JSON. Row keys in paths are percent-encoded \
    bytes (a slash is %2F). Every error is application/problem+json with a stable code. Range and \
    row reads carry an ETag; send it as If-None-Match to get 304 while nothing has changed, with \
    Prefer: wait=N to be kept waiting up to N seconds (at most 300) until something does. Writes \
    are durable when they are answered. Requests may be pipelined."},\
    "paths":{
    """

  private static let tablePaths: StaticString = """
    "/v1/tables":{\
    "get":{"summary":"All tables, in name order","responses":{"200":{"description":"The tables",\
    "content":{"application/json":{"schema":{"type":"object","properties":{"tables":{"type":\
    "array","items":{"$ref":"#/components/schemas/Table"}}}}}}}}},\
    "post":{"summary":"Create a table","requestBody":{"required":true,"content":{\
    "application/json":{"schema":{"$ref":"#/components/schemas/Table"}}}},"responses":{\
    "201":{"description":"Created; Location names it","content":{"application/json":{"schema":{\
    "$ref":"#/components/schemas/Table"}}}},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "409":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/tables/{t}":{"parameters":[{"$ref":"#/components/parameters/table"}],\
    "get":{"summary":"A table's definition","responses":{"200":{"description":"The table",\
    "content":{"application/json":{"schema":{"$ref":"#/components/schemas/Table"}}}},\
    "404":{"$ref":"#/components/responses/Problem"}}},\
    "patch":{"summary":"Create, replace or drop families",\
    "description":"A family given is created, or replaced in its rule and types; null drops it, \
    and its data is gone for good. All changes are made, or none.",\
    "requestBody":{"required":true,"content":{"application/json":{"schema":{\
    "$ref":"#/components/schemas/TableChange"}}}},\
    "responses":{"200":{"description":"The table as it is now","content":{"application/json":{\
    "schema":{"$ref":"#/components/schemas/Table"}}}},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"},\
    "409":{"$ref":"#/components/responses/Problem"}}},\
    "delete":{"summary":"Drop the table; its data is gone for good","responses":{\
    "204":{"description":"Dropped"},"404":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/tables/{t}/stats":{"parameters":[{"$ref":"#/components/parameters/table"}],\
    "get":{"summary":"A table's statistics","responses":{"200":{"description":"Statistics",\
    "content":{"application/json":{"schema":{"$ref":"#/components/schemas/Statistics"}}}},\
    "404":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/stats":{"get":{"summary":"Statistics of all tables","responses":{"200":{"description":\
    "One entry a table","content":{"application/json":{"schema":{"type":"object","properties":{\
    "tables":{"type":"array","items":{"$ref":"#/components/schemas/Statistics"}},"disk":{"type":\
    "object","description":"Disk operations that took, or take, more than 4 s","properties":{\
    "stalled_operations":{"type":"integer"},"stalls_total":{"type":"integer"}}}}}}}}}}},
    """

  private static let rowPaths: StaticString = """
    "/v1/tables/{t}/rows/{key}":{"parameters":[{"$ref":"#/components/parameters/table"},\
    {"$ref":"#/components/parameters/key"}],\
    "get":{"summary":"One row","parameters":[{"$ref":"#/components/parameters/columns"},\
    {"$ref":"#/components/parameters/versions"},{"$ref":"#/components/parameters/timestamps"},\
    {"$ref":"#/components/parameters/ifNoneMatch"},{"$ref":"#/components/parameters/prefer"}],\
    "responses":{"200":{"description":"The row","headers":{"ETag":{"schema":{"type":"string"}}},\
    "content":{"application/json":{"schema":{"$ref":"#/components/schemas/Row"}}}},\
    "304":{"description":"The row is what it was when the ETag was given"},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}},\
    "put":{"summary":"Replace the row: it then has the cells given and no others",\
    "requestBody":{"$ref":"#/components/requestBodies/Row"},\
    "responses":{"204":{"description":"Durable"},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}},\
    "patch":{"summary":"Set the cells given; null in place of a column's value deletes the column",\
    "description":"A null deletes all versions of the column, also of a json column: to store a \
    JSON null use PUT or :mutate.",\
    "requestBody":{"$ref":"#/components/requestBodies/Row"},\
    "responses":{"204":{"description":"Durable"},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}},\
    "delete":{"summary":"Delete the row","responses":{\
    "204":{"description":"Durable; also where there was no row"},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/tables/{t}/rows/{key}:mutate":{"parameters":[{"$ref":"#/components/parameters/table"},\
    {"$ref":"#/components/parameters/key"}],\
    "post":{"summary":"Mutations of one row, in order, atomically",\
    "requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object",\
    "required":["mutations"],"properties":{"mutations":{"$ref":"#/components/schemas/Mutations"}}\
    }}}},"responses":{"204":{"description":"Durable"},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/tables/{t}/rows/{key}:checkAndMutate":{"parameters":[\
    {"$ref":"#/components/parameters/table"},{"$ref":"#/components/parameters/key"}],\
    "post":{"summary":"Mutations that depend on what the row is, atomically",\
    "requestBody":{"required":true,"content":{"application/json":{"schema":{\
    "$ref":"#/components/schemas/CheckAndMutate"}}}},\
    "responses":{"200":{"description":"Whether the predicate matched","content":{\
    "application/json":{"schema":{"type":"object","properties":{"matched":{"type":"boolean"}}}}}},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/tables/{t}/rows/{key}:readModifyWrite":{"parameters":[\
    {"$ref":"#/components/parameters/table"},{"$ref":"#/components/parameters/key"}],\
    "post":{"summary":"Add to or append to the newest values, atomically",\
    "requestBody":{"required":true,"content":{"application/json":{"schema":{\
    "$ref":"#/components/schemas/ReadModifyWrite"}}}},\
    "responses":{"200":{"description":"The new cells, each column a list of one","content":{\
    "application/json":{"schema":{"$ref":"#/components/schemas/Row"}}}},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}}},
    """

  private static let rangePaths: StaticString = """
    "/v1/tables/{t}/rows":{"parameters":[{"$ref":"#/components/parameters/table"}],\
    "get":{"summary":"A range of rows: a page, or all of it as NDJSON","description":"With Accept: \
    application/x-ndjson the whole range is streamed, one row a line, at the reader's pace; an \
    error on the way ends the stream with a line {\\"error\\": problem} and without the last \
    chunk. An ETag comes with pages only.",\
    "parameters":[\
    {"name":"prefix","in":"query","schema":{"type":"string"},\
    "description":"Keys that begin with this; not together with start or end"},\
    {"name":"start","in":"query","schema":{"type":"string"},"description":"First key, inclusive"},\
    {"name":"end","in":"query","schema":{"type":"string"},"description":"Last key, exclusive"},\
    {"$ref":"#/components/parameters/columns"},{"$ref":"#/components/parameters/versions"},\
    {"$ref":"#/components/parameters/timestamps"},\
    {"name":"limit","in":"query","schema":{"type":"integer","minimum":1,"default":100},\
    "description":"Rows of a page, at most 10000 (a page may be shorter: follow nextPageToken); \
    of a stream any number, by default all"},\
    {"name":"pageToken","in":"query","schema":{"type":"string"},\
    "description":"nextPageToken of the page before, with the other parameters as they were"},\
    {"name":"reverse","in":"query","schema":{"type":"boolean"}},\
    {"name":"keysOnly","in":"query","schema":{"type":"boolean"},\
    "description":"Rows are {\\"key\\": key} only"},\
    {"$ref":"#/components/parameters/ifNoneMatch"},{"$ref":"#/components/parameters/prefer"}],\
    "responses":{"200":{"description":"Rows","headers":{"ETag":{"schema":{"type":"string"}}},\
    "content":{"application/json":{"schema":{"type":"object","properties":{"rows":{"type":"array",\
    "items":{"$ref":"#/components/schemas/Row"}},"nextPageToken":{"type":"string"}}}},\
    "application/x-ndjson":{"schema":{"$ref":"#/components/schemas/Row"}}}},\
    "304":{"description":"Nothing in the range has changed since the ETag was given"},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/tables/{t}/rows:batchGet":{"parameters":[{"$ref":"#/components/parameters/table"}],\
    "post":{"summary":"Up to 1000 rows by key, in the order asked","requestBody":{"required":true,\
    "content":{"application/json":{"schema":{"$ref":"#/components/schemas/BatchGet"}}}},\
    "responses":{"200":{"description":"A row or null for each key","content":{"application/json":{\
    "schema":{"type":"object","properties":{"rows":{"type":"array","items":{"oneOf":[\
    {"$ref":"#/components/schemas/Row"},{"type":"null"}]}}}}}}},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}}},
    """

  private static let ingestPaths: StaticString = """
    "/v1/tables/{t}/rows:ingest":{"parameters":[{"$ref":"#/components/parameters/table"}],\
    "post":{"summary":"A stream of rows, one a line, of any length","description":"Answers with \
    lines of progress, each after what it speaks of is durable; the last has done or error. With \
    producer and sequence each line is applied once, however often it is sent.","parameters":[\
    {"name":"producer","in":"query","schema":{"type":"string"},\
    "description":"Whose lines they are, 1 to 128 bytes"},\
    {"name":"sequence","in":"query","schema":{"type":"integer","minimum":0},\
    "description":"Position of the first line; each line counts one. Together with producer"},\
    {"name":"deadLetter","in":"query","schema":{"type":"string"},\
    "description":"A table with a family error that takes refused lines"}],\
    "requestBody":{"required":true,"content":{"application/x-ndjson":{"schema":{\
    "$ref":"#/components/schemas/Row"}}}},\
    "responses":{"200":{"description":"Progress","content":{"application/x-ndjson":{"schema":{\
    "type":"object","properties":{"committed":{"type":"integer"},"position":{"type":"integer"},\
    "errors":{"type":"array","items":{"type":"object"}},"repeated":{"type":"integer"},\
    "refused":{"type":"integer"},"done":{"type":"boolean"},"error":{"type":"object"}}}}}},\
    "400":{"$ref":"#/components/responses/Problem"},\
    "404":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/tables/{t}/producers":{"parameters":[{"$ref":"#/components/parameters/table"}],\
    "get":{"summary":"How far each producer has come","responses":{"200":{"description":\
    "All producers, by name","content":{"application/json":{"schema":{"type":"object",\
    "properties":{"producers":{"type":"array","items":{"type":"object"}}}}}}},\
    "404":{"$ref":"#/components/responses/Problem"}}}},\
    "/v1/tables/{t}/producers/{p}":{"parameters":[{"$ref":"#/components/parameters/table"},\
    {"name":"p","in":"path","required":true,"schema":{"type":"string"}}],\
    "get":{"summary":"How far a producer has come","responses":{"200":{"description":\
    "Its position","content":{"application/json":{"schema":{"type":"object"}}}},\
    "404":{"$ref":"#/components/responses/Problem"}}},\
    "delete":{"summary":"Forget a producer: what it sends again is applied again","responses":{\
    "204":{"description":"Forgotten"},"404":{"$ref":"#/components/responses/Problem"}}}},
    """

  private static let operationPaths: StaticString = """
    "/healthz":{"get":{"summary":"The process answers","responses":{"200":{\
    "description":"Alive"}}}},\
    "/readyz":{"get":{"summary":"The server takes requests","responses":{"200":{"description":\
    "Ready"},"503":{"$ref":"#/components/responses/Problem"}}}},\
    "/metrics":{"get":{"summary":"Metrics in Prometheus' text format","responses":{"200":{\
    "description":"Metrics","content":{"text/plain":{"schema":{"type":"string"}}}}}}},\
    "/openapi.json":{"get":{"summary":"This document","responses":{"200":{"description":\
    "OpenAPI 3.1","content":{"application/json":{"schema":{"type":"object"}}}}}}}},
    """
}
