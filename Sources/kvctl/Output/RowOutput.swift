// Rows on their way out, in the format that was asked for, one at a time:
//
//   table    aligned, for people          ndjson   one row a line, canonical (RowJSONWriter)
//   json     one array of rows            csv      a header, one record a row

import ArgumentParser
import Bytes
import DataModel
import RowText

/// `--output`.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, ndjson, csv
}

/// `--output`, its default taken from where the output goes.
struct OutputOptions: ParsableArguments {
  @Option(
    name: [.long, .customShort("o")],
    help: "table, json, ndjson or csv (default: table on a terminal, ndjson into a pipe).")
  var output: OutputFormat?

  var format: OutputFormat { output ?? (Terminal.isOutput ? .table : .ndjson) }
}

/// What of a row is shown.
enum RowDetail {
  case latest, versions, keys
}

/// Writes rows; ends with `finish`.
struct RowOutput: ~Copyable {
  private let format: OutputFormat
  private let detail: RowDetail
  private let definition: TableDefinition
  private let columns: [ColumnSelector]
  private var schema: RowTextSchema
  /// What the rows' family indices counted in last.
  private var rowSchema: TableSchema?
  private var stream: OutputStream
  private var csv: CSVRowWriter?
  private var table: RowTable
  private var rowCount = 0

  /// - Parameter columns: The columns of CSV.
  init(
    _ format: OutputFormat, _ detail: RowDetail, of definition: TableDefinition,
    columns: [ColumnSelector] = [], to stream: consuming OutputStream = OutputStream()
  ) throws {
    self.format = format
    self.detail = detail
    self.stream = stream
    self.definition = definition
    self.columns = detail == .keys ? [] : columns
    schema = RowTextSchema(definition)
    table = RowTable(schema, detail, limit: Terminal.width(of: 1))
    if format == .csv {
      var writer = CSVRowWriter(schema, columns: self.columns)
      writer.writeHeader(into: &self.stream.buffer)
      csv = consume writer
    } else {
      csv = nil
    }
  }

  mutating func write(_ row: RowBuffer) throws {
    if row.schema !== rowSchema { follow(row.schema) }
    rowCount += 1
    switch format {
    case .csv: csv?.write(row, into: &stream.buffer)
    case .table: table.add(row, into: &stream.buffer)
    case .json:
      stream.buffer.append(rowCount == 1 ? "[" : ",\n" as StaticString)
      writeJSON(row)
    case .ndjson:
      writeJSON(row)
      stream.buffer.append(UInt8(ascii: "\n"))
    }
    try stream.flushIfLarge()
  }

  /// Takes over how rows count their families, which changes when the table does meanwhile.
  private mutating func follow(_ new: TableSchema?) {
    rowSchema = new
    guard let new, new.definition.families.map(\.name) != schema.definition.families.map(\.name)
    else { return }
    let families = new.definition.families.map { family in
      definition.families.first { $0.name == family.name } ?? family
    }
    schema = RowTextSchema(TableDefinition(name: definition.name, families: families))
    table.schema = schema
    if format == .csv { csv = CSVRowWriter(schema, columns: columns) }
  }

  private mutating func writeJSON(_ row: RowBuffer) {
    guard detail == .keys else {
      let shape: RowShape = detail == .versions ? .versions : .latest
      return RowJSONWriter.write(row, schema, shape: shape, into: &stream.buffer)
    }
    stream.buffer.append("{\"key\":")
    ValueText.append(row.key, as: nil, into: &stream.buffer)
    stream.buffer.append(UInt8(ascii: "}"))
  }

  /// Writes what is still held back; returns the rows written.
  mutating func finish() throws -> Int {
    switch format {
    case .json: stream.buffer.append(rowCount == 0 ? "[]\n" : "]\n" as StaticString)
    case .table: table.finish(into: &stream.buffer)
    case .ndjson, .csv: break
    }
    try stream.flush()
    return rowCount
  }
}
