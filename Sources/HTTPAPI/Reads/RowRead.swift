// One row, read by whoever may wait: after the disk was needed, or after a poll was held.

internal import Bytes
internal import DataModel
internal import RowText
internal import Tablets
internal import VFS

/// A single-row read that owns its question.
final class RowRead: SlicedRead, @unchecked Sendable {
  private let table: Table
  private let key: [UInt8]
  private let query: ReadQuery
  private let fingerprint: UInt64
  private var tag: EntityTag?
  private var isFound = false
  private var output = ByteBuffer(capacity: 512)

  init(table: Table, key: [UInt8], query: ReadQuery, fingerprint: UInt64) {
    self.table = table
    self.key = key
    self.query = query
    self.fingerprint = fingerprint
  }

  func advance(wait: ReadWait, until _: UInt64) throws(TableServiceError) -> Bool {
    tag = EntityTag(version: table.version(of: .all), fingerprint: fingerprint)
    let row = RowBuffer()
    isFound = try ByteView.of(key) { (key) throws(TableServiceError) in
      try table.read(key, query.options, wait: wait, into: row)
    }
    guard isFound else { return true }
    let schema = RowTextSchema(row.schema ?? table.schema)
    RowJSONWriter.write(row, schema, shape: query.shape, into: &output)
    output.append(0x0a as UInt8)
    return true
  }

  func reply() -> Result<Reply, Problem> {
    guard isFound else { return ByteView.of(key) { .failure(Problem(Self.absent($0))) } }
    return .success(Reply(200, etag: tag))
  }

  var body: ByteView { output.view }

  /// What to say of a row that has no cells.
  static func absent(_ key: ByteView) -> TableServiceError {
    .notFound(code: "row_not_found", message: "there is no row '\(key)'")
  }
}
