// Table definitions, filters and mutation requests as JSON.

import Bytes
import DataModel
import RowText
import Testing

@Suite struct RequestTests {
  @Test(
    "definitions come back as they were",
    arguments: [
      #"{"name":"t","families":{}}"#,
      #"{"name":"scores","families":{"f":{"gc":{"maxAge":"30d"}},"s":{"gc":{"maxVersions":24},"#
        + #""type":"int64","columns":{"model":"utf8"}}}}"#,
      #"{"name":"t","families":{"a":{"gc":{"union":[{"maxVersions":2},"#
        + #"{"intersection":[{"maxAge":"12h"},{"maxVersions":1}]}]}}},"gcOnRead":true}"#,
      #"{"name":"t","families":{"n":{"aggregate":"max"},"x":{"columns":{"":"json","#
        + #""base64:/w==":"bytes"}}}}"#,
    ])
  func definitions(text: String) throws {
    let definition = try ByteView.of(text) { (text: ByteView) throws in
      try TableDefinitionJSON.read(text)
    }
    var out = ByteBuffer()
    TableDefinitionJSON.write(definition, into: &out)
    #expect(String(decoding: out.view.buffer, as: UTF8.self) == text)
  }

  @Test(
    "wrong definitions say where",
    arguments: [
      (#"{}"#, "no \"name\""), (#"{"name":7}"#, "name: expected a string"),
      (#"{"name":"t","families":[]}"#, "families: expected an object"),
      (#"{"name":"t","families":{"s":{"gc":{}}}}"#, "families.s.gc: give exactly one"),
      (#"{"name":"t","families":{"s":{"gc":{"maxVersions":0}}}}"#, "families.s.gc.maxVersions"),
      (#"{"name":"t","families":{"s":{"gc":{"maxAge":"30"}}}}"#, "'30' is no duration"),
      (#"{"name":"t","families":{"s":{"gc":{"maxAge":"10us"}}}}"#, "families.s.gc.maxAge"),
      (#"{"name":"t","families":{"s":{"type":"int"}}}"#, "'int' is none of"),
      (#"{"name":"t","families":{"s":{"columns":{"a":"x"}}}}"#, "families.s.columns.a"),
      (#"{"name":"t","families":{"s":{"size":1}}}"#, "'size' is no member of families.s"),
      (#"{"name":"t","families":{"s":{},"s":{}}}"#, "given twice"),
      (#"{"name":"t","#, "name in double quotes"),
    ])
  func wrongDefinitions(text: String, part: String) {
    let error = #expect(throws: RowTextError.self) {
      try ByteView.of(text) { (text: ByteView) throws in try TableDefinitionJSON.read(text) }
    }
    #expect(error?.message.contains(part) == true, "\(String(describing: error))")
  }

  @Test func `a change creates, replaces and drops families`() throws {
    let families = #""families":{"s":{"type":"utf8"},"new":{},"f":null}"#
    let text = "{" + families + #","gcOnRead":true,"deletionProtection":false}"#
    let changes = try ByteView.of(text) { (text: ByteView) throws in
      try TableDefinitionJSON.readChanges(text, of: RowTextWorld.definition)
    }
    #expect(
      changes == [
        .updateFamily(FamilyDefinition(name: "s", type: .utf8)),
        .createFamily(FamilyDefinition(name: "new")), .dropFamily("f"), .setGCOnRead(true),
        .setProtection(false),
      ])
  }

  @Test(
    arguments: [
      ("30d", 2_592_000_000_000), ("12h", 43_200_000_000), ("1d12h", 129_600_000_000),
      ("90s", 90_000_000), ("500ms", 500_000), ("7us", 7), ("", nil), ("d", nil), ("1", nil),
      ("1x", nil), ("1h1d", nil), ("1h1h", nil), ("-1d", nil), ("1.5d", nil),
      ("99999999999999999999d", nil), ("999999999999d", nil),
    ] as [(String, Int64?)])
  func `durations are read or refused`(text: String, microseconds: Int64?) {
    #expect(DurationText.parse(text) == microseconds)
    if let microseconds {
      #expect(DurationText.parse(DurationText.format(microseconds: microseconds)) == microseconds)
    }
  }

  @Test(
    "filters come back as they were",
    arguments: [
      #"{"passAll":{}}"#, #"{"chain":[{"family":"f"},{"qualifier":"q"},{"stripValue":{}}]}"#,
      #"{"interleave":[{"blockAll":{}},{"qualifierPrefix":{"base64":"/w=="}}]}"#,
      #"{"condition":{"predicate":{"value":"x"},"then":{"passAll":{}}}}"#,
      #"{"columnRange":{"family":"f","from":"a","to":"b"}}"#, #"{"timestampRange":{"from":1000}}"#,
      #"{"valueRange":{"to":"z"}}"#, #"{"rowKeyPrefix":"p"}"#, #"{"cellsPerRowOffset":0}"#,
      #"{"cellsPerRowLimit":3}"#, #"{"cellsPerColumnLimit":1}"#, #"{"rowKeyRegex":"user#.*"}"#,
      #"{"chain":[{"familyRegex":"a|b"},{"qualifierRegex":"q[0-9]+"}]}"#,
      #"{"valueRegex":{"base64":"/1x4ZmY="}}"#, #"{"rowSample":0.25}"#, #"{"label":"new"}"#,
      #"{"interleave":[{"sink":{}},{"passAll":{}}]}"#,
    ])
  func filters(text: String) throws {
    let filter = try ByteView.of(text) { (text: ByteView) throws in try RowFilterJSON.read(text) }
    var out = ByteBuffer()
    RowFilterJSON.write(filter, into: &out)
    #expect(String(decoding: out.view.buffer, as: UTF8.self) == text)
  }

  @Test(
    "wrong filters are refused",
    arguments: [
      "{}", "[]", #"{"family":7}"#, #"{"x":1}"#, #"{"chain":[]}"#, #"{"passAll":{"a":1}}"#,
      #"{"family":"f","qualifier":"q"}"#, #"{"value":{"int64":1.5}}"#, #"{"cellsPerRowLimit":0}"#,
      #"{"cellsPerRowOffset":-1}"#, #"{"columnRange":{"from":"a"}}"#,
      #"{"valueRegex":"["}"#, #"{"rowKeyRegex":"a{1001}"}"#,
      #"{"timestampRange":{"from":-1}}"#,
      String(repeating: #"{"chain":["#, count: 30) + #"{"passAll":{}}"#
        + String(repeating: "]}", count: 30),
    ])
  func wrongFilters(text: String) {
    let error = #expect(throws: RowTextError.self) {
      try ByteView.of(text) { (text: ByteView) throws in try RowFilterJSON.read(text) }
    }
    #expect(error?.code == .invalidFilter)
  }

  @Test func `an int64 in a filter stands for its stored bytes`() throws {
    let filter = try ByteView.of(#"{"value":{"int64":258}}"#) { (text: ByteView) throws in
      try RowFilterJSON.read(text)
    }
    #expect(filter == .value([0, 0, 0, 0, 0, 0, 1, 2]))
  }

  private func mutations(_ text: String) -> String {
    ByteView.of("k") { key in
      ByteView.of(text) { text in
        var reader = MutationJSONReader(RowTextWorld.schema)
        var list = MutationList()
        do throws(RowTextError) {
          try reader.readMutations(text, key: key, into: &list)
          return list.encoded.description
        } catch {
          return "\(error.code.rawValue) \(error.message)"
        }
      }
    }
  }

  @Test func `each mutation is encoded as the list has it`() {
    var expected = MutationList()
    ByteView.of("k") { expected.beginRow($0) }
    ByteView.of("s") { s in
      ByteView.of("model") { model in
        ByteView.of("v1") { value in
          expected.setCell(
            family: s, qualifier: model, timestamp: Timestamp(microseconds: 1_000), value: value)
        }
        expected.deleteFromColumn(
          family: s, qualifier: model, from: Timestamp(microseconds: 1_000),
          to: Timestamp(microseconds: 2_000))
      }
      expected.deleteFromFamily(s)
    }
    expected.deleteFromRow()
    let text = """
      {"mutations": [
        {"setCell": {"value": "v1", "timestamp": 1000, "qualifier": "model", "family": "s"}},
        {"deleteFromColumn": {"family": "s", "qualifier": "model", "start": 1000, "end": 2000}},
        {"deleteFromFamily": {"family": "s"}}, {"deleteFromRow": {}}]}
      """
    #expect(mutations(text) == expected.encoded.description)
  }

  @Test(
    "wrong mutations are refused",
    arguments: [
      ("{}", "invalid_mutation"), (#"{"mutations":[]}"#, "invalid_mutation"),
      (#"{"mutations":[{}]}"#, "invalid_mutation"),
      (#"{"mutations":[{"x":{}}]}"#, "invalid_mutation"),
      (#"{"mutations":[{"setCell":{"family":"s","qualifier":"a"}}]}"#, "invalid_mutation"),
      (#"{"mutations":[{"setCell":{"family":"x","qualifier":"a","value":1}}]}"#, "unknown_family"),
      (
        #"{"mutations":[{"setCell":{"family":"s","qualifier":"a","value":"1"}}]}"#,
        "wrong_value_type"
      ),
      (
        #"{"mutations":[{"setCell":{"family":"s","qualifier":"a","value":1,"start":0}}]}"#,
        "invalid_mutation"
      ),
      (
        #"{"mutations":[{"addToCell":{"family":"n","qualifier":"a","input":1.5}}]}"#,
        "wrong_value_type"
      ),
      (
        #"{"mutations":[{"deleteFromRow":{},"deleteFromFamily":{"family":"s"}}]}"#,
        "invalid_mutation"
      ),
      (#"{"mutations":[{"deleteFromRow":{}}]"#, "malformed_json"),
    ])
  func wrongMutations(text: String, code: String) {
    let outcome = mutations(text)
    #expect(outcome.hasPrefix(code + " "), "\(outcome)")
  }

  @Test func `a conditional mutation has a predicate and two lists`() throws {
    let text =
      #"{"predicate":{"family":"s"},"ifMatched":[{"deleteFromRow":{}}],"#
      + #""otherwise":[{"setCell":{"family":"f","qualifier":"q","value":"x"}}]}"#
    try ByteView.of("k") { (key: ByteView) throws in
      try ByteView.of(text) { (text: ByteView) throws in
        var reader = MutationJSONReader(RowTextWorld.schema)
        var matched = MutationList()
        var otherwise = MutationList()
        let predicate = try reader.readCheckAndMutate(
          text, key: key, ifMatched: &matched, otherwise: &otherwise)
        #expect(predicate == .family("s"))
        #expect(matched.mutationCount == 1 && otherwise.mutationCount == 1)
      }
    }
  }

  @Test func `rules append and increment`() throws {
    let text =
      #"{"rules":[{"family":"s","qualifier":"score","increment":-1},{"family":"f","#
      + #""qualifier":"q","append":{"base64":"/w=="}}]}"#
    let rules = try ByteView.of(text) { (text: ByteView) throws in
      var reader = MutationJSONReader(RowTextWorld.schema)
      return try reader.readRules(text)
    }
    #expect(
      rules == [
        ReadModifyWriteRule(family: "s", qualifier: Array("score".utf8), change: .increment(-1)),
        ReadModifyWriteRule(family: "f", qualifier: Array("q".utf8), change: .append([0xff])),
      ])
  }
}
