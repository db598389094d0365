// Words of the command line: families, columns, timestamps, and where --server may stand.

import Bytes
import DataModel
import RowText
import Testing

@testable import kvctl

@Suite struct ArgumentTests {
  @Test(
    "family specifications become definitions",
    arguments: [
      ("s", FamilyDefinition(name: "s")),
      ("s:versions=24", FamilyDefinition(name: "s", gc: .maxVersions(24))),
      ("f:age=30d", FamilyDefinition(name: "f", gc: .maxAge(microseconds: 2_592_000_000_000))),
      (
        "f:versions=2,age=1h",
        FamilyDefinition(
          name: "f", gc: .union([.maxVersions(2), .maxAge(microseconds: 3_600_000_000)]))
      ),
      (
        "f:versions=2&age=1h,versions=9",
        FamilyDefinition(
          name: "f",
          gc: .union([
            .intersection([.maxVersions(2), .maxAge(microseconds: 3_600_000_000)]), .maxVersions(9),
          ]))
      ),
      (
        "c:versions=1,type=int64,column.name=utf8,column.base64:/w===bytes",
        FamilyDefinition(
          name: "c", gc: .maxVersions(1), type: .int64, columns: [Array("name".utf8): .utf8])
      ),
      ("n:aggregate=sum", FamilyDefinition(name: "n", aggregate: .sum)),
    ])
  func families(text: String, family: FamilyDefinition) throws {
    guard !text.contains("base64:/w===") else {
      // '=' ends the qualifier, so that one cannot be written; it is refused, not misread.
      #expect(throws: WrongWord.self) { try FamilySpecification.parse(text) }
      return
    }
    #expect(try FamilySpecification.parse(text) == family)
  }

  @Test(
    "wrong family specifications are refused",
    arguments: [
      "", ":versions=1", "s:", "s:versions", "s:versions=0", "s:versions=x", "s:age=30",
      "s:age=10us", "s:type=int", "s:versions=1&type=int64", "s:keep=1", "s:versions=1,,age=1d",
      "s:aggregate=avg", "s:column.a=x", "s:versions=1=2",
    ])
  func wrongFamilies(text: String) {
    #expect(throws: WrongWord.self) { try FamilySpecification.parse(text) }
  }

  @Test func `columns and cells are taken apart at the first colon and equals sign`() throws {
    #expect(try ColumnArgument.selector("s") == ColumnSelector(family: "s"))
    #expect(
      try ColumnArgument.selector("s:a:b")
        == ColumnSelector(family: "s", qualifier: Array("a:b".utf8)))
    #expect(try ColumnArgument.selector("s:") == ColumnSelector(family: "s", qualifier: []))
    #expect(
      try ColumnArgument.selectors("s,f:limit")
        == [
          ColumnSelector(family: "s"), ColumnSelector(family: "f", qualifier: Array("limit".utf8)),
        ])
    let cell = try ColumnArgument.assignment("s:a=b=c:d")
    #expect(cell.column == ColumnSelector(family: "s", qualifier: Array("a".utf8)))
    #expect(cell.value == "b=c:d")
    #expect(try ColumnArgument.key("base64:/w==") == [0xff])
    for wrong in ["s=1", "s:a", "=s:a", ""] {
      #expect(throws: WrongWord.self) { try ColumnArgument.assignment(wrong) }
    }
    #expect(throws: WrongWord.self) { try ColumnArgument.key("base64:/") }
  }

  @Test(
    arguments: [
      ("1756695600000000", 1_756_695_600_000_000), ("1756695600000999", 1_756_695_600_000_000),
      ("1970-01-01", 0), ("1970-01-01T00:00:01Z", 1_000_000),
      ("2025-09-01T12:00:00.250Z", 1_756_728_000_250_000),
      ("2025-09-01T14:00:00+02:00", 1_756_728_000_000_000), ("2024-02-29", 1_709_164_800_000_000),
      ("2023-02-29", nil), ("2025-13-01", nil), ("2025-09-01T24:00:00Z", nil),
      ("2025-09-01T12:00:00", nil),
      ("1969-12-31", nil), ("-1", nil), ("", nil), ("now", nil), ("2025-09-01T12:00:00.Z", nil),
    ] as [(String, Int64?)])
  func `timestamps are RFC 3339 or microseconds`(text: String, microseconds: Int64?) {
    #expect(TimestampText.parse(text)?.microseconds == microseconds)
    if let microseconds {
      let shown = TimestampText.format(Timestamp(microseconds: microseconds))
      #expect(TimestampText.parse(shown)?.microseconds == microseconds)
    }
  }

  @Test func `the server may be named before the command`() {
    #expect(
      KVCtl.normalized(["--server", "h:1", "get", "t", "r"])
        == ["get", "t", "r", "--server", "h:1"])
    #expect(
      KVCtl.normalized(["--server=h:1", "put", "t", "--", "r"])
        == ["put", "t", "--server=h:1", "--", "r"])
    #expect(KVCtl.normalized(["get", "--server", "h:1"]) == ["get", "--server", "h:1"])
    #expect(KVCtl.normalized(["--server"]) == ["--server"])
    #expect(
      KVCtl.normalized(["--tls", "--tls-ca", "c", "--server", "h:1", "get", "t", "r"])
        == ["get", "t", "r", "--tls", "--tls-ca", "c", "--server", "h:1"])
  }
}

@Suite struct DisplayTests {
  @Test(arguments: [
    ("abc", 5, "abc  "), ("abcdef", 4, "abc…"), ("日本語", 5, "日本…"), ("日本語", 4, "日… "), ("", 2, "  "),
    ("a", 0, ""),
  ])
  func `text is fitted to columns of the terminal`(text: String, width: Int, fitted: String) {
    #expect(DisplayText.fitted(text, width) == fitted)
    #expect(DisplayText.width(DisplayText.fitted(text, width)) == width)
  }

  @Test func `control characters do not reach the terminal`() {
    #expect(DisplayText.visible("a\u{1b}[31m\n\u{7f}\u{202e}é") == "a\\x1b[31m\\n\\x7f\\u{202e}é")
  }

  @Test func `numbers are grouped and bytes have units`() {
    #expect(DisplayText.grouped(1_234_567) == "1,234,567")
    #expect(DisplayText.grouped(-999) == "-999")
    #expect(DisplayText.bytes(1_536) == "1.5 KiB")
    #expect(DisplayText.decimal(3.14159, 2) == "3.14")
    #expect(LoadProgress.clock(3_665) == "1:01:05")
  }

  @Test func `a table gives way in its widest columns`() {
    var table = TextTable(["key", "value"])
    table.append(["a", String(repeating: "x", count: 50)])
    for line in table.lines(limit: 20) { #expect(DisplayText.width(line) <= 20) }
    #expect(table.lines(limit: nil)[2].hasSuffix("xxx"))
  }
}
