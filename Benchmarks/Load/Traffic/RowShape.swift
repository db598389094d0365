// The tables that workloads run on: how rows look and how many go into one request of a fill.

/// A table's rows.
struct RowShape: Equatable, Sendable {
  var name: String
  var columnCount: Int
  var valueByteCount: Int
  var space: KeySpace
  /// Rows of one request when the table is filled.
  var rowsPerRequest: Int

  static let family = "f"
  var table: String { "bench_\(name)" }
  var rowByteCount: Int { columnCount * valueByteCount }

  func qualifier(_ column: Int) -> String {
    columnCount == 1 ? "v" : "c\(column / 10)\(column % 10)"
  }

  static let value = RowShape(
    name: "value", columnCount: 1, valueByteCount: 100, space: .hashed, rowsPerRequest: 100)
  /// A row of scores: 1 KB in eight columns.
  static let score = RowShape(
    name: "score", columnCount: 8, valueByteCount: 128, space: .hashed, rowsPerRequest: 50)
  static let wide = RowShape(
    name: "wide", columnCount: 50, valueByteCount: 100, space: .hashed, rowsPerRequest: 10)
  /// Keys in the order of their numbers, so that the rows of a range are known.
  static let ordered = RowShape(
    name: "ordered", columnCount: 1, valueByteCount: 100, space: .ordered, rowsPerRequest: 100)
  static let ycsb = RowShape(
    name: "ycsb", columnCount: 10, valueByteCount: 100, space: .hashed, rowsPerRequest: 50)
  /// 200 bytes as JSON, to stand beside a static file of that length.
  static let page = RowShape(
    name: "page", columnCount: 1, valueByteCount: 149, space: .hashed, rowsPerRequest: 100)
}
