// kvctl table: what tables there are.

import ArgumentParser
import Bytes
import DataModel
import RowText

/// `kvctl table …`.
struct TableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table", abstract: "Creates, lists, describes, alters and drops tables.",
    subcommands: [
      TableCreate.self, TableList.self, TableDescribe.self, TableAlter.self, TableDrop.self,
    ])

  /// How the help of `create` and `alter` explains a family.
  static let familyHelp = """
    A family is NAME or NAME:PART,PART…; parts are
      versions=N     keep the newest N cells of a column
      age=DURATION   keep cells younger than that: 30d, 12h, 90s, 500ms
      type=TYPE      what values are: utf8, int64, float64, json, bytes
      column.Q=TYPE  what the values of column Q are
      aggregate=A    cells that are added to: sum, min, max
    Of several rules any one dooms a cell; join rules with & where all of them must:
      versions=2,age=30d   keeps what is among the newest 2 and younger than 30 days
      versions=2&age=30d   keeps the newest 2 and whatever is younger than 30 days
    """
}

/// Shows definitions.
enum DefinitionOutput {
  static func write(_ definitions: [TableDefinition], _ format: OutputFormat) throws {
    var out = OutputStream()
    switch format {
    case .table, .csv:
      var table = TextTable(["table", "family", "keeps", "type", "columns"])
      for definition in definitions {
        if definition.families.isEmpty { table.append([definition.name, "", "", "", ""]) }
        for family in definition.families { table.append(cells(definition, family)) }
      }
      for line in table.lines(limit: Terminal.width(of: 1)) { try out.line(line) }
    case .ndjson, .json:
      for (index, definition) in definitions.enumerated() {
        if format == .json { out.buffer.append(index == 0 ? "[" : ",\n" as StaticString) }
        TableDefinitionJSON.write(definition, into: &out.buffer)
        if format == .ndjson { out.buffer.append("\n") }
      }
      if format == .json { out.buffer.append(definitions.isEmpty ? "[]\n" : "]\n" as StaticString) }
    }
    try out.flush()
  }

  private static func cells(
    _ definition: TableDefinition, _ family: FamilyDefinition
  ) -> [String] {
    let types = family.columns.map { qualifier, type in
      (String(decoding: qualifier, as: UTF8.self), type.rawValue)
    }
    let columns = types.sorted { $0.0 < $1.0 }.map { "\($0.0)=\($0.1)" }.joined(separator: ", ")
    let type = family.aggregate.map { "\($0.rawValue) of int64" } ?? family.type?.rawValue ?? "–"
    return [
      definition.name, family.name, family.gc.map(text(of:)) ?? "everything", type, columns,
    ]
  }

  private static func text(of rule: GCRule) -> String {
    switch rule {
    case .maxVersions(let count): count == 1 ? "1 version" : "\(count) versions"
    case .maxAge(let age): DurationText.format(microseconds: age)
    case .union(let rules): "(" + rules.map(text(of:)).joined(separator: " and ") + ")"
    case .intersection(let rules): "(" + rules.map(text(of:)).joined(separator: " or ") + ")"
    }
  }
}
