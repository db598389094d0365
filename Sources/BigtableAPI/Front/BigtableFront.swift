// The Bigtable front: what its connections share, and which method is whose.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Fronts
package import GRPC
package import Net
package import Runtime
package import Tablets

/// How the front treats its connections.
package struct BigtableFrontOptions: Sendable {
  package var limits = GRPCLimits()
  /// Memory for long requests that are arriving, all connections together.
  package var inFlightByteCount = 128 << 20
  package init() {}
}

/// Makes the handlers of accepted connections.
package final class BigtableFront: Sendable {
  let service: TableService
  let scheduler: any Scheduler
  let time: any TimeSource
  private let limits: GRPCLimits
  private let budget: InFlightBudget
  let operations = OperationLog()
  private let writes = PerLoop<LoopWrites>()

  package init(
    service: TableService, scheduler: any Scheduler, time: any TimeSource,
    options: BigtableFrontOptions = BigtableFrontOptions()
  ) {
    self.service = service
    self.scheduler = scheduler
    self.time = time
    limits = options.limits
    budget = InFlightBudget(byteCount: options.inFlightByteCount)
  }

  func writes(of loop: EventLoop) -> LoopWrites {
    writes.of(loop) { LoopWrites(loop) }
  }

  /// The handler of a connection that was just accepted; call on its loop.
  package func handler(for connection: Connection) -> any ConnectionHandler {
    GRPCConnection(
      connection, methods: BigtableSession(self, connection.loop), limits: limits, budget: budget)
  }
}

/// The calls of one connection. Everything here runs on the connection's loop (`@unchecked` for
/// that): what completes elsewhere comes back by `loop.execute`.
final class BigtableSession: GRPCMethods, @unchecked Sendable {
  let front: BigtableFront
  let loop: EventLoop
  /// Of all connections of the loop, in this wake-up.
  let writes: LoopWrites
  /// Calls whose writes wait for their commit.
  var waiting: [UInt64: WaitingCall] = [:]
  /// For rows that are answered at once.
  let row = RowBuffer()
  var names = ChunkNames()
  /// Those of the last read of several rows, for the next one.
  var spareBuffers: ReadRowsBuffers?
  var lastWrite: UInt64 = 0

  init(_ front: BigtableFront, _ loop: EventLoop) {
    self.front = front
    self.loop = loop
    writes = front.writes(of: loop)
  }

  func method(_ path: ByteView) -> Int? { MethodNumbers.number(of: path) }

  func isSheddable(_ method: Int) -> Bool {
    switch BigtableMethod(rawValue: method) {
    case .readRows, .mutateRow, .mutateRows, .checkAndMutateRow, .readModifyWriteRow: true
    // Metadata, health, and what people do by hand.
    default: false
    }
  }

  func perform(_ method: Int, _ call: GRPCCall, _ message: ByteView) {
    do throws(GRPCStatus) {
      guard let rows = BigtableMethod(rawValue: method) else {
        return administrate(method, call, message)
      }
      switch rows {
      case .readRows: try readRows(call, message)
      case .sampleRowKeys: try sampleRowKeys(call, message)
      case .mutateRow: try mutateRow(call, message)
      case .mutateRows: try mutateRows(call, message)
      case .checkAndMutateRow: try checkAndMutateRow(call, message)
      case .readModifyWriteRow: try readModifyWriteRow(call, message)
      case .pingAndWarm: call.answer { _ in }
      case .generateInitialChangeStreamPartitions, .readChangeStream:
        try refuseChangeStream(message)
      case .healthCheck: try HealthService.check(call, message)
      case .healthWatch: try HealthService.watch(call, message)
      }
    } catch {
      call.finish(error)
    }
  }

  private func administrate(_ number: Int, _ call: GRPCCall, _ message: ByteView) {
    guard let method = MethodNumbers.admin(number) else {
      return call.finish(GRPCStatus(.unimplemented, "no such method"))
    }
    let admin = AdminCall(front)
    onWorker(call, message) { (request) throws(GRPCStatus) in
      try admin.perform(method, request)
    }
  }

  /// Nobody's changes are kept yet.
  private func refuseChangeStream(_ message: ByteView) throws(GRPCStatus) {
    var name = ByteView()
    do throws(WireError) {
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        if number == 1 { name = try reader.bytes() } else { try reader.skip() }
      }
    } catch {
      throw GRPCStatus(error)
    }
    _ = try table(name)
    throw GRPCStatus(
      .failedPrecondition, "change streams are not enabled on this table, and not served yet")
  }

  /// What a data request is about: a table, or what an authorized view shows of one.
  func target(_ name: ByteView, view: ByteView) throws(GRPCStatus) -> (Table, TableSubset?) {
    if view.isEmpty { return (try table(name), nil) }
    guard name.isEmpty else {
      throw .invalid("a request names a table and an authorized view; one of them is right")
    }
    let full = String(decoding: view.prefix(min(1_000, view.count)).buffer, as: UTF8.self)
    let parsed = try ViewName(full)
    let table = try ByteView.of(parsed.table.table) { (part) throws(GRPCStatus) in
      try self.table(named: part, parsed.table.full)
    }
    guard
      let view = table.schema.definition.settings.views.first(where: { $0.name == parsed.view })
    else { throw GRPCStatus(.notFound, "Authorized view not found: \(full)") }
    return (table, view.subset)
  }

  /// The table of a name on the wire.
  func table(_ name: ByteView) throws(GRPCStatus) -> Table {
    try table(
      named: TableName.table(of: name), String(decoding: name.buffer, as: UTF8.self))
  }

  private func table(
    named part: ByteView, _ full: @autoclosure () -> String
  ) throws(GRPCStatus) -> Table {
    do throws(TableServiceError) {
      return try front.service.table(part)
    } catch {
      if case .notFound = error { throw GRPCStatus(.notFound, "Table not found: \(full())") }
      throw GRPCStatus(error)
    }
  }
}
