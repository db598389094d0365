// One call that is not about rows: through what protoc makes of its messages, on a thread that may
// wait; nobody is in a hurry here.

internal import BigtableProto
internal import Bytes
internal import DataModel
internal import Foundation
internal import GRPC
internal import Net
internal import Runtime
internal import SwiftProtobuf
internal import Tablets

extension BigtableSession {
  /// Answers a call with what `perform` makes of its message, on a thread that may wait.
  func onWorker(
    _ call: GRPCCall, _ message: ByteView,
    _ perform: @escaping @Sendable (Data) throws(GRPCStatus) -> [UInt8]
  ) {
    let request = Data(message.buffer)
    front.scheduler.submit(to: .blocking) { [loop] in
      let answer = Result<[UInt8], GRPCStatus> { () throws(GRPCStatus) in try perform(request) }
      loop.execute {
        switch answer {
        case .success(let bytes): call.answer { output in ByteView.of(bytes) { output.append($0) } }
        case .failure(let status): call.finish(status)
        }
      }
    }
  }
}

/// Finds who answers.
struct AdminCall: Sendable {
  private let tables: TableAdmin
  private let views: ViewAdmin
  private let instances: InstanceAdmin
  private let profiles: AppProfileAdmin
  private let operations: OperationLog

  init(_ front: BigtableFront) {
    tables = TableAdmin(service: front.service, operations: front.operations)
    views = ViewAdmin(service: front.service, operations: front.operations)
    instances = InstanceAdmin(service: front.service, operations: front.operations)
    profiles = AppProfileAdmin(service: front.service, operations: front.operations)
    operations = front.operations
  }

  /// - Parameter request: The method's message, encoded; so is what is returned.
  func perform(_ method: AdminMethod, _ request: Data) throws(GRPCStatus) -> [UInt8] {
    do {
      return try answer(method, request).serializedBytes()
    } catch let error as GRPCStatus {
      throw error
    } catch let error as TableServiceError {
      throw GRPCStatus(error)
    } catch let error as DataModelError {
      throw GRPCStatus(error)
    } catch {
      throw .invalid("the request cannot be read: \(error)")
    }
  }

  private func answer(_ method: AdminMethod, _ request: Data) throws -> any Message {
    switch method {
    case .createTable: try tables.create(.init(serializedBytes: request))
    case .listTables: try tables.list(.init(serializedBytes: request))
    case .getTable: try tables.get(.init(serializedBytes: request))
    case .updateTable: try tables.update(.init(serializedBytes: request))
    case .deleteTable: try tables.delete(.init(serializedBytes: request))
    case .modifyColumnFamilies: try tables.modify(.init(serializedBytes: request))
    case .dropRowRange: try tables.dropRows(.init(serializedBytes: request))
    case .generateConsistencyToken: try tables.token(.init(serializedBytes: request))
    case .checkConsistency: try tables.check(.init(serializedBytes: request))
    case .createAuthorizedView: try views.create(.init(serializedBytes: request))
    case .listAuthorizedViews: try views.list(.init(serializedBytes: request))
    case .getAuthorizedView: try views.get(.init(serializedBytes: request))
    case .updateAuthorizedView: try views.update(.init(serializedBytes: request))
    case .deleteAuthorizedView: try views.delete(.init(serializedBytes: request))
    case .testTablePermissions, .testInstancePermissions:
      try instances.permissions(.init(serializedBytes: request))
    case .getInstance: try instances.get(.init(serializedBytes: request))
    case .createInstance: try instances.create(.init(serializedBytes: request))
    case .listInstances: try instances.list(.init(serializedBytes: request))
    case .deleteInstance: try instances.delete(.init(serializedBytes: request))
    case .getCluster: try instances.getCluster(.init(serializedBytes: request))
    case .listClusters: try instances.listClusters(.init(serializedBytes: request))
    case .createAppProfile: try profiles.create(.init(serializedBytes: request))
    case .getAppProfile: try profiles.get(.init(serializedBytes: request))
    case .listAppProfiles: try profiles.list(.init(serializedBytes: request))
    case .updateAppProfile: try profiles.update(.init(serializedBytes: request))
    case .deleteAppProfile: try profiles.delete(.init(serializedBytes: request))
    case .getOperation: try operations.get(.init(serializedBytes: request))
    }
  }
}
