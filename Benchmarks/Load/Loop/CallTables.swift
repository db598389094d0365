// Tables by Bigtable's own API, on whichever server speaks it.

/// One table.
struct CallTables {
  let address: SocketAddress
  let shape: RowShape
  private static let data = "/google.bigtable.v2.Bigtable"
  private static let admin = "/google.bigtable.admin.v2.BigtableTableAdmin"

  private var dialect: BigtableDialect { BigtableDialect(authority: address.text) }

  /// Whether a row holds a text. False also when there is no such table.
  func holds(_ key: String, _ text: String) throws -> Bool {
    let dialect = dialect
    let rows = dialect.field(1, key)
    let answer = try CallExchange.once(
      address, path: "\(CallTables.data)/ReadRows", dialect.readRowsMessage(shape, rows))
    return String(decoding: answer.message, as: UTF8.self).contains(text)
  }

  /// Makes the table, anew where there is one.
  func create() throws {
    _ = try CallExchange.once(
      address, path: "\(CallTables.admin)/DeleteTable", dialect.deleteTableMessage(shape))
    let answer = try CallExchange.once(
      address, path: "\(CallTables.admin)/CreateTable", dialect.createTableMessage(shape))
    guard answer.outcome == .ok else {
      throw BenchmarkFailure("Creating \(shape.table) was refused: \(answer.refusal)")
    }
  }

  func write(_ key: String, _ note: String) throws {
    let answer = try CallExchange.once(
      address, path: "\(CallTables.data)/MutateRow", dialect.noteMessage(shape, key: key, note))
    guard answer.outcome == .ok else {
      throw BenchmarkFailure("The note of the fill was refused: \(answer.refusal)")
    }
  }
}
