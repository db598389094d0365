// Lines and CSV records out of chunks of any size.

import Bytes
import DataModel
import RowText
import Testing

@Suite struct LineTests {
  /// Lines as `number:text`, refusals as `number!`.
  private func lines(
    _ text: String, chunk: Int, _ separation: LineBuffer.Separation = .lines, limit: Int = 100
  ) -> [String] {
    var buffer = LineBuffer(separation, lineByteLimit: limit)
    var seen: [String] = []
    func drain(_ buffer: inout LineBuffer) {
      while true {
        do {
          guard let line = try buffer.next() else { return }
          seen.append("\(line.number):\(String(decoding: line.text.buffer, as: UTF8.self))")
        } catch {
          seen.append("\(error.line ?? 0)!")
        }
      }
    }
    let bytes = Array(text.utf8)
    var at = 0
    while at < bytes.count {
      let end = min(at + chunk, bytes.count)
      ByteView.of(Array(bytes[at..<end])) { buffer.append($0) }
      at = end
      drain(&buffer)
    }
    buffer.finish()
    drain(&buffer)
    drain(&buffer)
    return seen
  }

  @Test(
    "lines are the same for every chunk size",
    arguments: [
      ("", []), ("a", ["1:a"]), ("a\n", ["1:a"]), ("a\nb", ["1:a", "2:b"]),
      ("a\r\n\n \t\r\nb\n", ["1:a", "4:b"]), ("\u{feff}a\n\u{feff}b", ["1:a", "2:\u{feff}b"]),
      ("123456789\n1234567890\n12345678901\nb", ["1:123456789", "2:1234567890", "3!", "4:b"]),
      ("123456789012345678901234567890", ["1!"]),
    ] as [(String, [String])])
  func anyChunk(text: String, expected: [String]) {
    for chunk in 1...12 { #expect(lines(text, chunk: chunk, limit: 10) == expected) }
  }

  @Test func `a record may hold line ends between quotes`() {
    let text = "key,f:q\na,\"x\ny\"\n\nb,\"\"\"\n\"\nc,1"
    for chunk in 1...10 {
      #expect(
        lines(text, chunk: chunk, .records)
          == ["1:key,f:q", "2:a,\"x\ny\"", "5:b,\"\"\"\n\"", "7:c,1"])
    }
  }

  @Test func `a record over the limit is told by its first line, however it is cut`() {
    let text = "key,f:q\na,\"x\ny and more\nand more\",1\nb,1"
    for chunk in 1...40 {
      #expect(
        lines(text, chunk: chunk, .records, limit: 10) == ["1:key,f:q", "2!", "5:b,1"],
        "\(chunk) bytes at a time")
    }
  }
}

@Suite struct CSVTests {
  private func roundTrip(_ header: String, _ record: String) -> String {
    ByteView.of(header) { header in
      ByteView.of(record) { record in
        do {
          var list = MutationList()
          var reader = try CSVRowReader(RowTextWorld.schema, header: header)
          try reader.read(record, line: 2, into: &list)
          return RowTextWorld.written(try RowTextWorld.rows(of: list), shape: .latest)
        } catch let error as RowTextError {
          return "\(error.code.rawValue) \(error.line ?? 0):\(error.column ?? 0) \(error.message)"
        } catch {
          return "\(error)"
        }
      }
    }
  }

