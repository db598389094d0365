// Rows as JSON, there and back, for every type; and what is refused.

import Bytes
import DataModel
import RowText
import Testing

@Suite struct RowJSONTests {
  @Test(
    "canonical rows come back byte for byte",
    arguments: [
      #"{"key":"a","families":{"s":{"score":712}}}"#,
      #"{"key":"a","families":{"s":{"model":"v1","pd":0.25,"score":-9223372036854775808}}}"#,
      #"{"key":"é","families":{"f":{"":"empty qualifier","q":""}}}"#,
      #"{"key":"a\nb","families":{"f":{"q\"":"x\ty"}}}"#,
      #"{"key":{"base64":"/w=="},"families":{"f":{"base64:/w==":{"base64":"gA=="}}}}"#,
      #"{"key":"base64:x","families":{"f":{"base64:YmFzZTY0Ong=":"v"}}}"#,
      #"{"key":"a","families":{"j":{"a":[1,{"b":null}],"n":null,"o":{},"s":"t"}}}"#,
      #"{"key":"a","families":{"b":{"q":{"base64":"AAEC"}}}}"#,
      #"{"key":"a","families":{"s":{"pd":"NaN"}}}"#,
      #"{"key":"a","families":{"s":{"pd":"-Infinity"}}}"#,
      #"{"key":"a","families":{"n":{"count":41}}}"#,
      #"{"key":"a","families":{"f":{"x":"1"},"s":{"score":1}}}"#,
    ])
  func canonical(text: String) {
    #expect(RowTextWorld.roundTrip(text) == text)
  }

  @Test(
    "versions come back byte for byte",
    arguments: [
      #"{"key":"a","families":{"s":{"score":[{"value":2,"timestamp":2000},{"value":1,"#
        + #""timestamp":1000}]}}}"#,
      #"{"key":"a","families":{"j":{"x":[{"value":[1,2],"timestamp":5000}],"y":[{"value":{},"#
        + #""timestamp":1000}]}}}"#,
      #"{"key":"a","families":{"f":{"q":[{"value":{"base64":"gA=="},"timestamp":0}]},"#
        + #""n":{"c":[{"value":7,"timestamp":3000}]}}}"#,
    ])
  func versions(text: String) {
    #expect(RowTextWorld.roundTrip(text, shape: .versions) == text)
  }

