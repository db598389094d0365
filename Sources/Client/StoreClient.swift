// The client of the binary front, as kvctl and the load test use it. Blocking calls on one
// connection; bulk work pipelines through `MutationStream`, scans stream with credit.

package import BinaryProtocol
internal import Bytes
package import DataModel
internal import Glibc

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

  init(key: [UInt8], _ row: RowBuffer) {
    self.key = key
    let families = row.schema?.definition.families ?? []
    cells = row.cells.map { cell in
      Cell(
        family: cell.familyIndex < families.count ? families[cell.familyIndex].name : "",
        qualifier: cell.qualifier.array, timestamp: cell.timestamp, value: cell.value.array)
    }
  }
}

/// One connection to a server.
///
/// Calls block until the server has answered. One thread at a time; open a client for each thread
/// that wants to work beside others.
public final class StoreClient {
  let wire: Wire
  /// Open mutation streams, by request id, whose acknowledgements may arrive during any call.
  var streams: [UInt64: MutationStream] = [:]
  private var decoders: [String: RowDecoder] = [:]

  /// Connects and greets; fails after five seconds without a server.
  ///
  /// - Parameter address: `host:port`, an IPv6 address in brackets.
  /// - Parameter tls: Given, the connection is encrypted and the server's certificate verified.
  /// - Throws: `ClientError.unreachable` when nothing answers there or no TLS session comes about,
  ///   `.protocolViolation` when something else answers, `.refused` when the server speaks no
  ///   common version.
  public init(connectingTo address: String, tls: ClientTLS? = nil) throws(ClientError) {
    wire = try Wire(connectingTo: address, tls)
  }

  /// Closes the connection. Later calls throw `ClientError.unreachable`.
  public func close() { wire.close() }

  // MARK: - Tables

  package func createTable(_ definition: TableDefinition) throws(ClientError) {
    _ = try call(.createTable, { SchemaMessages.write(definition, into: &$0) }) { _ in }
  }

  /// All changes or none; returns the new definition.
  package func alterTable(
    _ name: String, _ changes: [TableChange]
  ) throws(ClientError) -> TableDefinition {
    try call(.alterTable, { SchemaMessages.writeAlter(name, changes, into: &$0) }) {
      body throws(WireError) in try SchemaMessages.readDefinition(body)
    }
  }

  package func dropTable(_ name: String) throws(ClientError) {
    decoders[name] = nil
    try call(.dropTable, { SchemaMessages.writeName(name, into: &$0) }) { _ in }
  }

  package func tables() throws(ClientError) -> [TableDefinition] {
    try call(.listTables, { _ in }) { body throws(WireError) in
      try SchemaMessages.readList(body)
    }
  }

  package func table(_ name: String) throws(ClientError) -> TableDefinition {
    try call(.describeTable, { SchemaMessages.writeName(name, into: &$0) }) {
      body throws(WireError) in try SchemaMessages.readDefinition(body)
    }
  }

  /// One report a table, in name order.
  package func statistics() throws(ClientError) -> [TableReport] {
    try call(.statistics, { _ in }) { body throws(WireError) in
      try SchemaMessages.readReports(body)
    }
  }

  /// Asks the server for a sign of life.
  package func ping() throws(ClientError) {
    try call(.ping, { _ in }) { _ in }
  }

  // MARK: - Reads

  /// The row, or nil when there is none or nothing of it was selected.
  package func get(
    _ table: String, key: [UInt8], options: ReadOptions
  ) throws(ClientError) -> ClientRow? {
    let id = try request(.get) {
      ReadRequestEncoder.get(table, key: key, options: options, into: &$0)
    }
    return try cells(of: key, table, id)
  }

  /// The rows in the order of `keys`; nil where there is none.
  package func batchGet(
    _ table: String, keys: [[UInt8]], options: ReadOptions
  ) throws(ClientError) -> [ClientRow?] {
    let id = try request(.batchGet) {
      ReadRequestEncoder.batchGet(table, keys: keys, options: options, into: &$0)
    }
    var rows: [ClientRow?] = []
    var assembly = RowAssembly(decoder(of: table))
    try frames(of: id) { body throws(WireError) in
      try assembly.read(body) { row in
        guard rows.count < keys.count else { return true }
        rows.append(row.cells.isEmpty ? nil : ClientRow(key: keys[rows.count], row))
        return true
      }
    }
    decoders[table] = assembly.decoder
    guard rows.count == keys.count else {
      throw .protocolViolation("\(wire.address) answered \(rows.count) of \(keys.count) rows.")
    }
    return rows
  }

  // MARK: - Writes

  /// Rows are atomic each; returns refused rows by position. All others are durable.
  package func mutate(
    _ table: String, _ list: borrowing MutationList
  ) throws(ClientError) -> [(row: Int, code: String, message: String)] {
    let id = wire.nextRequestID()
    // A closure cannot capture what is borrowed.
    var body = ByteBuffer(capacity: list.byteCount + 256)
    WriteRequestEncoder.mutate(table, list, into: &body)
    try wire.append(.mutate, id) { $0.append(body.view) }
    try wire.flush()
    return try answer(to: id) { body throws(WireError) in
      try MutateResponse(wire: body).rejected.map {
        (Int($0.row), $0.error.code, $0.error.message)
      }
    }
  }

