// kvctl put.

import ArgumentParser
import Bytes
import Client
import DataModel
import RowText

/// `kvctl put`.
struct PutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Sets cells of a row, atomically.",
    discussion: """
      A value is text of its column's declared type: int64 and float64 as numbers, json as JSON, \
      bytes as base64; undeclared columns and utf8 take the text as it is. In an aggregate family \
      the value is added to the cell.

      Examples:
        kvctl put scores 12345678000195 s:score=712 s:model=v1
        kvctl put scores 12345678000195 s:score=698 --timestamp 2025-08-01T00:00:00Z
        kvctl put features row1 'f:limit={"amount": 5}'
        kvctl put blobs base64:/w== b:data=AAEC
      """)

  @Argument(help: "The table.") var table: String
  @Argument(help: "The row's key.") var row: String
  @Argument(help: ArgumentHelp("Cells to set.", valueName: "family:qualifier=value"))
  var cells: [String]
  @Option(
    name: .long, help: "The cells' time: RFC 3339 or microseconds (default: the server's clock).")
  var timestamp: TimestampArgument?
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let key = try ColumnArgument.key(row)
    let assignments = try cells.map(ColumnArgument.assignment)
    let client = try connection.connect()
    let schema = RowTextSchema(try client.table(table))
    var list = MutationList()
    var reader = PlainValueReader()
    ByteView.of(key) { list.beginRow($0) }
    for (column, text) in assignments {
      try add(column, text, schema, &reader, to: &list)
    }
    try Refusals.check(client.mutate(table, list))
  }

  private func add(
    _ column: ColumnSelector, _ text: String, _ schema: RowTextSchema,
    _ reader: inout PlainValueReader, to list: inout MutationList
  ) throws {
    let families = schema.definition.families
    guard let index = families.firstIndex(where: { $0.name == column.family }) else {
      throw CommandFailure.refused(
        "table '\(table)' has no family '\(column.family)' (unknown_family)")
    }
    let timestamp = timestamp?.timestamp ?? .server
    let qualifier = column.qualifier ?? []
    try ByteView.of(qualifier) { (qualifier: ByteView) throws(CommandFailure) in
      try ByteView.of(text) { (text: ByteView) throws(CommandFailure) in
        let type = schema.type(familyIndex: index, qualifier: qualifier)
        guard let value = reader.value(text, as: type) else {
          let name = "\(column.family):\(qualifier)"
          throw .refused(
            PlainValueReader.refusal(of: text, as: type, column: name) + " (wrong_value_type)")
        }
        ByteView.of(column.family) { family in
          if families[index].aggregate != nil, value.count == 8 {
            list.addToCell(
              family: family, qualifier: qualifier, timestamp: timestamp,
              input: Int64(bitPattern: value.bigEndian64(at: 0)))
          } else {
            list.setCell(
              family: family, qualifier: qualifier, timestamp: timestamp, value: value)
          }
        }
      }
    }
  }
}

/// Rows that the server refused.
enum Refusals {
  /// Throws the first of them.
  static func check(_ rejected: [(row: Int, code: String, message: String)]) throws {
    guard let first = rejected.first else { return }
    throw ClientError.refused(code: first.code, message: first.message)
  }
}
