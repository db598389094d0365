// kvctl scan.

import ArgumentParser
import Bytes
import Client
import DataModel
import RowText

/// `kvctl scan`.
struct ScanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan", abstract: "Shows a range of rows in key order, as a stream.",
    discussion: """
      Memory does not grow with the result. With --output ndjson and without --versions or \
      --timestamps each line is the row's canonical form: key first, families and qualifiers in \
      byte order, no spaces; so equal tables give equal bytes.

      Examples:
        kvctl scan scores --prefix 1234 --limit 10
        kvctl scan scores --start 1000 --end 2000 --columns s:score,f
        kvctl scan scores --reverse --limit 1
        kvctl scan scores --keys-only | wc -l
        kvctl scan scores --filter '{"rowKeyRegex": "user#.*(7|9)"}'
        kvctl scan scores --filter '{"chain": [{"family": "s"}, {"valueRange": {"from": "8"}}]}'
        kvctl scan scores --output csv --columns s:score,s:model > scores.csv
        kvctl scan scores | sha256sum
      """)

  @Argument(help: "The table.") var table: String
  @OptionGroup var range: RangeOptions
  @OptionGroup var columns: ColumnOptions
  @Option(name: .long, help: "At most that many rows.") var limit: Int?
  @Flag(name: .long, help: "Last row first.") var reverse = false
  @Flag(name: .long, help: "Keys without cells.") var keysOnly = false
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A row filter, as the HTTP API has them; rows of which it leaves nothing are not shown.",
      valueName: "json"))
  var filter: String?
  @OptionGroup var output: OutputOptions
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit is 1 or more.") }
  }

  private func rowFilter() throws -> RowFilter? {
    guard let filter else { return keysOnly ? RowScanning.keysOnly : nil }
    let read: RowFilter
    do {
      read = try ByteView.of(filter) { (text: ByteView) throws in try RowFilterJSON.read(text) }
      try read.validate()
    } catch {
      throw ValidationError("--filter: \(error)")
    }
    return keysOnly ? .chain([read, RowScanning.keysOnly]) : read
  }

  func run() throws {
    var options = try columns.readOptions()
    options.filter = try rowFilter()
    let request = ScanRequest(
      range: try range.rowRange(), reversed: reverse, limit: limit ?? 0, options: options)
    let client = try connection.connect()
    let definition = try client.table(table)
    try RowScanning.print(
      client, definition, request, keysOnly ? .keys : columns.detail, output.format)
  }
}
