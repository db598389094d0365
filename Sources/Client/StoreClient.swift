// The client of the binary front, as kvctl and the load test use it. Stub; owned by the client work.
// Blocking calls on one connection; bulk work pipelines through `MutationStream` and `ScanStream`.

package import BinaryProtocol
package import DataModel

/// Why a call failed.
public enum ClientError: Error, Sendable {
  /// No server there, or it went away.
  case unreachable(String)
  /// The server or the data said no; `code` is stable.
  case refused(code: String, message: String)
  /// The peer does not speak this protocol.
  case protocolViolation(String)
}

/// A row with owned bytes.
package struct ClientRow: Sendable {
  package struct Cell: Sendable {
    package var family: String
    package var qualifier: [UInt8]
    package var timestamp: Timestamp
    package var value: [UInt8]
  }
  package var key: [UInt8]
  package var cells: [Cell]
}

/// One connection to a server.
public final class StoreClient {
  /// - Parameter address: `host:port`.
  public init(connectingTo address: String) throws(ClientError) {}

  package func createTable(_ definition: TableDefinition) throws(ClientError) {}
  package func alterTable(_ name: String, _ changes: [TableChange]) throws(ClientError)
    -> TableDefinition
  { throw .unreachable("") }
  package func dropTable(_ name: String) throws(ClientError) {}
  package func tables() throws(ClientError) -> [TableDefinition] { [] }
  package func table(_ name: String) throws(ClientError) -> TableDefinition { throw .unreachable("") }

  package func get(_ table: String, key: [UInt8], options: ReadOptions) throws(ClientError)
    -> ClientRow?
  { nil }
  package func batchGet(_ table: String, keys: [[UInt8]], options: ReadOptions) throws(ClientError)
    -> [ClientRow?]
  { [] }
  /// Row by row in order, at the consumer's pace; memory does not grow with the result. `body`
  /// gets a buffer that is valid during the call and returns false to stop. Family indices count
  /// in the buffer's `schema` (definition only; ids and version mean nothing on this side).
  package func scan(
    _ table: String, _ request: ScanRequest, _ body: (borrowing RowBuffer) throws -> Bool
  ) throws {}
  /// Rows are atomic each; returns refused rows by position.
  package func mutate(_ table: String, _ list: borrowing MutationList) throws(ClientError)
    -> [(row: Int, code: String, message: String)]
  { [] }
  package func checkAndMutate(
    _ table: String, key: [UInt8], predicate: RowFilter?, ifMatched: borrowing MutationList,
    otherwise: borrowing MutationList
  ) throws(ClientError) -> Bool { false }
  package func readModifyWrite(_ table: String, key: [UInt8], rules: [ReadModifyWriteRule])
    throws(ClientError) -> ClientRow
  { throw .unreachable("") }
  /// Bulk writes, several requests in flight on one connection.
  package func mutationStream(_ table: String, window: Int) throws(ClientError) -> MutationStream {
    throw .unreachable("")
  }
  /// One report a table, in name order.
  package func statistics() throws(ClientError) -> [TableReport] { [] }
  public func close() {}
}

/// Many mutation requests in flight; acknowledgements come in order.
package final class MutationStream {
  /// What one sent list came to.
  package struct Acknowledgement: Sendable {
    /// The number `send` returned.
    package var number: UInt64
    package var rejected: [(row: Int, code: String, message: String)]
  }
  /// Sends the list's rows as one request; waits while `window` requests are unanswered.
  /// Acknowledgements that have arrived are passed to `onAcknowledged` from within `send` and
  /// `finish`.
  package func send(_ list: borrowing MutationList) throws(ClientError) -> UInt64 { 0 }
  package var onAcknowledged: (Acknowledgement) -> Void = { _ in }
  /// Waits until everything sent is acknowledged.
  package func finish() throws(ClientError) {}
  init() {}
}
