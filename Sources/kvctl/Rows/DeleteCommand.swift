// kvctl delete.

import ArgumentParser
import Bytes
import Client
import DataModel
import RowText

/// `kvctl delete`.
struct DeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes a row, or families and columns of it.",
    discussion: """
      Examples:
        kvctl delete scores 12345678000195
        kvctl delete scores 12345678000195 f
        kvctl delete scores 12345678000195 s:model f:limit
      """)

  @Argument(help: "The table.") var table: String
  @Argument(help: "The row's key.") var row: String
  @Argument(
    help: ArgumentHelp("What of the row; all of it by default.", valueName: "family[:qualifier]"))
  var columns: [String] = []
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let key = try ColumnArgument.key(row)
    let selectors = try columns.map { try ColumnArgument.selector($0) }
    var list = MutationList()
    ByteView.of(key) { list.beginRow($0) }
    if selectors.isEmpty { list.deleteFromRow() }
    for selector in selectors {
      ByteView.of(selector.family) { family in
        guard let qualifier = selector.qualifier else { return list.deleteFromFamily(family) }
        ByteView.of(qualifier) { list.deleteFromColumn(family: family, qualifier: $0) }
      }
    }
    try Refusals.check(connection.connect().mutate(table, list))
  }
}
