// Names of resources: `projects/P/instances/I/tables/T`. Strata has one space of tables: T is the
// table's name in every front, whatever P and I are.

internal import Bytes
internal import GRPC

/// The name of an authorized view, taken apart: a table's name, `/authorizedViews/V` behind it.
struct ViewName {
  let table: TableName
  let view: String

  var full: String { "\(table.full)/authorizedViews/\(view)" }

  init(table: TableName, view: String) {
    self.table = table
    self.view = view
  }

  init(_ name: String) throws(GRPCStatus) {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 8, parts[6] == "authorizedViews", !parts[7].isEmpty else {
      throw .invalid(
        "\"\(name.prefix(200))\" is no view's name: "
          + "projects/P/instances/I/tables/T/authorizedViews/V is one")
    }
    table = try TableName(parts[..<6].joined(separator: "/"))
    view = String(parts[7])
  }
}

/// The name of a table, taken apart.
struct TableName {
  /// `projects/P/instances/I`.
  let parent: String
  let table: String

  var full: String { "\(parent)/tables/\(table)" }

  init(parent: String, table: String) {
    self.parent = parent
    self.table = table
  }

  init(_ name: String) throws(GRPCStatus) {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0] == "projects", !parts[1].isEmpty, parts[2] == "instances",
      !parts[3].isEmpty, parts[4] == "tables", !parts[5].isEmpty
    else {
      throw .invalid(
        "\"\(name.prefix(200))\" is no table name: projects/P/instances/I/tables/T is one")
    }
    parent = parts[..<4].joined(separator: "/")
    table = String(parts[5])
  }

  /// The table's part of a name on the wire, in place.
  static func table(of name: ByteView) throws(GRPCStatus) -> ByteView {
    var start = name.count
    while start > 0, name[start - 1] != UInt8(ascii: "/") { start -= 1 }
    let prefix: StaticString = "/tables/"
    let count = prefix.utf8CodeUnitCount
    guard start >= count, start < name.count,
      name[start - count..<start] == ByteView(prefix.utf8Start, count: count)
    else {
      // Says what is wrong with it.
      let parsed = try TableName(
        String(decoding: name.prefix(min(500, name.count)).buffer, as: UTF8.self))
      throw .invalid("\"\(parsed.full)\" is no table name")
    }
    return name.dropFirst(start)
  }

  /// `projects/P/instances/I`, checked.
  static func instance(_ name: String) throws(GRPCStatus) -> String {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "projects", !parts[1].isEmpty, parts[2] == "instances",
      !parts[3].isEmpty
    else {
      throw .invalid("\"\(name.prefix(200))\" is no instance name: projects/P/instances/I is one")
    }
    return name
  }
}
