// The Bigtable front: what its connections share, and which method is whose.

internal import Bytes
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

/// The methods there are, by path.
enum BigtableMethod: String, CaseIterable {
  case readRows = "/google.bigtable.v2.Bigtable/ReadRows"
  case sampleRowKeys = "/google.bigtable.v2.Bigtable/SampleRowKeys"
  case mutateRow = "/google.bigtable.v2.Bigtable/MutateRow"
  case mutateRows = "/google.bigtable.v2.Bigtable/MutateRows"
  case checkAndMutateRow = "/google.bigtable.v2.Bigtable/CheckAndMutateRow"
  case readModifyWriteRow = "/google.bigtable.v2.Bigtable/ReadModifyWriteRow"
  case pingAndWarm = "/google.bigtable.v2.Bigtable/PingAndWarm"
  case createTable = "/google.bigtable.admin.v2.BigtableTableAdmin/CreateTable"
  case listTables = "/google.bigtable.admin.v2.BigtableTableAdmin/ListTables"
  case getTable = "/google.bigtable.admin.v2.BigtableTableAdmin/GetTable"
  case deleteTable = "/google.bigtable.admin.v2.BigtableTableAdmin/DeleteTable"
  case modifyColumnFamilies =
    "/google.bigtable.admin.v2.BigtableTableAdmin/ModifyColumnFamilies"
  case generateConsistencyToken =
    "/google.bigtable.admin.v2.BigtableTableAdmin/GenerateConsistencyToken"
  case checkConsistency = "/google.bigtable.admin.v2.BigtableTableAdmin/CheckConsistency"
  case testTablePermissions = "/google.bigtable.admin.v2.BigtableTableAdmin/TestIamPermissions"
  case getInstance = "/google.bigtable.admin.v2.BigtableInstanceAdmin/GetInstance"
  case createInstance = "/google.bigtable.admin.v2.BigtableInstanceAdmin/CreateInstance"
  case listInstances = "/google.bigtable.admin.v2.BigtableInstanceAdmin/ListInstances"
  case getCluster = "/google.bigtable.admin.v2.BigtableInstanceAdmin/GetCluster"
  case listClusters = "/google.bigtable.admin.v2.BigtableInstanceAdmin/ListClusters"
  case testInstancePermissions =
    "/google.bigtable.admin.v2.BigtableInstanceAdmin/TestIamPermissions"
  case check = "/grpc.health.v1.Health/Check"

  static let byPath = Dictionary(
    uniqueKeysWithValues: allCases.map { (Array($0.rawValue.utf8), $0) })
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
  var lastWrite: UInt64 = 0

  init(_ front: BigtableFront, _ loop: EventLoop) {
    self.front = front
    self.loop = loop
    writes = front.writes(of: loop)
  }

  func method(_ path: ByteView) -> GRPCMethod? {
    guard let method = BigtableMethod.byPath[path.array] else { return nil }
    return { [self] call, message in perform(method, call, message) }
  }

  private func perform(_ method: BigtableMethod, _ call: GRPCCall, _ message: ByteView) {
    do throws(GRPCStatus) {
      switch method {
      case .readRows: try readRows(call, message)
      case .sampleRowKeys: try sampleRowKeys(call, message)
      case .mutateRow: try mutateRow(call, message)
      case .mutateRows: try mutateRows(call, message)
      case .checkAndMutateRow: try checkAndMutateRow(call, message)
      case .readModifyWriteRow: try readModifyWriteRow(call, message)
      case .pingAndWarm: call.answer { _ in }
      // Serving: a server that does not has closed its ports.
      case .check: call.answer { $0.append([0x08, 0x01]) }
      case .createTable, .listTables, .getTable, .deleteTable, .modifyColumnFamilies:
        let admin = TableAdmin(service: front.service)
        onWorker(call, message) { (request) throws(GRPCStatus) in
          try admin.perform(method, request)
        }
      case .generateConsistencyToken, .checkConsistency, .testTablePermissions, .getInstance,
        .createInstance, .listInstances, .getCluster, .listClusters, .testInstancePermissions:
        let admin = InstanceAdmin(service: front.service)
        onWorker(call, message) { (request) throws(GRPCStatus) in
          try admin.perform(method, request)
        }
      }
    } catch {
      call.finish(error)
    }
  }

  /// The table of a name on the wire.
  func table(_ name: ByteView) throws(GRPCStatus) -> Table {
    let part = try TableName.table(of: name)
    do throws(TableServiceError) {
      return try front.service.table(part)
    } catch {
      if case .notFound = error {
        throw GRPCStatus(
          .notFound, "Table not found: \(String(decoding: name.buffer, as: UTF8.self))")
      }
      throw GRPCStatus(error)
    }
  }
}
