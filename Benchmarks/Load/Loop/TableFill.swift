// Makes the tables that workloads need and fills them. A note beside the rows says how the table
// was filled, so that the next run finds it done.

import Bytes
import Client
import DataModel

/// The table of one workload on one server.
struct TableFill {
  let address: SocketAddress
  let front: Front
  let shape: RowShape
  let records: UInt64

  /// Stands before all rows, whose keys are digits.
  private static let noteKey = "!fill"
  private var note: String {
    "\(records) rows of \(shape.columnCount) columns of \(shape.valueByteCount) bytes"
  }

  /// Whether the table is filled as this workload wants it.
  func isDone() throws -> Bool {
    switch front {
    case .tcp:
      let client = try StoreClient(connectingTo: address.text, tls: address.security?.store)
      defer { client.close() }
      guard try client.tables().contains(where: { $0.name == shape.table }) else { return false }
      let row = try client.get(
        shape.table, key: Array(TableFill.noteKey.utf8), options: ReadOptions())
      return row?.cells.first?.value == Array(note.utf8)
    case .http:
      let row = try exchange(
        "GET /v1/tables/\(shape.table)/rows/\(TableFill.noteKey) HTTP/1.1\r\nHost: bench\r\n\r\n")
      return row.text.contains("\"\(note)\"")
    case .grpc: return try CallTables(address: address, shape: shape).holds(TableFill.noteKey, note)
    }
  }

  /// Fills the table unless it is, and says so.
  func prepare(_ run: LoadRun, mayFill: Bool) throws {
    if try isDone() { return }
    guard mayFill else {
      throw BenchmarkFailure(
        "\(shape.table) is not filled with \(records) rows: add --load, or change --records.")
    }
    let result = try fill(run)
    let seconds = Double(result.nanoseconds) / 1e9
    let rate = NumberText.grouped(Double(records) / seconds)
    print(
      "filled \(shape.table): \(records) rows in \(NumberText.decimals(seconds, 1)) s, \(rate)/s")
  }

  /// Makes the table, anew where it was filled otherwise, and fills it.
  func fill(_ run: LoadRun) throws -> LoaderResult {
    try create()
    var filling = run
    filling.plan.workload = .fill(shape, rowsPerRequest: min(rowsPerRequest, Int(records)))
    filling.connections = front == .http ? 16 : 4
    filling.depth = front == .http ? 32 : 4
    let result = try filling.fill()
    try leaveNote()
    return result
  }

  private var rowsPerRequest: Int {
    switch front {
    case .tcp: shape.rowsPerRequest
    case .http: 1
    case .grpc: BigtableDialect.rowsPerRequest(shape)
    }
  }

  private func create() throws {
    switch front {
    case .tcp:
      let client = try StoreClient(connectingTo: address.text, tls: address.security?.store)
      defer { client.close() }
      if try client.tables().contains(where: { $0.name == shape.table }) {
        try client.dropTable(shape.table)
      }
      try client.createTable(
        TableDefinition(
          name: shape.table,
          families: [FamilyDefinition(name: RowShape.family, gc: .maxVersions(1))]))
    case .http:
      let families = "{\"\(RowShape.family)\":{\"gc\":{\"maxVersions\":1}}}"
      let body = "{\"name\":\"\(shape.table)\",\"families\":\(families)}"
      _ = try exchange("DELETE /v1/tables/\(shape.table) HTTP/1.1\r\nHost: bench\r\n\r\n")
      let answer = try exchange(request("POST", "/v1/tables", body))
      guard answer.status == 201 else {
        throw BenchmarkFailure("Creating \(shape.table) was refused: \(answer.text)")
      }
    case .grpc: try CallTables(address: address, shape: shape).create()
    }
  }

  private func leaveNote() throws {
    switch front {
    case .tcp:
      let client = try StoreClient(connectingTo: address.text, tls: address.security?.store)
      defer { client.close() }
      var list = MutationList()
      ByteView.of(TableFill.noteKey) { list.beginRow($0) }
      ByteView.of(RowShape.family) { family in
        ByteView.of("note") { qualifier in
          ByteView.of(note) { value in
            list.setCell(family: family, qualifier: qualifier, timestamp: .server, value: value)
          }
        }
      }
      guard try client.mutate(shape.table, list).isEmpty else {
        throw BenchmarkFailure("The note of the fill was refused.")
      }
    case .http:
      let body = "{\"families\":{\"\(RowShape.family)\":{\"note\":\"\(note)\"}}}"
      let path = "/v1/tables/\(shape.table)/rows/\(TableFill.noteKey)"
      guard try exchange(request("PATCH", path, body)).status == 204 else {
        throw BenchmarkFailure("The note of the fill was refused.")
      }
    case .grpc: try CallTables(address: address, shape: shape).write(TableFill.noteKey, note)
    }
  }

  private func request(_ method: String, _ path: String, _ body: String) -> String {
    """
    \(method) \(path) HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
    Content-Length: \(body.utf8.count)\r\n\r\n\(body)
    """
  }

  private func exchange(_ request: String) throws -> (status: Int, text: String) {
    try HTTPExchange.once(address, request)
  }
}
