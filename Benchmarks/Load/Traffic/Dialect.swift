// What requests look like in each protocol. Nil where a protocol has no such request.

import BinaryProtocol
import Bytes

/// Makes the templates of one protocol.
protocol Dialect: Sendable {
  var parser: AnswerParser.Kind { get }
  func read(_ shape: RowShape) -> Template?
  /// Sets the columns of `rows` rows, whose keys it names, in one request.
  func write(_ shape: RowShape, columns: Range<Int>, rows: Int) -> Template?
  func batchGet(_ shape: RowShape, count: Int) -> Template?
  /// Rows from a key on.
  func range(_ shape: RowShape, limit: Int) -> Template?
  /// The same where the key behind them is known: a protocol may name it, too.
  func closedRange(_ shape: RowShape, limit: Int) -> Template?
  /// So many rows, from a key to another. Over HTTP without its end: a tag, or an empty line.
  func poll(_ shape: RowShape, limit: Int) -> Template?
  func fullScan(_ shape: RowShape) -> Template?
  func stream(_ shape: RowShape, rows: Int, isFirst: Bool) -> Template?
  /// What stands before a stream's first frame, where names and positions are told there.
  func streamHead(_ shape: RowShape, producer: String, at position: UInt64) -> [UInt8]
}

extension Dialect {
  func batchGet(_ shape: RowShape, count: Int) -> Template? { nil }
  func range(_ shape: RowShape, limit: Int) -> Template? { nil }
  func closedRange(_ shape: RowShape, limit: Int) -> Template? { range(shape, limit: limit) }
  func poll(_ shape: RowShape, limit: Int) -> Template? { nil }
  func fullScan(_ shape: RowShape) -> Template? { nil }
  func stream(_ shape: RowShape, rows: Int, isFirst: Bool) -> Template? { nil }
  func streamHead(_ shape: RowShape, producer: String, at position: UInt64) -> [UInt8] { [] }
}

/// Strata's binary protocol (proto/PROTOCOL.md).
struct StrataDialect: Dialect {
  var parser: AnswerParser.Kind { .strata }

  /// So much that a scan never waits for more: TCP holds the server back.
  private static let credit: UInt64 = 1 << 40

  func read(_ shape: RowShape) -> Template? {
    frame(.get, field(1, shape.table) + field(2, .key))
  }

  func write(_ shape: RowShape, columns: Range<Int>, rows: Int) -> Template? {
    var body = field(1, shape.table)
    for _ in 0..<rows { body.append(field(2, row(shape, columns))) }
    return frame(.mutate, body)
  }

  func batchGet(_ shape: RowShape, count: Int) -> Template? {
    var body = field(1, shape.table)
    for _ in 0..<count { body.append(field(2, .key)) }
    return frame(.batchGet, body)
  }

  func range(_ shape: RowShape, limit: Int) -> Template? {
    frame(
      .scan,
      field(1, shape.table) + field(2, field(1, .key)) + number(4, UInt64(limit))
        + number(6, StrataDialect.credit))
  }

  func poll(_ shape: RowShape, limit: Int) -> Template? {
    frame(
      .scan,
      field(1, shape.table) + field(2, field(1, .key) + field(2, .key))
        + number(6, StrataDialect.credit))
  }

  func fullScan(_ shape: RowShape) -> Template? {
    // From the first digit on: the note of the fill stands before.
    frame(
      .scan,
      field(1, shape.table) + field(2, field(1, "0")) + number(6, StrataDialect.credit))
  }

  func stream(_ shape: RowShape, rows: Int, isFirst: Bool) -> Template? {
    var body = isFirst ? field(1, shape.table) : Draft()
    body.append([2 << 3])
    let sequenceOffset = body.bytes.count + FrameHeader.byteCount
    body.append([UInt8](repeating: 0, count: 5))
    for _ in 0..<rows { body.append(field(3, row(shape, 0..<shape.columnCount))) }
    return frame(.mutateStream, body, sequenceOffset: sequenceOffset)
  }

  private func row(_ shape: RowShape, _ columns: Range<Int>) -> Draft {
    var row = field(1, .key)
    for column in columns {
      let cell =
        field(1, RowShape.family) + field(2, shape.qualifier(column))
        + field(4, .value(shape.valueByteCount, column: column))
      row.append(field(2, field(1, cell)))
    }
    return row
  }

