// kvctl get.

import ArgumentParser
import Client
import DataModel
import RowText

/// `kvctl get`.
struct GetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Shows one row.",
    discussion: """
      Exits with 1 when there is no such row.

      Examples:
        kvctl get scores 12345678000195
        kvctl get scores 12345678000195 --columns s,f:limit
        kvctl get scores 12345678000195 --columns s:score --versions 24
        kvctl get scores 12345678000195 --output json | jq
      """)

  @Argument(help: "The table.") var table: String
  @Argument(help: "The row's key.") var row: String
  @OptionGroup var columns: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let key = try ColumnArgument.key(row)
    let options = try columns.readOptions()
    let client = try connection.connect()
    let definition = try client.table(table)
    // A scan of the one key gives the row as all other commands have it.
    var isFound = false
    try RowScanning.print(
      client, definition, ScanRequest(range: RowRange(only: key), limit: 1, options: options),
      output.format == .table && columns.detail == .latest ? .versions : columns.detail,
      output.format
    ) { isFound = true }
    if !isFound {
      throw CommandFailure.refused("table '\(table)' has no row '\(row)', or none of its columns")
    }
  }
}
