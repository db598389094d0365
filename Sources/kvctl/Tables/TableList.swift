// kvctl table list.

import ArgumentParser
import Client

/// `kvctl table list`.
struct TableList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists all tables with their families.",
    discussion: """
      Examples:
        kvctl table list
        kvctl table list --output ndjson | jq -r .name
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try DefinitionOutput.write(connection.connect().tables(), output.format)
  }
}
