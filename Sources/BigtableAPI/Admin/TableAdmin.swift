// Tables and their families.

internal import BigtableProto
internal import DataModel
internal import Foundation
internal import GRPC
internal import SwiftProtobuf
internal import Tablets

/// What the table admin API does to tables.
struct TableAdmin: Sendable {
  typealias V2 = Google_Bigtable_Admin_V2_Table
  typealias Empty = Google_Protobuf_Empty

  let service: TableService
  let operations: OperationLog

  func create(_ request: Google_Bigtable_Admin_V2_CreateTableRequest) throws -> V2 {
    let parent = try TableName.instance(request.parent)
    let table = request.table
    try refuseUnserved(of: table)
    var families: [FamilyDefinition] = []
    for (name, family) in table.columnFamilies {
      families.append(try FamilyMapping.definition(name, family))
    }
    var settings = TableSettings()
    settings.isProtected = table.deletionProtection
    settings.splits = try splits(request.initialSplits)
    try service.createTable(
      TableDefinition(name: request.tableID, families: families, settings: settings))
    return try self.table(TableName(parent: parent, table: request.tableID), .schemaView)
  }

  private func splits(
    _ splits: [Google_Bigtable_Admin_V2_CreateTableRequest.Split]
  ) throws -> [[UInt8]] {
    let keys = Set(splits.map { [UInt8]($0.key) })
    guard keys.count <= DataModelLimits.splitCount,
      keys.allSatisfy({ (1...DataModelLimits.rowKeyByteCount).contains($0.count) })
    else {
      throw GRPCStatus.invalid(
        "initial splits are at most \(DataModelLimits.splitCount) keys of 1 to "
          + "\(DataModelLimits.rowKeyByteCount) bytes")
    }
    return keys.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Refused where it is asked for, not taken and forgotten.
  private func refuseUnserved(of table: V2) throws {
    let isAsked = [
      ("change_stream_config", table.hasChangeStreamConfig),
      ("automated_backup_policy", table.automatedBackupConfig != nil),
      ("row_key_schema", table.hasRowKeySchema),
    ]
    for (field, isAsked) in isAsked where isAsked {
      throw GRPCStatus(.unimplemented, "\(field) is not served")
    }
  }

  func list(
    _ request: Google_Bigtable_Admin_V2_ListTablesRequest
  ) throws -> Google_Bigtable_Admin_V2_ListTablesResponse {
    let parent = try TableName.instance(request.parent)
    let size = request.pageSize > 0 ? Int(request.pageSize) : DataModelLimits.tableCount
    let definitions = service.definitions().sorted { $0.name < $1.name }
      .filter { $0.name > request.pageToken }
    var answer = Google_Bigtable_Admin_V2_ListTablesResponse()
    let view = request.view == .unspecified ? .nameOnly : request.view
    answer.tables = definitions.prefix(size).map {
      FamilyMapping.table(TableName(parent: parent, table: $0.name), $0, view)
    }
    if definitions.count > size { answer.nextPageToken = definitions[size - 1].name }
    return answer
  }

  func get(_ request: Google_Bigtable_Admin_V2_GetTableRequest) throws -> V2 {
    try table(
      TableName(request.name), request.view == .unspecified ? .schemaView : request.view)
  }

  private func table(_ name: TableName, _ view: V2.View) throws -> V2 {
    FamilyMapping.table(name, try service.definition(of: name), view)
  }

  func delete(_ request: Google_Bigtable_Admin_V2_DeleteTableRequest) throws -> Empty {
    try service.dropTable(TableName(request.name).table)
    return Empty()
  }

  // MARK: Changes

  /// Deletion protection, and whatever may be switched off that is never on.
  func update(
    _ request: Google_Bigtable_Admin_V2_UpdateTableRequest
  ) throws -> Google_Longrunning_Operation {
    let name = try TableName(request.table.name)
    _ = try service.definition(of: name)
    let paths = request.updateMask.paths
    guard !paths.isEmpty, !paths.contains("*") else {
      throw GRPCStatus.invalid("update_mask names no field: deletion_protection is one")
    }
    for path in paths {
      let field = path.split(separator: ".").first.map(String.init) ?? path
      switch field {
      case "deletion_protection", "change_stream_config", "automated_backup_policy",
        "row_key_schema":
        break
      case "column_families":
        throw GRPCStatus(.unimplemented, "families are changed by ModifyColumnFamilies")
      default: throw GRPCStatus.invalid("update_mask: \(path) is no field that can be updated")
      }
    }
    try refuseUnserved(of: request.table)
    if paths.contains("deletion_protection") {
      _ = try service.alterTable(
        name.table, [.setProtection(request.table.deletionProtection)])
    }
    let metadata = Google_Bigtable_Admin_V2_UpdateTableMetadata.with {
      $0.name = name.full
      $0.startTime = .now
      $0.endTime = .now
    }
    return try operations.done(
      name.full, response: table(name, .schemaView), metadata: metadata)
  }

  func modify(_ request: Google_Bigtable_Admin_V2_ModifyColumnFamiliesRequest) throws -> V2 {
    let name = try TableName(request.name)
    var families = try service.definition(of: name).families
    var changes: [TableChange] = []
    for modification in request.modifications {
      let id = modification.id
      switch modification.mod {
      case .create(let family):
        let definition = try FamilyMapping.definition(id, family)
        changes.append(.createFamily(definition))
        families.append(definition)
      case .update(let family):
        let index = families.firstIndex { $0.name == id }
        guard let index else {
          throw GRPCStatus(.notFound, "table \"\(name.full)\" has no family \"\(id)\"")
        }
        families[index] = try updated(families[index], family, modification.updateMask.paths)
        changes.append(.updateFamily(families[index]))
      case .drop(true):
        changes.append(.dropFamily(id))
        families.removeAll { $0.name == id }
      case .drop(false), nil: throw GRPCStatus.invalid("a modification of no kind")
      }
    }
    _ = try service.alterTable(name.table, changes)
    return try table(name, .schemaView)
  }

  /// The rule is replaced; everything else of the family stays.
  private func updated(
    _ family: FamilyDefinition, _ wanted: Google_Bigtable_Admin_V2_ColumnFamily, _ mask: [String]
  ) throws -> FamilyDefinition {
    for path in mask where path != "gc_rule" && path != "value_type" {
      throw GRPCStatus.invalid("update_mask: \(path) is no field of a family")
    }
    var updated = family
    if mask.contains("value_type") {
      let typed = try FamilyMapping.definition(family.name, wanted)
      guard typed.aggregate == family.aggregate else {
        throw GRPCStatus.invalid(
          "whether family \"\(family.name)\" is an aggregate, and of what, cannot change")
      }
      updated.type = typed.type
    }
    if mask.isEmpty || mask.contains("gc_rule") {
      updated.gc = wanted.hasGcRule ? try FamilyMapping.rule(wanted.gcRule) : nil
    }
    return updated
  }

  func dropRows(_ request: Google_Bigtable_Admin_V2_DropRowRangeRequest) throws -> Empty {
    let name = try TableName(request.name)
    let range: RowRange
    switch request.target {
    case .rowKeyPrefix(let prefix):
      guard (1...DataModelLimits.rowKeyByteCount).contains(prefix.count) else {
        throw GRPCStatus.invalid(
          "row_key_prefix has 1 to \(DataModelLimits.rowKeyByteCount) bytes; "
            + "delete_all_data_from_table is for all rows")
      }
      range = RowRange(prefix: [UInt8](prefix))
    case .deleteAllDataFromTable(true): range = .all
    case .deleteAllDataFromTable(false), nil:
      throw GRPCStatus.invalid("neither row_key_prefix nor delete_all_data_from_table")
    }
    try service.dropRows(of: name.table, in: range)
    return Empty()
  }

  // MARK: Consistency

  /// One server is consistent with itself: a token tells its table and nothing else.
  func token(
    _ request: Google_Bigtable_Admin_V2_GenerateConsistencyTokenRequest
  ) throws -> Google_Bigtable_Admin_V2_GenerateConsistencyTokenResponse {
    _ = try service.definition(of: TableName(request.name))
    return .with { $0.consistencyToken = "strata:\(request.name)" }
  }

  func check(
    _ request: Google_Bigtable_Admin_V2_CheckConsistencyRequest
  ) throws -> Google_Bigtable_Admin_V2_CheckConsistencyResponse {
    _ = try service.definition(of: TableName(request.name))
    guard request.consistencyToken == "strata:\(request.name)" else {
      throw GRPCStatus.invalid("the token is none of \(request.name)")
    }
    return .with { $0.consistent = true }
  }
}

extension TableService {
  func definition(of name: TableName) throws -> TableDefinition {
    guard let definition = definitions().first(where: { $0.name == name.table }) else {
      throw GRPCStatus(.notFound, "Table not found: \(name.full)")
    }
    return definition
  }
}
