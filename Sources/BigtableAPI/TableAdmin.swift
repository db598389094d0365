// The table admin API, through what protoc makes of its messages: nobody is in a hurry here. On a
// thread that may wait.

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

/// What the table admin API does to tables.
struct TableAdmin: Sendable {
  typealias V2 = Google_Bigtable_Admin_V2_Table

  let service: TableService

  /// - Parameter request: The method's message, encoded; so is what is returned.
  func perform(_ method: BigtableMethod, _ request: Data) throws(GRPCStatus) -> [UInt8] {
    do {
      switch method {
      case .createTable: return try create(.init(serializedBytes: request)).serializedBytes()
      case .listTables: return try list(.init(serializedBytes: request)).serializedBytes()
      case .getTable: return try get(.init(serializedBytes: request)).serializedBytes()
      case .deleteTable:
        try delete(.init(serializedBytes: request))
        return []
      case .modifyColumnFamilies:
        return try modify(.init(serializedBytes: request)).serializedBytes()
      default: throw GRPCStatus(.unimplemented, "no method \(method.rawValue)")
      }
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

  private func create(_ request: Google_Bigtable_Admin_V2_CreateTableRequest) throws -> V2 {
    let parent = try TableName.instance(request.parent)
    var families: [FamilyDefinition] = []
    for (name, family) in request.table.columnFamilies {
      families.append(try FamilyMapping.definition(name, family))
    }
    try service.createTable(TableDefinition(name: request.tableID, families: families))
    return try table(TableName(parent: parent, table: request.tableID), .schemaView)
  }

  private func list(
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

  private func get(_ request: Google_Bigtable_Admin_V2_GetTableRequest) throws -> V2 {
    try table(
      TableName(request.name), request.view == .unspecified ? .schemaView : request.view)
  }

  private func table(_ name: TableName, _ view: V2.View) throws -> V2 {
    guard let definition = service.definitions().first(where: { $0.name == name.table }) else {
      throw GRPCStatus(.notFound, "Table not found: \(name.full)")
    }
    return FamilyMapping.table(name, definition, view)
  }

  private func delete(_ request: Google_Bigtable_Admin_V2_DeleteTableRequest) throws {
    try service.dropTable(TableName(request.name).table)
  }

  private func modify(
    _ request: Google_Bigtable_Admin_V2_ModifyColumnFamiliesRequest
  ) throws -> V2 {
    let name = try TableName(request.name)
    var changes: [TableChange] = []
    for modification in request.modifications {
      switch modification.mod {
      case .create(let family):
        changes.append(.createFamily(try FamilyMapping.definition(modification.id, family)))
      case .update(let family):
        changes.append(try update(modification.id, family, of: name))
      case .drop(true): changes.append(.dropFamily(modification.id))
      case .drop(false), nil: throw GRPCStatus.invalid("a modification of no kind")
      }
    }
    _ = try service.alterTable(name.table, changes)
    return try table(name, .schemaView)
  }

  /// The rule is replaced; everything else of the family stays.
  private func update(
    _ id: String, _ family: Google_Bigtable_Admin_V2_ColumnFamily, of name: TableName
  ) throws -> TableChange {
    let definition = service.definitions().first { $0.name == name.table }
    guard var known = definition?.families.first(where: { $0.name == id }) else {
      throw GRPCStatus(.notFound, "table \"\(name.full)\" has no family \"\(id)\"")
    }
    known.gc = family.hasGcRule ? try FamilyMapping.rule(family.gcRule) : nil
    return .updateFamily(known)
  }
}