  @Test(
    "fields become values of their type",
    arguments: [
      (
        "key,s:score,s:model", "a,712,v1",
        #"{"key":"a","families":{"s":{"score":712,"model":"v1"}}}"#
      ),
      ("s:score,key", "-1,\"a,b\"", #"{"key":"a,b","families":{"s":{"score":-1}}}"#),
      ("key,f:q", "a,\"say \"\"hi\"\"\"", #"{"key":"a","families":{"f":{"q":"say \"hi\""}}}"#),
      ("key,f:q,f:r", "a,,\"\"", #"{"key":"a","families":{"f":{"r":""}}}"#),
      ("key,j:x", "a,\"{\"\"b\"\": 1}\"", #"{"key":"a","families":{"j":{"x":{"b":1}}}}"#),
      (
        "key,b:x,f:y", "base64:/w==,AAEC,base64:gA==",
        #"{"key":{"base64":"/w=="},"families":{"b":{"x":{"base64":"AAEC"}},"#
          + #""f":{"y":{"base64":"gA=="}}}}"#
      ),
      ("key,s:pd", "a,1", #"{"key":"a","families":{"s":{"pd":1.0}}}"#),
      ("key,s:pd", "a,NaN", #"{"key":"a","families":{"s":{"pd":"NaN"}}}"#),
    ])
  func values(header: String, record: String, row: String) {
    #expect(roundTrip(header, record) == row)
  }

  @Test(
    "wrong records are refused with code and place",
    arguments: [
      ("k,f:q", "a,b", "malformed_csv 1:1"), ("key,q", "a,b", "malformed_csv 1:5"),
      ("key,x:q", "a,b", "unknown_family 1:5"), ("key,f:q,f:q", "a,b,c", "malformed_csv 1:9"),
      ("key,f:q", "a", "malformed_csv 2:1"), ("key,f:q", "a,b,c", "malformed_csv 2:1"),
      ("key,f:q", "a,b\"c", "malformed_csv 2:4"), ("key,f:q", "a,\"b", "malformed_csv 2:3"),
      ("key,f:q", "a,\"b\"c", "malformed_csv 2:6"), ("key,f:q", ",b", "invalid_row_key 2:1"),
      ("key,f:q", "a,", "invalid_row 2:1"), ("key,s:score", "a,x", "wrong_value_type 2:3"),
      ("key,s:score", "a,1.5", "wrong_value_type 2:3"), ("key,b:q", "a,x", "wrong_value_type 2:3"),
      ("key,j:q", "a,{", "wrong_value_type 2:3"), ("key,s:pd", "a,1x", "wrong_value_type 2:3"),
      ("key,timestamp,f:q", "a,7,x", "invalid_timestamp 2:3"),
      ("key,f:q,s:score", "\"a\n\",b,x", "wrong_value_type 3:5"),
    ])
  func refused(header: String, record: String, start: String) {
    let outcome = roundTrip(header, record)
    #expect(outcome.hasPrefix(start + " "), "\(outcome)")
  }

  @Test func `written records read back`() throws {
    let text =
      #"{"key":"a,\"b\"\n","families":{"b":{"x":{"base64":"AAEC"}},"f":{"p":"","q":" base64:","#
      + #""y":{"base64":"gA=="}},"j":{"x":[1,"a,b"]},"s":{"model":"base64:v","pd":0.5,"#
      + #""score":7}}}"#
    var reader = RowJSONReader(RowTextWorld.schema)
    var list = MutationList()
    try ByteView.of(text) { (text: ByteView) throws in try reader.read(text, into: &list) }
    let rows = try RowTextWorld.rows(of: list)
    let columns = rows[0].cells.map { cell in
      ColumnSelector(
        family: RowTextWorld.definition.families[cell.familyIndex].name,
        qualifier: cell.qualifier.array)
    }
    var writer = CSVRowWriter(RowTextWorld.schema, columns: columns)
    var out = ByteBuffer()
    writer.writeHeader(into: &out)
    writer.write(rows[0], into: &out)

    var lines = LineBuffer(.records)
    lines.append(out.view)
    lines.finish()
    let header = try #require(try lines.next()).text.array
    let record = try #require(try lines.next()).text.array
    let outcome = roundTrip(
      String(decoding: header, as: UTF8.self), String(decoding: record, as: UTF8.self))
    // A utf8 column takes any text as it is, so its value comes back with the prefix spelled out.
    #expect(outcome.contains(#""pd":0.5,"score":7"#), "\(outcome)")
    #expect(outcome.contains(#""y":{"base64":"gA=="}"#), "\(outcome)")
  }
}
