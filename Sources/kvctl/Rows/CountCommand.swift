// kvctl count.

import ArgumentParser
import Client
import DataModel

/// `kvctl count`.
struct CountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "count", abstract: "Counts rows exactly, by reading their keys.",
    discussion: """
      `kvctl stats` has an approximate count at once.

      Examples:
        kvctl count scores
        kvctl count scores --prefix 1234
      """)

  @Argument(help: "The table.") var table: String
  @OptionGroup var range: RangeOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let request = ScanRequest(
      range: try range.rowRange(), options: ReadOptions(filter: RowScanning.keysOnly))
    var count = 0
    try connection.connect().scan(table, request) { _ in
      count += 1
      return true
    }
    var out = OutputStream()
    try out.line("\(count)")
    try out.flush()
  }
}
