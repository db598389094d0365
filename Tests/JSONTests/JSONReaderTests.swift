// What is JSON and what is not, and where the error is.

import Bytes
import JSON
import Testing

@Suite struct JSONReaderTests {
  /// The value's text as the writer spells it, or the error's description.
  private func outcome(_ text: [UInt8]) -> String {
    ByteView.of(text) { view in
      do throws(JSONError) {
        return try JSONValue(parsing: view).text
      } catch {
        return "\(error.kind) \(error.line):\(error.column)@\(error.offset)"
      }
    }
  }

  @Test(
    "valid texts are read and written in their compact form",
    arguments: [
      ("null", "null"), (" true ", "true"), ("\t\r\nfalse", "false"), ("[]", "[]"),
      ("{}", "{}"), ("[ [ ] , { } ]", "[[],{}]"), ("{\"a\" : 1 , \"a\" : 2}", "{\"a\":1,\"a\":2}"),
      ("0", "0"), ("-0", "0"), ("9223372036854775807", "9223372036854775807"),
      ("-9223372036854775808", "-9223372036854775808"),
      ("9223372036854775808", "9.223372036854776e+18"),
      ("1.0", "1.0"), ("1e2", "100.0"), ("1E+2", "100.0"), ("1e-2", "0.01"), ("-1.5e3", "-1500.0"),
      ("0.1", "0.1"), ("123456789012345678901234567890", "1.2345678901234568e+29"),
      ("\"\"", "\"\""), ("\"plain\"", "\"plain\""), ("\"\\u0041\\n\\/\"", "\"A\\n/\""),
      ("\"\\ud83d\\ude00\"", "\"😀\""), ("\"é€😀\"", "\"é€😀\""), ("\"\\u0000\"", "\"\\u0000\""),
      ("\"\\u001F\\u007f\"", "\"\\u001f\u{7f}\""), ("\"\\\"\\\\\"", "\"\\\"\\\\\""),
      ("\"12345678\\t12345678901234567890\"", "\"12345678\\t12345678901234567890\""),
      ("[1,\"a\",null,{\"b\":[true]}]", "[1,\"a\",null,{\"b\":[true]}]"),
    ])
  func valid(text: String, written: String) {
    #expect(outcome(Array(text.utf8)) == written)
  }

  @Test(
    "invalid texts name the place",
    arguments: [
      ("", "syntax 1:1@0"), (" ", "syntax 1:2@1"), ("nul", "syntax 1:4@3"),
      ("nulL", "syntax 1:4@3"),
      ("truE", "syntax 1:4@3"), ("[1,]", "syntax 1:4@3"), ("[1 2]", "syntax 1:4@3"),
      ("[", "syntax 1:2@1"), ("[1", "syntax 1:3@2"), ("]", "syntax 1:1@0"), ("{", "syntax 1:2@1"),
      ("{\"a\"}", "syntax 1:5@4"), ("{\"a\":}", "syntax 1:6@5"), ("{\"a\":1,}", "syntax 1:8@7"),
      ("{a:1}", "syntax 1:2@1"), ("{'a':1}", "syntax 1:2@1"), ("{\"a\":1 \"b\":2}", "syntax 1:8@7"),
      ("{\"a\":1}x", "syntax 1:8@7"), ("1 2", "syntax 1:3@2"), ("01", "syntax 1:2@1"),
      ("-", "syntax 1:2@1"), ("+1", "syntax 1:1@0"), (".5", "syntax 1:1@0"), ("1.", "syntax 1:3@2"),
      ("1e", "syntax 1:3@2"), ("1e+", "syntax 1:4@3"), ("0x1", "syntax 1:2@1"),
      ("NaN", "syntax 1:1@0"), ("-Infinity", "syntax 1:2@1"), ("1e999", "range 1:1@0"),
      ("\"abc", "syntax 1:5@4"), ("\"a\nb\"", "syntax 1:3@2"), ("\"\\x\"", "syntax 1:2@1"),
      ("\"\\u12g4\"", "syntax 1:6@5"), ("\"\\u12", "syntax 1:6@5"), ("\"\\", "syntax 1:3@2"),
      ("\"\\ud800\"", "encoding 1:2@1"), ("\"\\udc00\"", "encoding 1:2@1"),
      ("\"\\ud800\\u0041\"", "encoding 1:2@1"), ("/* */ 1", "syntax 1:1@0"),
      ("[1,\n 2,\n x]", "syntax 3:2@9"), ("[\"é\" x]", "syntax 1:6@6"),
      ("\u{feff}1", "syntax 1:1@0"),
    ])
  func invalid(text: String, place: String) {
    #expect(outcome(Array(text.utf8)) == place)
  }

