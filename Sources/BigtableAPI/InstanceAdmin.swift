// What clients ask of instances and permissions. Strata has no instances: every name stands for
// this server, which is ready, with one cluster; whoever reaches it may do all it offers.

internal import BigtableProto
internal import DataModel
internal import Foundation
internal import GRPC
internal import SwiftProtobuf
internal import Tablets

struct InstanceAdmin: Sendable {
  typealias Instance = Google_Bigtable_Admin_V2_Instance
  typealias Cluster = Google_Bigtable_Admin_V2_Cluster

  static let cluster = "strata"

  let service: TableService

  /// - Parameter request: The method's message, encoded; so is what is returned.
  func perform(_ method: BigtableMethod, _ request: Data) throws(GRPCStatus) -> [UInt8] {
    do {
      return try answer(method, request).serializedBytes()
    } catch let error as GRPCStatus {
      throw error
    } catch {
      throw .invalid("the request cannot be read: \(error)")
    }
  }

  private func answer(_ method: BigtableMethod, _ request: Data) throws -> any Message {
    switch method {
    case .getInstance:
      return instance(
        try TableName.instance(
          Google_Bigtable_Admin_V2_GetInstanceRequest(serializedBytes: request).name))
    case .createInstance: return try create(.init(serializedBytes: request))
    case .listInstances: return try list(.init(serializedBytes: request))
    case .getCluster:
      let name = try Google_Bigtable_Admin_V2_GetClusterRequest(serializedBytes: request).name
      let parts = name.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 6, parts[4] == "clusters", parts[5] == InstanceAdmin.cluster else {
        throw GRPCStatus(.notFound, "Cluster not found: \(name)")
      }
      return cluster(try TableName.instance(parts[..<4].joined(separator: "/")))
    case .listClusters:
      let parent = try Google_Bigtable_Admin_V2_ListClustersRequest(serializedBytes: request).parent
      return try Google_Bigtable_Admin_V2_ListClustersResponse.with {
        $0.clusters = [cluster(try TableName.instance(parent))]
      }
    case .testTablePermissions, .testInstancePermissions:
      let asked = try Google_Iam_V1_TestIamPermissionsRequest(serializedBytes: request)
      return Google_Iam_V1_TestIamPermissionsResponse.with { $0.permissions = asked.permissions }
    case .generateConsistencyToken: return try token(.init(serializedBytes: request))
    case .checkConsistency: return try check(.init(serializedBytes: request))
    default: throw GRPCStatus(.unimplemented, "no method \(method.rawValue)")
    }
  }

  // MARK: Instances

  private func instance(_ name: String) -> Instance {
    .with {
      $0.name = name
      $0.displayName = name.split(separator: "/").last.map(String.init) ?? name
      $0.state = .ready
      $0.type = .production
    }
  }

  private func cluster(_ instance: String) -> Cluster {
    .with {
      $0.name = "\(instance)/clusters/\(InstanceAdmin.cluster)"
      $0.state = .ready
      $0.serveNodes = 1
      $0.defaultStorageType = .ssd
    }
  }

  /// Done at once: there is nothing to be made.
  private func create(
    _ request: Google_Bigtable_Admin_V2_CreateInstanceRequest
  ) throws -> Google_Longrunning_Operation {
    let name = try TableName.instance("\(request.parent)/instances/\(request.instanceID)")
    var made = instance(name)
    if !request.instance.displayName.isEmpty { made.displayName = request.instance.displayName }
    var operation = Google_Longrunning_Operation()
    operation.name = "operations/\(name)"
    operation.done = true
    operation.response = try Google_Protobuf_Any(message: made)
    return operation
  }

  private func list(
    _ request: Google_Bigtable_Admin_V2_ListInstancesRequest
  ) throws -> Google_Bigtable_Admin_V2_ListInstancesResponse {
    let name = try TableName.instance("\(request.parent)/instances/strata")
    return .with { $0.instances = [instance(name)] }
  }

  // MARK: Consistency

  /// One server is consistent with itself: a token tells its table and nothing else.
  private func token(
    _ request: Google_Bigtable_Admin_V2_GenerateConsistencyTokenRequest
  ) throws -> Google_Bigtable_Admin_V2_GenerateConsistencyTokenResponse {
    try checkTable(request.name)
    return .with { $0.consistencyToken = "strata:\(request.name)" }
  }

  private func check(
    _ request: Google_Bigtable_Admin_V2_CheckConsistencyRequest
  ) throws -> Google_Bigtable_Admin_V2_CheckConsistencyResponse {
    try checkTable(request.name)
    guard request.consistencyToken == "strata:\(request.name)" else {
      throw GRPCStatus.invalid("the token is none of \(request.name)")
    }
    return .with { $0.consistent = true }
  }

  private func checkTable(_ name: String) throws {
    let table = try TableName(name).table
    guard service.definitions().contains(where: { $0.name == table }) else {
      throw GRPCStatus(.notFound, "Table not found: \(name)")
    }
  }
}
