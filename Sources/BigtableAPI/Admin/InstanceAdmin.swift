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
  let operations: OperationLog

  func get(_ request: Google_Bigtable_Admin_V2_GetInstanceRequest) throws -> Instance {
    instance(try TableName.instance(request.name))
  }

  private func instance(_ name: String) -> Instance {
    .with {
      $0.name = name
      $0.displayName = name.split(separator: "/").last.map(String.init) ?? name
      $0.state = .ready
      $0.type = .production
    }
  }

  /// Done at once: there is nothing to be made.
  func create(
    _ request: Google_Bigtable_Admin_V2_CreateInstanceRequest
  ) throws -> Google_Longrunning_Operation {
    let name = try TableName.instance("\(request.parent)/instances/\(request.instanceID)")
    var made = instance(name)
    if !request.instance.displayName.isEmpty { made.displayName = request.instance.displayName }
    let metadata = Google_Bigtable_Admin_V2_CreateInstanceMetadata.with {
      $0.originalRequest = request
      $0.requestTime = .now
      $0.finishTime = .now
    }
    return try operations.done(name, response: made, metadata: metadata)
  }

  func list(
    _ request: Google_Bigtable_Admin_V2_ListInstancesRequest
  ) throws -> Google_Bigtable_Admin_V2_ListInstancesResponse {
    let name = try TableName.instance("\(request.parent)/instances/strata")
    return .with { $0.instances = [instance(name)] }
  }

  /// An instance without tables is as good as none; tables are not dropped by the way.
  func delete(
    _ request: Google_Bigtable_Admin_V2_DeleteInstanceRequest
  ) throws -> Google_Protobuf_Empty {
    let name = try TableName.instance(request.name)
    let count = service.definitions().count
    guard count == 0 else {
      throw GRPCStatus(
        .failedPrecondition,
        "\(name) has \(count) tables, as every instance here; delete them first")
    }
    return Google_Protobuf_Empty()
  }

  // MARK: Clusters

  func getCluster(_ request: Google_Bigtable_Admin_V2_GetClusterRequest) throws -> Cluster {
    let parts = request.name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[4] == "clusters", parts[5] == InstanceAdmin.cluster else {
      throw GRPCStatus(.notFound, "Cluster not found: \(request.name.prefix(300))")
    }
    return cluster(try TableName.instance(parts[..<4].joined(separator: "/")))
  }

  func listClusters(
    _ request: Google_Bigtable_Admin_V2_ListClustersRequest
  ) throws -> Google_Bigtable_Admin_V2_ListClustersResponse {
    let instance = try TableName.instance(request.parent)
    return .with { $0.clusters = [cluster(instance)] }
  }

  private func cluster(_ instance: String) -> Cluster {
    .with {
      $0.name = "\(instance)/clusters/\(InstanceAdmin.cluster)"
      $0.state = .ready
      $0.serveNodes = 1
      $0.defaultStorageType = .ssd
    }
  }

  // MARK: Permissions

  /// Whoever may speak to this port may do all that it does.
  func permissions(
    _ request: Google_Iam_V1_TestIamPermissionsRequest
  ) throws -> Google_Iam_V1_TestIamPermissionsResponse {
    .with { $0.permissions = request.permissions }
  }
}
