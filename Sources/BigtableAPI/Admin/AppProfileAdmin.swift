// Application profiles say which cluster serves a request and how. There is one here; they are kept
// for the clients that make, list and name them, and change nothing.

internal import BigtableProto
internal import DataModel
internal import Foundation
internal import GRPC
internal import SwiftProtobuf
internal import Tablets

struct AppProfileAdmin: Sendable {
  typealias V2 = Google_Bigtable_Admin_V2_AppProfile

  private static let limit = 1_000

  let service: TableService
  let operations: OperationLog

  func create(_ request: Google_Bigtable_Admin_V2_CreateAppProfileRequest) throws -> V2 {
    let parent = try TableName.instance(request.parent)
    do throws(DataModelError) { try TableDefinition.validate(name: request.appProfileID) } catch {
      throw GRPCStatus.invalid("app_profile_id: \(error.message)")
    }
    var profile = request.appProfile
    profile.name = "\(parent)/appProfiles/\(request.appProfileID)"
    profile.etag = "1"
    let known = try service.appProfiles()
    guard !known.contains(where: { $0.name == profile.name }), request.appProfileID != "default"
    else { throw GRPCStatus(.alreadyExists, "the app profile \(profile.name) exists already") }
    guard known.count < AppProfileAdmin.limit else {
      throw GRPCStatus(.resourceExhausted, "there are \(known.count) app profiles already")
    }
    return try keep(profile)
  }

  private func keep(_ profile: V2) throws -> V2 {
    try service.setAppProfile(profile.name, profile.serializedBytes())
    return profile
  }

  func get(_ request: Google_Bigtable_Admin_V2_GetAppProfileRequest) throws -> V2 {
    if let found = try service.appProfiles().first(where: { $0.name == request.name }) {
      return try V2(serializedBytes: found.message)
    }
    let parts = request.name.components(separatedBy: "/appProfiles/")
    guard parts.count == 2, parts[1] == "default" else {
      throw GRPCStatus(.notFound, "App profile not found: \(request.name.prefix(300))")
    }
    return AppProfileAdmin.standard(try TableName.instance(parts[0]))
  }

  /// The profile that every instance has.
  private static func standard(_ instance: String) -> V2 {
    .with {
      $0.name = "\(instance)/appProfiles/default"
      $0.etag = "1"
      $0.description_p = "All requests go to the one server there is"
      $0.multiClusterRoutingUseAny = .init()
    }
  }

  func list(
    _ request: Google_Bigtable_Admin_V2_ListAppProfilesRequest
  ) throws -> Google_Bigtable_Admin_V2_ListAppProfilesResponse {
    let instance = try TableName.instance(request.parent)
    let own = try service.appProfiles().filter { $0.name.hasPrefix("\(instance)/") }
      .map { try V2(serializedBytes: $0.message) }
    return .with { $0.appProfiles = [AppProfileAdmin.standard(instance)] + own }
  }

  func update(
    _ request: Google_Bigtable_Admin_V2_UpdateAppProfileRequest
  ) throws -> Google_Longrunning_Operation {
    var profile = try get(.with { $0.name = request.appProfile.name })
    let wanted = request.appProfile
    for path in request.updateMask.paths {
      switch path.split(separator: ".").first {
      case "description": profile.description_p = wanted.description_p
      case "single_cluster_routing", "multi_cluster_routing_use_any":
        profile.routingPolicy = wanted.routingPolicy
      case "standard_isolation", "priority", "data_boost_isolation_read_only":
        profile.isolation = wanted.isolation
      default: throw GRPCStatus.invalid("update_mask: \(path) is no field of an app profile")
      }
    }
    profile.etag = "\((Int(profile.etag) ?? 0) + 1)"
    return try operations.done(
      profile.name, response: keep(profile),
      metadata: Google_Bigtable_Admin_V2_UpdateAppProfileMetadata())
  }

  func delete(
    _ request: Google_Bigtable_Admin_V2_DeleteAppProfileRequest
  ) throws -> Google_Protobuf_Empty {
    _ = try get(.with { $0.name = request.name })
    guard !request.name.hasSuffix("/appProfiles/default") else {
      throw GRPCStatus(.failedPrecondition, "the default app profile stays")
    }
    try service.setAppProfile(request.name, nil)
    return Google_Protobuf_Empty()
  }
}
