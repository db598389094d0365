// kvctl table describe.

import ArgumentParser
import Client

/// `kvctl table describe`.
struct TableDescribe: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Shows a table's families, rules and types.",
    discussion: """
      Examples:
        kvctl table describe scores
        kvctl table describe scores --output ndjson
      """)

  @Argument(help: "The table.") var table: String
  @OptionGroup var output: OutputOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try DefinitionOutput.write([connection.connect().table(table)], output.format)
  }
}