  @Test(
    "bytes that are not UTF-8 are refused within strings",
    arguments: [
      [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xc3], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80],
      [0xe2, 0x82], [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80],
      [0xff], [0xe2, 0x28, 0xa1],
    ] as [[UInt8]])
  func notUTF8(bytes: [UInt8]) {
    for prefix in ["", "1234567", "12345678901234567"] {
      let text = Array("\"\(prefix)".utf8) + bytes + Array("\"".utf8)
      #expect(outcome(text).hasPrefix("encoding 1:\(prefix.utf8.count + 2)@"))
    }
    #expect(!ByteView.of(bytes) { UTF8Text.isValid($0) })
  }

  @Test func `every cut of a text is an error and none is a trap`() {
    let text = Array(
      "{\"k\\u00e9y\":[1,-2.5e3,\"a\\ud83d\\ude00é\",true,false,null,{\"x\":{}}],\"z\":[]}".utf8)
    #expect(!outcome(text).contains("@"))
    for count in 0..<text.count {
      #expect(outcome(Array(text[..<count])).contains("@"), "cut at \(count)")
    }
  }

  @Test func `every changed byte of a text is read or refused`() {
    let text = Array("{\"key\":\"a\\n\",\"v\":[1,2.5,\"é\"]}".utf8)
    for index in text.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[index] = byte
        _ = outcome(changed)
      }
    }
  }

  @Test func `nesting ends at its limit`() {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    #expect(!outcome(nested(JSONReader.depthLimit)).contains("@"))
    #expect(outcome(nested(JSONReader.depthLimit + 1)).hasPrefix("depth 1:65"))
    #expect(outcome(nested(1_000_000)).hasPrefix("depth"))
  }

  @Test func `views of earlier strings stay valid while escapes are resolved`() throws {
    let part = "\\u0041" + String(repeating: "x", count: 100)
    let text = "[" + Array(repeating: "\"\(part)\"", count: 50).joined(separator: ",") + "]"
    try ByteView.of(text) { (view: ByteView) throws in
      var reader = JSONReader(view)
      var strings: [ByteView] = []
      try reader.beginArray()
      while try reader.nextElement() { strings.append(try reader.string()) }
      try reader.finish()
      #expect(strings.count == 50)
      for string in strings { #expect(string.count == 101 && string[0] == 0x41) }
    }
  }

  @Test func `another kind of value is a type error that names both`() {
    ByteView.of("  \"x\"") { view in
      var reader = JSONReader(view)
      let error = #expect(throws: JSONError.self) { try reader.int64() }
      #expect(error?.kind == .type)
      #expect(error?.message == "expected a number, found a string")
      #expect(error?.column == 3)
    }
  }

  @Test(
    "what only begins like another kind of value is no JSON, with the place where it ends to be",
    arguments: [
      ("no row", "not JSON: expected 'null', found 'o'", 2),
      ("tru", "not JSON: expected 'true', found the end of the text", 4),
      ("-x", "not JSON: expected a digit, found 'x'", 2),
      ("[1,]", "not JSON: expected a value, found ']'", 4),
      ("null", "expected an object, found null", 1),
      ("row", "not JSON: expected a value, found 'r'", 1),
    ])
  func neither(text: String, message: String, column: Int) {
    ByteView.of(text) { view in
      var reader = JSONReader(view)
      let error = #expect(throws: JSONError.self) { try reader.beginObject() }
      #expect(error?.message == message)
      #expect(error?.column == column)
    }
  }

  @Test(
    "int64 takes integers that fit and nothing else",
    arguments: [
      ("12", 12), ("-0", 0), ("9223372036854775807", Int64.max), ("1.0", nil), ("1e2", nil),
      ("9223372036854775808", nil), ("-9223372036854775809", nil), ("99999999999999999999999", nil),
    ] as [(String, Int64?)])
  func integers(text: String, value: Int64?) {
    ByteView.of(text) { view in
      var reader = JSONReader(view)
      #expect((try? reader.int64()) == value)
    }
  }
}