  /// Applies one of the lists, depending on whether `predicate` leaves a cell of the row (nil asks
  /// whether it has any); answers whether it did. Lists hold mutations of this one row.
  package func checkAndMutate(
    _ table: String, key: [UInt8], predicate: RowFilter?, ifMatched: borrowing MutationList,
    otherwise: borrowing MutationList
  ) throws(ClientError) -> Bool {
    let id = wire.nextRequestID()
    var body = ByteBuffer()
    WriteRequestEncoder.checkAndMutate(
      table, key: key, predicate: predicate, ifMatched: ifMatched, otherwise: otherwise,
      into: &body)
    try wire.append(.checkAndMutate, id) { $0.append(body.view) }
    try wire.flush()
    return try answer(to: id) { body throws(WireError) in try SchemaMessages.readFlag(body) }
  }

  /// Applies the rules in order; answers the new cells of the columns they touched.
  package func readModifyWrite(
    _ table: String, key: [UInt8], rules: [ReadModifyWriteRule]
  ) throws(ClientError) -> ClientRow {
    let id = try request(.readModifyWrite) {
      WriteRequestEncoder.readModifyWrite(table, key: key, rules: rules, into: &$0)
    }
    return try cells(of: key, table, id) ?? ClientRow(key: key, RowBuffer())
  }

  /// Bulk writes, several requests in flight on this connection.
  ///
  /// - Parameters:
  ///   - window: Requests that may be unanswered at a time, at least 1.
  ///   - producer: Whose rows they are: each position is applied once, however often it is sent.
  ///     The call then asks for the position (`MutationStream.nextPosition`).
  package func mutationStream(
    _ table: String, window: Int, producer: String? = nil
  ) throws(ClientError) -> MutationStream {
    if producer != nil, wire.hello.features & ProtocolFeature.producers == 0 {
      throw .refused(
        code: "unsupported",
        message: "\(wire.address) is of a version that does not keep producers' positions.")
    }
    let id = wire.nextRequestID()
    let stream = MutationStream(self, table, id, window: max(window, 1), producer: producer)
    streams[id] = stream
    if producer != nil { try stream.askForPosition() }
    return stream
  }

  // MARK: - Frames

  /// Sends a request; returns its id.
  func request(
    _ operation: Operation, _ write: (inout ByteBuffer) -> Void
  ) throws(ClientError) -> UInt64 {
    let id = wire.nextRequestID()
    try wire.append(operation, id, write)
    try wire.flush()
    return id
  }

  private func call<Answer>(
    _ operation: Operation, _ write: (inout ByteBuffer) -> Void,
    _ read: (ByteView) throws(WireError) -> Answer
  ) throws(ClientError) -> Answer {
    let id = try request(operation, write)
    return try answer(to: id, read)
  }

  /// The answer to a request that is answered in one frame.
  private func answer<Answer>(
    to id: UInt64, _ read: (ByteView) throws(WireError) -> Answer
  ) throws(ClientError) -> Answer {
    let frame = try nextFrame(of: id)
    do throws(WireError) { return try read(frame.body) } catch { throw wire.unreadable(error) }
  }

  /// Calls `read` with the body of each frame of an answer.
  private func frames(
    of id: UInt64, _ read: (ByteView) throws(WireError) -> Void
  ) throws(ClientError) {
    while true {
      let frame = try nextFrame(of: id)
      do throws(WireError) { try read(frame.body) } catch { throw wire.unreadable(error) }
      if frame.isLast { return }
    }
  }

  /// The next frame of one request; a refusal is thrown. Others' frames go to their streams.
  func nextFrame(of id: UInt64) throws(ClientError) -> ReceivedFrame {
    while true {
      let frame = try wire.nextFrame()
      if frame.header.requestID == id {
        guard frame.header.status == Status.ok.rawValue else { throw Wire.refusal(frame) }
        return frame
      }
      try deliver(frame)
    }
  }

  /// Hands a frame to the mutation stream it belongs to; what belongs to nobody is left over from
  /// a call that was given up.
  func deliver(_ frame: ReceivedFrame) throws(ClientError) {
    try streams[frame.header.requestID]?.receive(frame)
  }

  func decoder(of table: String) -> RowDecoder {
    decoders[table] ?? RowDecoder(TableDefinition(name: table, families: []))
  }

  /// The cells of one row, in however many frames.
  private func cells(
    of key: [UInt8], _ table: String, _ id: UInt64
  ) throws(ClientError) -> ClientRow? {
    var decoder = decoder(of: table)
    var row: ClientRow?
    try frames(of: id) { body throws(WireError) in
      let buffer = RowBuffer()
      try decoder.read(cells: body, into: buffer)
      guard !buffer.cells.isEmpty else { return }
      let piece = ClientRow(key: key, buffer)
      if row == nil { row = piece } else { row?.cells += piece.cells }
    }
    decoders[table] = decoder
    return row
  }
}
