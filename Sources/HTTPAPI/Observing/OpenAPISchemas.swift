// What the paths of OpenAPI share: parameters, bodies, shapes.

internal import Bytes

extension OpenAPI {
  static let components: StaticString = """
    "components":{"parameters":{\
    "table":{"name":"t","in":"path","required":true,"schema":{"type":"string",\
    "pattern":"^[_a-zA-Z0-9][-_.a-zA-Z0-9]*$","maxLength":50}},\
    "key":{"name":"key","in":"path","required":true,"schema":{"type":"string"},\
    "description":"1 to 4096 bytes, percent-encoded"},\
    "columns":{"name":"columns","in":"query","schema":{"type":"string"},\
    "description":"Families and columns, as s,f:limit; all by default; may be repeated"},\
    "versions":{"name":"versions","in":"query","schema":{"type":"integer","minimum":0,"maximum":\
    1000000,"default":1},"description":"Newest cells of each column; 0 is all. Other than 1 makes \
    columns lists"},\
    "timestamps":{"name":"timestamps","in":"query","schema":{"type":"boolean"},\
    "description":"Columns are lists of value and timestamp"},\
    "ifNoneMatch":{"name":"If-None-Match","in":"header","schema":{"type":"string"}},\
    "prefer":{"name":"Prefer","in":"header","schema":{"type":"string"},\
    "description":"wait=N beside If-None-Match: the 304 is held for up to N seconds"}},\
    "requestBodies":{"Row":{"required":true,"content":{"application/json":{"schema":{\
    "$ref":"#/components/schemas/RowWrite"}}}}},\
    "responses":{"Problem":{"description":"What is wrong","content":{"application/problem+json":{\
    "schema":{"$ref":"#/components/schemas/Problem"}}}}},\
    "schemas":{\
    "Problem":{"type":"object","required":["type","title","status","code","detail"],"properties":{\
    "type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},\
    "code":{"type":"string","description":"Stable word for programs"},\
    "detail":{"type":"string"},"line":{"type":"integer"},"column":{"type":"integer"}}},\
    "Type":{"enum":["utf8","int64","float64","json","bytes"]},\
    "GCRule":{"type":"object","properties":{"maxVersions":{"type":"integer","minimum":1},\
    "maxAge":{"type":"string","description":"As 30d, 12h, 90m, 10s, 500ms"},\
    "union":{"type":"array","items":{"$ref":"#/components/schemas/GCRule"}},\
    "intersection":{"type":"array","items":{"$ref":"#/components/schemas/GCRule"}}}},\
    "Family":{"type":"object","properties":{"gc":{"$ref":"#/components/schemas/GCRule"},\
    "type":{"$ref":"#/components/schemas/Type"},"columns":{"type":"object",\
    "additionalProperties":{"$ref":"#/components/schemas/Type"}},\
    "aggregate":{"enum":["sum","min","max"]}}},\
    "Table":{"type":"object","required":["name","families"],"properties":{"name":{"type":"string"},\
    "families":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/Family"}},\
    "gcOnRead":{"type":"boolean"},"deletionProtection":{"type":"boolean"}}},\
    "TableChange":{"type":"object","properties":{"families":{"type":"object",\
    "additionalProperties":{"oneOf":[{"$ref":"#/components/schemas/Family"},{"type":"null"}]}},\
    "gcOnRead":{"type":"boolean"},"deletionProtection":{"type":"boolean"}}},\
    "Base64":{"type":"object","required":["base64"],"properties":{"base64":{"type":"string"}}},\
    "Key":{"oneOf":[{"type":"string"},{"$ref":"#/components/schemas/Base64"}],\
    "description":"A string where the bytes are UTF-8, else base64"},\
    "Value":{"description":"By the declared type: utf8 a string, int64 and float64 a number, json \
    any value, bytes {base64}; undeclared a string where the bytes are UTF-8, else {base64}"},\
    "Cell":{"type":"object","required":["value"],"properties":{\
    "value":{"$ref":"#/components/schemas/Value"},"timestamp":{"type":"integer",\
    "description":"Microseconds, whole milliseconds; by default the server's clock"},\
    "label":{"type":"string","description":"In answers: what a filter has marked it with"}}},\
    "Families":{"type":"object","additionalProperties":{"type":"object","additionalProperties":{\
    "description":"A value, or a list of cells, newest first","oneOf":[\
    {"$ref":"#/components/schemas/Value"},{"type":"array","items":{\
    "$ref":"#/components/schemas/Cell"}}]}}},\
    "Row":{"type":"object","required":["key"],"properties":{\
    "key":{"$ref":"#/components/schemas/Key"},\
    "families":{"$ref":"#/components/schemas/Families"}}},\
    "RowWrite":{"type":"object","properties":{"key":{"$ref":"#/components/schemas/Key"},\
    "families":{"$ref":"#/components/schemas/Families"},"timestamp":{"type":"integer",\
    "description":"For the cells without their own"},"delete":{"type":"boolean",\
    "description":"Empties the row first"}}},\
    "Mutations":{"type":"array","maxItems":100000,"items":{"type":"object","maxProperties":1,\
    "properties":{\
    "setCell":{"type":"object","required":["family","qualifier","value"],"properties":{\
    "family":{"type":"string"},"qualifier":{"type":"string"},\
    "value":{"$ref":"#/components/schemas/Value"},"timestamp":{"type":"integer"}}},\
    "deleteFromColumn":{"type":"object","required":["family","qualifier"],"properties":{\
    "family":{"type":"string"},"qualifier":{"type":"string"},\
    "start":{"type":"integer"},"end":{"type":"integer"}}},\
    "deleteFromFamily":{"type":"object","required":["family"],"properties":{\
    "family":{"type":"string"}}},\
    "deleteFromRow":{"type":"object"},\
    "addToCell":{"type":"object","required":["family","qualifier","input"],"properties":{\
    "family":{"type":"string"},"qualifier":{"type":"string"},"input":{"type":"integer"},\
    "timestamp":{"type":"integer"}}},\
    "mergeToCell":{"type":"object","required":["family","qualifier","state"],"properties":{\
    "family":{"type":"string"},"qualifier":{"type":"string"},\
    "state":{"$ref":"#/components/schemas/Base64"},"timestamp":{"type":"integer"}}}}}},\
    "Filter":{"type":"object","description":"One of: passAll, blockAll, stripValue ({}); chain, \
    interleave (lists of filters); condition ({predicate, then, otherwise}); rowKeyPrefix, family, \
    qualifier, qualifierPrefix, value; rowKeyRegex, familyRegex, qualifierRegex, valueRegex \
    (RE2's syntax, all of it must match); columnRange ({family, from, to}), timestampRange, \
    valueRange ({from, to}); cellsPerRowOffset, cellsPerRowLimit, cellsPerColumnLimit"},\
    "ColumnPredicate":{"type":"object","required":["family","qualifier"],\
    "description":"The column has a cell; with value: its newest value is this",\
    "properties":{"family":{"type":"string"},"qualifier":{"type":"string"},\
    "value":{"$ref":"#/components/schemas/Value"}}},\
    "CheckAndMutate":{"type":"object","properties":{"predicate":{"oneOf":[\
    {"$ref":"#/components/schemas/Filter"},{"$ref":"#/components/schemas/ColumnPredicate"},\
    {"type":"null"}],"description":"Matches when the filter leaves a cell; null or absent: when \
    the row has any"},\
    "trueMutations":{"$ref":"#/components/schemas/Mutations"},\
    "falseMutations":{"$ref":"#/components/schemas/Mutations"}}},\
    "ReadModifyWrite":{"type":"object","required":["rules"],"properties":{"rules":{"type":"array",\
    "items":{"type":"object","required":["family","qualifier"],"properties":{\
    "family":{"type":"string"},"qualifier":{"type":"string"},"increment":{"type":"integer"},\
    "append":{"oneOf":[{"type":"string"},{"$ref":"#/components/schemas/Base64"}]}}}}}},\
    "BatchGet":{"type":"object","required":["keys"],"properties":{"keys":{"type":"array",\
    "minItems":1,"maxItems":1000,"items":{"$ref":"#/components/schemas/Key"}},\
    "columns":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]},\
    "versions":{"type":"integer"},"timestamps":{"type":"boolean"}}},\
    "Statistics":{"type":"object","properties":{"table":{"type":"string"},\
    "observed_at":{"type":"integer","description":"Microseconds, as all times here"},\
    "approx_rows":{"type":"integer"},"approx_cells":{"type":"integer"},\
    "bytes":{"type":"integer","description":"On disk"},\
    "last_write_at":{"type":["integer","null"]},"max_cell_timestamp":{"type":["integer","null"]},\
    "puts_total":{"type":"integer"},"deletes_total":{"type":"integer"},\
    "sources":{"type":"array","items":{"type":"object"}},\
    "engine":{"type":"object","description":"Levels, memtables, log, compaction debt, write \
    amplification; for people"}}}}}}

    """
}