  @Test(
    "members in any order, and the row's own members, say the same",
    arguments: [
      (
        #"{"families":{"s":{"score":1}},"timestamp":5000,"key":"a"}"#,
        #"{"key":"a","families":{"s":{"score":[{"value":1,"timestamp":5000}]}}}"#
      ),
      (
        #"{"key":"a","families":{"s":{"score":1}},"timestamp":5000}"#,
        #"{"key":"a","families":{"s":{"score":[{"value":1,"timestamp":5000}]}}}"#
      ),
      (
        #"{"key":"a","timestamp":5000,"families":{"f":{"q":[{"timestamp":1000,"value":"x"},"#
          + #"{"value":"y"}]}}}"#,
        #"{"key":"a","families":{"f":{"q":[{"value":"x","timestamp":1000},{"value":"y","#
          + #""timestamp":5000}]}}}"#
      ),
      (
        #"{"key":"a","families":{"s":{"score":1}},"delete":true}"#,
        #"deleted {"key":"a","families":{"s":{"score":[{"value":1,"timestamp":-1}]}}}"#
      ),
      (#"{"key":"a","delete":true}"#, #"deleted {"key":"a","families":{}}"#),
      (
        #"{ "\u006bey" : "\u0061", "families" : { "j" : { "x" : [ 1, 2 ] } } }"#,
        #"{"key":"a","families":{"j":{"x":[{"value":[1,2],"timestamp":-1}]}}}"#
      ),
    ])
  func anyOrder(text: String, seen: String) {
    #expect(RowTextWorld.roundTrip(text, shape: .versions) == seen)
  }

  @Test(
    "wrong rows are refused with code and place",
    arguments: [
      (#"{"key":"a","families":{"x":{}}}"#, "unknown_family 1:28"),
      (#"{"key":"a","families":{"s":{"score":"7"}}}"#, "wrong_value_type 1:37"),
      (#"{"key":"a","families":{"s":{"score":7.5}}}"#, "wrong_value_type 1:37"),
      (#"{"key":"a","families":{"s":{"score":9223372036854775808}}}"#, "wrong_value_type 1:37"),
      (#"{"key":"a","families":{"s":{"model":7}}}"#, "wrong_value_type 1:37"),
      (#"{"key":"a","families":{"s":{"model":{"base64":"YQ=="}}}}"#, "wrong_value_type 1:37"),
      (#"{"key":"a","families":{"s":{"pd":"x"}}}"#, "wrong_value_type 1:34"),
      (#"{"key":"a","families":{"f":{"q":7}}}"#, "wrong_value_type 1:33"),
      (#"{"key":"a","families":{"f":{"q":null}}}"#, "wrong_value_type 1:33"),
      (#"{"key":"a","families":{"f":{"q":{"base65":""}}}}"#, "wrong_value_type 1:33"),
      (#"{"key":"a","families":{"f":{"q":{"base64":"x"}}}}"#, "wrong_value_type 1:43"),
      (#"{"key":"a","families":{"b":{"q":"text"}}}"#, "wrong_value_type 1:33"),
      (#"{"key":"a","families":{"f":{"q":["x"]}}}"#, "wrong_value_type 1:34"),
      (#"{"key":"a","families":{"f":{"q":[{"timestamp":0}]}}}"#, "invalid_row 1:34"),
      (#"{"key":"a","families":{"f":{"q":[{"value":"x","at":0}]}}}"#, "invalid_row 1:52"),
      (
        #"{"key":"a","families":{"f":{"q":[{"value":"x","timestamp":1}]}}}"#,
        "invalid_timestamp 1:59"
      ),
      (#"{"key":"a","timestamp":-2,"families":{"f":{"q":"x"}}}"#, "invalid_timestamp 1:24"),
      (#"{"key":"a","timestamp":"now","families":{"f":{"q":"x"}}}"#, "invalid_timestamp 1:24"),
      (#"{"key":"","families":{"f":{"q":"x"}}}"#, "invalid_row_key 1:8"),
      (#"{"key":7,"families":{"f":{"q":"x"}}}"#, "invalid_row_key 1:8"),
      (#"{"families":{"f":{"q":"x"}}}"#, "invalid_row_key 1:1"),
      (#"{"key":"a"}"#, "invalid_row 1:1"), (#"{"key":"a","families":{}}"#, "invalid_row 1:1"),
      (#"{"key":"a","delete":false}"#, "invalid_row 1:1"),
      (#"{"key":"a","family":{}}"#, "invalid_row 1:21"),
      (#"{"key":"a","key":"b","families":{"f":{"q":"x"}}}"#, "invalid_row 1:18"),
      (#"{"key":"a","families":{"f":{"q":"x"}},"families":{}}"#, "invalid_row 1:50"),
      (#"{"key":"a","families":{"f":{"q":"x"}}"#, "malformed_json 1:38"),
      (#"{"key":"a","families":{"f":{"q":"x"}}} x"#, "malformed_json 1:40"),
      (#"{"key":"a","families":[]}"#, "malformed_json 1:23"), ("[]", "malformed_json 1:1"),
      ("{\"key\":\"a\",\n\"families\":{\"f\":{\"q\":\"x\"},}}", "malformed_json 2:27"),
    ])
  func refused(text: String, start: String) {
    let outcome = RowTextWorld.roundTrip(text)
    #expect(outcome.hasPrefix(start + " "), "\(outcome)")
  }

  @Test func `a wrong type names family, qualifier, what was expected and what was found`() {
    #expect(
      RowTextWorld.roundTrip(#"{"key":"a","families":{"s":{"score":"7"}}}"#)
        == "wrong_value_type 1:37 s:score is int64: expected an integer, found a string")
  }

  @Test func `the longest key fits and one byte more does not`() {
    let longest = String(repeating: "k", count: 4_096)
    let row = { (key: String) in "{\"key\":\"\(key)\",\"families\":{\"f\":{\"q\":\"x\"}}}" }
    #expect(RowTextWorld.roundTrip(row(longest)) == row(longest))
    #expect(RowTextWorld.roundTrip(row(longest + "k")).hasPrefix("invalid_row_key 1:8"))
  }

  @Test func `a row addressed by its key needs none and must not have another`() throws {
    var reader = RowJSONReader(RowTextWorld.schema)
    try ByteView.of("a") { (key: ByteView) throws in
      var list = MutationList()
      try ByteView.of(#"{"families":{"f":{"q":"x"}}}"#) { (text: ByteView) throws in
        try reader.read(text, key: key, isReplacing: true, into: &list)
      }
      #expect(
        RowTextWorld.written(try RowTextWorld.rows(of: list), shape: .latest)
          == #"deleted {"key":"a","families":{"f":{"q":"x"}}}"#)
      let error = #expect(throws: RowTextError.self) {
        try ByteView.of(#"{"key":"b","families":{"f":{"q":"x"}}}"#) { (text: ByteView) throws in
          try reader.read(text, line: 7, key: key, into: &list)
        }
      }
      #expect(error?.code == .invalidRowKey)
      #expect(error?.line == 7)
      #expect(list.rowCount == 1)
    }
  }

  @Test func `latest shows the newest version only`() throws {
    let text =
      #"{"key":"a","families":{"f":{"q":[{"value":"new","timestamp":2000},{"value":"old","#
      + #""timestamp":1000}]}}}"#
    #expect(RowTextWorld.roundTrip(text) == #"{"key":"a","families":{"f":{"q":"new"}}}"#)
  }

  @Test func `stored bytes that do not fit their type are shown as base64`() {
    let row = RowBuffer()
    row.scratch.append([0x6b, 0xff, 0x01])
    row.key = row.scratch.view.prefix(1)
    let schema = RowTextWorld.schema
    for (family, json) in [("s", "/wE="), ("j", "/wE="), ("f", "/wE=")] {
      let index = ByteView.of(family) { schema.familyIndex(named: $0) }
      row.cells = [
        CellView(
          familyIndex: index ?? -1, qualifier: ByteView(), timestamp: Timestamp(microseconds: 0),
          value: row.scratch.view.dropFirst(1))
      ]
      #expect(
        RowTextWorld.written([row], shape: .latest)
          == "{\"key\":\"k\",\"families\":{\"\(family)\":{\"\":{\"base64\":\"\(json)\"}}}}")
    }
  }
}
