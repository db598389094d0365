// Requests of Bigtable's API: a call is a stream of HTTP/2, its header and its message one frame
// each. Header fields are spelt out and never indexed, so that a call's bytes do not depend on the
// calls before it.
//
//   template := HEADERS frame │ DATA frame: 0, message length (big-endian 32) │ message

import Bytes

/// The API of Google's Bigtable (proto/google/bigtable), which others serve too.
struct BigtableDialect: Dialect {
  /// What calls name as their server.
  let authority: String
  var isSecure = false
  var parser: AnswerParser.Kind { .grpc }

  static let instance = "projects/bench/instances/bench"

  /// Frames of this length every peer takes (RFC 9113, 4.2): longer messages are not made.
  static let frameByteCount = 16_384

  /// Rows of one request of a fill.
  static func rowsPerRequest(_ shape: RowShape) -> Int {
    // With all lengths and names a cell has 40 bytes more than its value, a row 30 more.
    let rowByteCount = shape.columnCount * (shape.valueByteCount + 40) + 30
    return max(min(shape.rowsPerRequest, (frameByteCount - 200) / rowByteCount), 1)
  }

  // MARK: - Requests

  func read(_ shape: RowShape) -> Template? { readRows(shape, field(1, .key)) }

  func write(_ shape: RowShape, columns: Range<Int>, rows: Int) -> Template? {
    if rows == 1 {
      return call(
        "MutateRow", field(1, table(shape)) + row(shape, columns, key: 2, mutations: 3))
    }
    var message = field(1, table(shape))
    for _ in 0..<rows {
      message.append(field(2, row(shape, columns, key: 1, mutations: 2)))
    }
    return call("MutateRows", message)
  }

  func batchGet(_ shape: RowShape, count: Int) -> Template? {
    var keys = Draft()
    for _ in 0..<count { keys.append(field(1, .key)) }
    return readRows(shape, keys)
  }

  func range(_ shape: RowShape, limit: Int) -> Template? {
    readRows(shape, field(2, field(1, .key)), number(4, UInt64(limit)))
  }

  /// Google's emulator gathers all rows of a range before it counts them: without an end that would
  /// be what is measured.
  func closedRange(_ shape: RowShape, limit: Int) -> Template? {
    readRows(shape, field(2, field(1, .key) + field(3, .key)), number(4, UInt64(limit)))
  }

  func poll(_ shape: RowShape, limit: Int) -> Template? {
    readRows(shape, field(2, field(1, .key) + field(3, .key)))
  }

  func fullScan(_ shape: RowShape) -> Template? {
    // From the first digit on: the note of the fill stands before.
    readRows(shape, field(2, field(1, "0")))
  }

  // MARK: - Messages

  private func table(_ shape: RowShape) -> String {
    "\(BigtableDialect.instance)/tables/\(shape.table)"
  }

  private func readRows(_ shape: RowShape, _ rows: Draft, _ more: Draft = Draft()) -> Template? {
    call("ReadRows", readRowsMessage(shape, rows) + more)
  }

  /// - Parameter rows: Of a RowSet.
  func readRowsMessage(_ shape: RowShape, _ rows: Draft) -> Draft {
    // The latest of each cell: a server may keep what was overwritten for a while, whatever its
    // table's rule.
    field(1, table(shape)) + field(2, rows) + field(3, number(12, 1))
  }

  private func row(
    _ shape: RowShape, _ columns: Range<Int>, key: UInt64, mutations: UInt64
  ) -> Draft {
    var row = field(key, .key)
    for column in columns {
      row.append(
        field(
          mutations,
          setCell(shape.qualifier(column), .value(shape.valueByteCount, column: column))))
    }
    return row
  }

  /// A mutation whose timestamp is the server's.
  private func setCell(_ qualifier: String, _ value: Draft) -> Draft {
    field(
      1,
      field(1, RowShape.family) + field(2, qualifier) + number(3, UInt64(bitPattern: -1))
        + field(4, value))
  }

  /// A MutateRowRequest for one cell beside the rows that are measured.
  func noteMessage(_ shape: RowShape, key: String, _ note: String) -> Draft {
    field(1, table(shape)) + field(2, key) + field(3, setCell("note", Draft(note)))
  }

  /// A CreateTableRequest: one family, of whose cells one version is kept.
  func createTableMessage(_ shape: RowShape) -> Draft {
    let family = field(1, RowShape.family) + field(2, field(1, number(1, 1)))
    return field(1, BigtableDialect.instance) + field(2, shape.table)
      + field(3, field(3, family))
  }

  func deleteTableMessage(_ shape: RowShape) -> Draft { field(1, table(shape)) }

  // MARK: - Calls

  private func call(_ method: String, _ message: Draft) -> Template? {
    call(path: "/google.bigtable.v2.Bigtable/\(method)", message)
  }

  /// Nil for a message that fits no frame.
  func call(path: String, _ message: Draft) -> Template? {
    let header = header(path)
    let messageByteCount = message.bytes.count + 5
    guard messageByteCount <= BigtableDialect.frameByteCount else { return nil }
    var prefix = ByteBuffer()
    prefix.append(0)
    prefix.append(bigEndian: UInt32(message.bytes.count))
    var draft = Draft()
    draft.append(HTTP2Frame.header(.headers, flags: HTTP2Frame.endHeaders, header.count))
    draft.append(header)
    let data = draft.bytes.count
    draft.append(HTTP2Frame.header(.data, flags: HTTP2Frame.endStream, messageByteCount))
    draft.append(prefix.array)
    draft.append(message)
    return Template(
      draft, streamOffsets: (HTTP2Frame.streamOffset, data + HTTP2Frame.streamOffset))
  }

  /// RFC 7541: entries of the static table, and literals that are not to be indexed.
  private func header(_ path: String) -> [UInt8] {
    var bytes: [UInt8] = [0x83, isSecure ? 0x87 : 0x86]  // :method: POST, :scheme
    for (name, value) in [
      ([0x04], path), ([0x01], authority),  // :path, :authority
      ([0x0f, 0x10], "application/grpc"),  // content-type
      ([0x00, 0x02] + Array("te".utf8), "trailers"),
    ] as [([UInt8], String)] {
      bytes += name
      bytes += BigtableDialect.integer(value.utf8.count) + Array(value.utf8)
    }
    return bytes
  }

  /// With a prefix of seven bits, of which the eighth is 0 (RFC 7541, 5.1).
  private static func integer(_ value: Int) -> [UInt8] {
    guard value >= 127 else { return [UInt8(value)] }
    var rest = ByteBuffer()
    rest.append(varint: value - 127)
    return [127] + rest.array
  }
}
