// kvctl table drop.

import ArgumentParser
import Client
import Glibc

/// `kvctl table drop`.
struct TableDrop: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop", abstract: "Drops a table with all its data, for good.",
    discussion: """
      On a terminal it asks first.

      Examples:
        kvctl table drop scores
        kvctl table drop scores --yes
      """)

  @Argument(help: "The table.") var table: String
  @Flag(name: .long, help: "Do not ask.") var yes = false
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = try connection.connect()
    if !yes, isatty(STDIN_FILENO) == 1 {
      _ = try client.table(table)
      StandardError.write("Drop table '\(table)' with all its data? Type its name to confirm: ")
      guard readLine() == table else { throw CommandFailure.refused("nothing was dropped") }
    }
    try client.dropTable(table)
  }
}