  private func frame(
    _ operation: Operation, _ body: Draft, sequenceOffset: Int? = nil
  ) -> Template {
    var header = ByteBuffer()
    FrameHeader(
      operation: operation, requestID: 0, bodyByteCount: UInt32(body.bytes.count)
    ).encode(into: &header)
    var draft = Draft()
    draft.append(header.array)
    draft.append(body)
    return Template(draft, numberOffset: 8, sequenceOffset: sequenceOffset)
  }
}

/// Strata's HTTP/JSON.
struct HTTPDialect: Dialect {
  let host: String
  var parser: AnswerParser.Kind { .http }

  func read(_ shape: RowShape) -> Template? {
    Template(
      Draft("GET /v1/tables/\(shape.table)/rows/") + .key + " HTTP/1.1\r\nHost: \(host)\r\n\r\n")
  }

  func write(_ shape: RowShape, columns: Range<Int>, rows: Int) -> Template? {
    guard rows == 1 else { return nil }
    let body = Draft("{") + families(shape, columns) + "}"
    let head =
      Draft("PATCH /v1/tables/\(shape.table)/rows/") + .key
        + """
         HTTP/1.1\r\nHost: \(host)\r\nContent-Type: application/json\r\n\
        Content-Length: \(body.bytes.count)\r\n\r\n
        """
    return Template(head + body)
  }

  private func families(_ shape: RowShape, _ columns: Range<Int>) -> Draft {
    var text = Draft("\"families\":{\"\(RowShape.family)\":{")
    for column in columns {
      if column > columns.lowerBound { text.append(",") }
      text.append("\"\(shape.qualifier(column))\":\"")
      text.append(.value(shape.valueByteCount, column: column))
      text.append("\"")
    }
    text.append("}}")
    return text
  }

  func batchGet(_ shape: RowShape, count: Int) -> Template? {
    var body = Draft("{\"keys\":[")
    for index in 0..<count {
      body.append(index == 0 ? "\"" : ",\"")
      body.append(.key)
      body.append("\"")
    }
    body.append("]}")
    let head = Draft(
      """
      POST /v1/tables/\(shape.table)/rows:batchGet HTTP/1.1\r\nHost: \(host)\r\n\
      Content-Type: application/json\r\nContent-Length: \(body.bytes.count)\r\n\r\n
      """)
    return Template(head + body)
  }

  func range(_ shape: RowShape, limit: Int) -> Template? {
    Template(
      Draft("GET /v1/tables/\(shape.table)/rows?start=") + .key
        + "&limit=\(limit) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
  }

  func poll(_ shape: RowShape, limit: Int) -> Template? {
    Template(
      Draft("GET /v1/tables/\(shape.table)/rows?start=") + .key + "&end=" + .key
        + "&limit=\(limit) HTTP/1.1\r\nHost: \(host)\r\n")
  }

  func fullScan(_ shape: RowShape) -> Template? {
    Template(
      Draft(
        """
        GET /v1/tables/\(shape.table)/rows?start=0 HTTP/1.1\r\nHost: \(host)\r\n\
        Accept: application/x-ndjson\r\n\r\n
        """))
  }

  /// A chunk of lines.
  func stream(_ shape: RowShape, rows: Int, isFirst: Bool) -> Template? {
    var lines = Draft()
    for _ in 0..<rows {
      // The row as a whole, so that its value finds its own key.
      lines.append(
        Draft("{\"key\":\"") + .key + "\"," + families(shape, 0..<shape.columnCount) + "}\n")
    }
    return Template(Draft(String(lines.bytes.count, radix: 16) + "\r\n") + lines + "\r\n")
  }

  func streamHead(_ shape: RowShape, producer: String, at position: UInt64) -> [UInt8] {
    let path = "/v1/tables/\(shape.table)/rows:ingest?producer=\(producer)&sequence=\(position)"
    return Array(
      """
      POST \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Type: application/x-ndjson\r\n\
      Transfer-Encoding: chunked\r\n\r\n
      """.utf8)
  }
}
