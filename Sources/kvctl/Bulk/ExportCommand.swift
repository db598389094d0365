// kvctl export: a table as a file that `kvctl load` takes back.

import ArgumentParser
import Client
import DataModel
import RowText
import Runtime

/// `kvctl export`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes a table as NDJSON or CSV, for load.",
    discussion: """
      NDJSON holds every version of every cell with its timestamp: loaded into an empty table of \
      the same definition it gives the same table. --latest writes plain newest values instead. \
      CSV \
      always holds newest values, without timestamps; columns that are not named are found by a \
      first pass over the rows.

      Examples:
        kvctl export scores > scores.ndjson
        kvctl export scores --to scores.csv
        kvctl export scores --latest --prefix 1234 | gzip > part.ndjson.gz
        kvctl export scores | kvctl --server other:8085 load scores -
      """)

  @Argument(help: "The table.") var table: String
  @OptionGroup var range: RangeOptions
  @Option(
    name: .long,
    help: ArgumentHelp("Families and columns, comma-separated.", valueName: "s,f:limit"))
  var columns: String?
  @Flag(name: .long, help: "The newest value of each column only, without timestamps.")
  var latest = false
  @Option(name: .long, help: "ndjson or csv (default: by the name of --to, else ndjson).")
  var format: FileFormat?
  @Option(name: .long, help: "A file to write (default: standard output).") var to: String?
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let kind = format ?? to.map(FileFormat.init(path:)) ?? .ndjson
    let isLatest = latest || kind == .csv
    let request = ScanRequest(
      range: try range.rowRange(),
      options: ReadOptions(
        columns: try ColumnArgument.selectors(columns), versions: isLatest ? 1 : 0))
    let client = try connection.connect()
    let definition = try client.table(table)
    let names =
      kind == .csv ? try RowScanning.csvColumns(client, definition, request) : []
    var output = try RowOutput(
      kind == .csv ? .csv : .ndjson, isLatest ? .latest : .versions, of: definition,
      columns: names, to: to.map { try OutputStream(path: $0) } ?? OutputStream())
    try client.scan(table, request) { row in
      try output.write(row)
      return true
    }
    let count = try output.finish()
    if to != nil { StandardError.write("exported \(DisplayText.grouped(count)) rows\n") }
  }
}
