// Authorized views of tables.

internal import BigtableProto
internal import DataModel
internal import Foundation
internal import GRPC
internal import SwiftProtobuf
internal import Tablets

/// What the table admin API does to authorized views.
struct ViewAdmin: Sendable {
  typealias V2 = Google_Bigtable_Admin_V2_AuthorizedView

  let service: TableService
  let operations: OperationLog

  func create(
    _ request: Google_Bigtable_Admin_V2_CreateAuthorizedViewRequest
  ) throws -> Google_Longrunning_Operation {
    let table = try TableName(request.parent)
    _ = try service.definition(of: table)
    let name = ViewName(table: table, view: request.authorizedViewID)
    do throws(DataModelError) { try TableDefinition.validate(name: name.view) } catch {
      throw GRPCStatus.invalid("authorized_view_id: \(error.message)")
    }
    let view = AuthorizedView(
      name: name.view, subset: try subset(of: request.authorizedView),
      isProtected: request.authorizedView.deletionProtection)
    _ = try service.changeSettings(of: table.table) { (settings) throws(TableServiceError) in
      guard !settings.views.contains(where: { $0.name == view.name }) else {
        throw .conflict(
          code: "view_exists", message: "the authorized view \(name.full) exists already")
      }
      guard settings.views.count < DataModelLimits.viewCount else {
        throw .invalid(
          code: "too_many_views",
          message: "a table has at most \(DataModelLimits.viewCount) authorized views")
      }
      settings.views.append(view)
      settings.views.sort { $0.name < $1.name }
    }
    let metadata = Google_Bigtable_Admin_V2_CreateAuthorizedViewMetadata.with {
      $0.originalRequest = request
      $0.requestTime = .now
      $0.finishTime = .now
    }
    return try operations.done(
      name.full, response: message(view, name, .full), metadata: metadata)
  }

  private func subset(of view: V2) throws -> TableSubset {
    guard case .subsetView(let message) = view.authorizedView else {
      throw GRPCStatus.invalid("the authorized view has no subset_view")
    }
    var subset = TableSubset(rowPrefixes: message.rowPrefixes.map { [UInt8]($0) })
    for (family, columns) in message.familySubsets {
      subset.families[family] = TableSubset.Columns(
        qualifiers: columns.qualifiers.map { [UInt8]($0) },
        prefixes: columns.qualifierPrefixes.map { [UInt8]($0) })
    }
    let count = subset.families.values.reduce(subset.rowPrefixes.count) {
      $0 + 1 + $1.qualifiers.count + $1.prefixes.count
    }
    guard count <= DataModelLimits.viewPartCount else {
      throw GRPCStatus.invalid(
        "an authorized view has \(count) prefixes, families and qualifiers; the limit is "
          + "\(DataModelLimits.viewPartCount)")
    }
    return subset
  }

  private func message(_ view: AuthorizedView, _ name: ViewName, _ part: V2.ResponseView) -> V2 {
    var message = V2()
    message.name = name.full
    if part == .nameOnly { return message }
    message.deletionProtection = view.isProtected
    message.etag = "\(view.version)"
    guard part == .full || part == .basic else { return message }
    message.subsetView.rowPrefixes = view.subset.rowPrefixes.map { Data($0) }
    for (family, columns) in view.subset.families {
      message.subsetView.familySubsets[family] = .with {
        $0.qualifiers = columns.qualifiers.map { Data($0) }
        $0.qualifierPrefixes = columns.prefixes.map { Data($0) }
      }
    }
    return message
  }

  func get(_ request: Google_Bigtable_Admin_V2_GetAuthorizedViewRequest) throws -> V2 {
    let name = try ViewName(request.name)
    let views = try service.definition(of: name.table).settings.views
    guard let view = views.first(where: { $0.name == name.view }) else {
      throw GRPCStatus(.notFound, "Authorized view not found: \(name.full)")
    }
    return message(view, name, request.view == .unspecified ? .basic : request.view)
  }

  func list(
    _ request: Google_Bigtable_Admin_V2_ListAuthorizedViewsRequest
  ) throws -> Google_Bigtable_Admin_V2_ListAuthorizedViewsResponse {
    let table = try TableName(request.parent)
    let views = try service.definition(of: table).settings.views
      .filter { $0.name > request.pageToken }
    let size = request.pageSize > 0 ? Int(request.pageSize) : DataModelLimits.viewCount
    var answer = Google_Bigtable_Admin_V2_ListAuthorizedViewsResponse()
    answer.authorizedViews = views.prefix(size).map {
      message(
        $0, ViewName(table: table, view: $0.name),
        request.view == .unspecified ? .nameOnly : request.view)
    }
    if views.count > size { answer.nextPageToken = views[size - 1].name }
    return answer
  }

  func update(
    _ request: Google_Bigtable_Admin_V2_UpdateAuthorizedViewRequest
  ) throws -> Google_Longrunning_Operation {
    let wanted = request.authorizedView
    let name = try ViewName(wanted.name)
    let paths = request.updateMask.paths
    let changesSubset =
      paths.isEmpty ? wanted.authorizedView != nil : paths.contains { $0.hasPrefix("subset_view") }
    let changesProtection = paths.isEmpty || paths.contains("deletion_protection")
    let subset = changesSubset ? try self.subset(of: wanted) : nil
    let updated = try change(name, etag: wanted.etag) { view in
      if let subset { view.subset = subset }
      if changesProtection { view.isProtected = wanted.deletionProtection }
      view.version += 1
    }
    let metadata = Google_Bigtable_Admin_V2_UpdateAuthorizedViewMetadata.with {
      $0.originalRequest = request
      $0.requestTime = .now
      $0.finishTime = .now
    }
    return try operations.done(
      name.full, response: message(updated, name, .full), metadata: metadata)
  }

  func delete(
    _ request: Google_Bigtable_Admin_V2_DeleteAuthorizedViewRequest
  ) throws -> Google_Protobuf_Empty {
    let name = try ViewName(request.name)
    _ = try service.changeSettings(of: name.table.table) { (settings) throws(TableServiceError) in
      let view = settings.views[try index(of: name, etag: request.etag, in: settings)]
      guard !view.isProtected else {
        throw .conflict(
          code: "deletion_protected", message: "\(name.full) is protected against deletion")
      }
      settings.views.removeAll { $0.name == name.view }
    }
    return Google_Protobuf_Empty()
  }

  private func change(
    _ name: ViewName, etag: String, _ change: (inout AuthorizedView) -> Void
  ) throws -> AuthorizedView {
    var changed: AuthorizedView?
    _ = try service.changeSettings(of: name.table.table) { (settings) throws(TableServiceError) in
      let index = try index(of: name, etag: etag, in: settings)
      change(&settings.views[index])
      changed = settings.views[index]
    }
    guard let changed else { throw GRPCStatus(.internal, "\(name.full) was not changed") }
    return changed
  }

  private func index(
    of name: ViewName, etag: String, in settings: TableSettings
  ) throws(TableServiceError) -> Int {
    guard let index = settings.views.firstIndex(where: { $0.name == name.view }) else {
      throw .notFound(code: "unknown_view", message: "Authorized view not found: \(name.full)")
    }
    guard etag.isEmpty || etag == "\(settings.views[index].version)" else {
      throw .conflict(
        code: "etag_differs",
        message: "\(name.full) was changed: its etag is \(settings.views[index].version)")
    }
    return index
  }
}
