// What get, scan, count and export share: which rows, which columns, and rows streamed out.

import ArgumentParser
import Bytes
import Client
import DataModel
import RowText

/// `--prefix`, `--start`, `--end`.
struct RangeOptions: ParsableArguments {
  @Option(name: .long, help: "Rows whose keys begin with this.") var prefix: String?
  @Option(name: .long, help: "The first key.") var start: String?
  @Option(name: .long, help: "The key behind the last.") var end: String?

  func validate() throws {
    if prefix != nil, start != nil || end != nil {
      throw ValidationError("Give either --prefix or --start and --end.")
    }
  }

  func rowRange() throws -> RowRange {
    if let prefix { return RowRange(prefix: try ColumnArgument.key(prefix)) }
    return RowRange(
      from: try start.map(ColumnArgument.key), to: try end.map(ColumnArgument.key))
  }
}

/// `--columns`, `--versions`, `--timestamps`.
struct ColumnOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("Families and columns, comma-separated.", valueName: "s,f:limit"))
  var columns: String?
  @Option(name: .long, help: "The newest N cells of each column; 0 for all of them.")
  var versions: Int?
  @Flag(name: .long, help: "Show the cells' timestamps.") var timestamps = false

  func validate() throws {
    if let versions, versions < 0 { throw ValidationError("--versions is 0 or more.") }
  }

  var detail: RowDetail { timestamps || (versions ?? 1) != 1 ? .versions : .latest }

  func readOptions() throws -> ReadOptions {
    ReadOptions(columns: try ColumnArgument.selectors(columns), versions: versions ?? 1)
  }
}

/// Rows from the server to standard output.
enum RowScanning {
  /// One cell of each row, without its value.
  static let keysOnly = RowFilter.chain([.cellsPerRowLimit(1), .stripValue])

  static func print(
    _ client: StoreClient, _ definition: TableDefinition, _ request: ScanRequest,
    _ detail: RowDetail, _ format: OutputFormat, onRow: () -> Void = {}
  ) throws {
    var columns: [ColumnSelector] = []
    if format == .csv {
      guard detail != .versions else {
        throw CommandFailure.wrongCall("CSV shows one cell a column: drop --versions/--timestamps")
      }
      if detail == .latest { columns = try csvColumns(client, definition, request) }
    }
    var output = try RowOutput(format, detail, of: definition, columns: columns)
    try client.scan(definition.name, request) { row in
      onRow()
      try output.write(row)
      return true
    }
    _ = try output.finish()
  }

  /// The columns of a CSV: those asked for, families among them taken apart by a first pass over
  /// the rows, which holds column names only.
  static func csvColumns(
    _ client: StoreClient, _ definition: TableDefinition, _ request: ScanRequest
  ) throws -> [ColumnSelector] {
    let asked = request.options.columns
    if !asked.isEmpty, asked.allSatisfy({ $0.qualifier != nil }) { return asked }
    var found: Set<ColumnSelector> = []
    var pass = request
    pass.options.filter = .stripValue
    pass.options.versions = 1
    try client.scan(definition.name, pass) { row in
      let families = row.schema?.definition.families ?? definition.families
      for cell in row.cells where cell.familyIndex < families.count {
        found.insert(
          ColumnSelector(
            family: families[cell.familyIndex].name, qualifier: cell.qualifier.array))
      }
      return true
    }
    return found.sorted { left, right in
      if left.family != right.family { return left.family < right.family }
      return (left.qualifier ?? []).lexicographicallyPrecedes(right.qualifier ?? [])
    }
  }
}
