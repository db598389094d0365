// kvctl stats: tables, their levels, compaction debt and write amplification.

import ArgumentParser
import BinaryProtocol
import Client
import DataModel
import JSON
import RowText

/// `kvctl stats`.
struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Shows rows, bytes, levels, debt and write amplification.",
    discussion: """
      Counts of rows and cells are approximate. Debt: bytes that compactions have yet to rewrite. \
      Write amplification: bytes written by logs, flushes and compactions for each byte committed, \
      since the table was opened.

      Examples:
        kvctl stats
        kvctl stats scores --output ndjson
      """)

  @Argument(help: "Only this table.") var table: String?
  @OptionGroup var output: OutputOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let reports = try connection.connect().statistics().filter { table == nil || $0.name == table }
    if let table, reports.isEmpty { throw CommandFailure.refused("there is no table '\(table)'") }
    var out = OutputStream()
    switch output.format {
    case .table: for line in Self.tables(reports) { try out.line(line) }
    case .csv: for line in Self.csv(reports) { try out.line(line) }
    case .ndjson: for report in reports { try out.line(Self.json(report).text) }
    case .json: try out.line(JSONValue.array(reports.map(Self.json)).text)
    }
    try out.flush()
  }

  // MARK: - Shapes

  private static func tables(_ reports: [TableReport]) -> [String] {
    var main = TextTable(
      [
        "table", "rows", "cells", "on disk", "memtable", "log", "debt", "write amp",
        "slowest commit",
        "last write",
      ], alignRight: [1, 2, 3, 4, 5, 6, 7, 8])
    var levels = TextTable(
      ["table", "level", "files", "entries", "bytes"], alignRight: [1, 2, 3, 4])
    for report in reports {
      main.append([
        report.name, "~" + DisplayText.grouped(report.approximateRows),
        "~" + DisplayText.grouped(report.approximateCells), DisplayText.bytes(report.byteCount),
        DisplayText.bytes(report.memtableByteCount), DisplayText.bytes(report.logByteCount),
        DisplayText.bytes(report.compactionDebtByteCount),
        report.writeAmplification.map { DisplayText.decimal($0, 2) } ?? "–",
        DisplayText.decimal(Double(report.longestCommitNanoseconds) / 1e6, 1) + " ms",
        report.lastWriteMicroseconds.map {
          TimestampText.format(Timestamp(microseconds: $0))
        } ?? "–",
      ])
      for (index, level) in report.levels.enumerated() where level.fileCount > 0 {
        levels.append([
          report.name, "L\(index)", DisplayText.grouped(level.fileCount),
          DisplayText.grouped(level.entryCount), DisplayText.bytes(level.byteCount),
        ])
      }
    }
    let limit = Terminal.width(of: 1)
    return main.lines(limit: limit)
      + (levels.rows.isEmpty ? [] : [""] + levels.lines(limit: limit))
  }

  private static let csvNames = [
    "name", "approximateRows", "approximateCells", "byteCount", "memtableByteCount",
    "logByteCount", "compactionDebtByteCount", "putsTotal", "deletesTotal", "bytesCommitted",
    "bytesLogged", "bytesFlushed", "bytesCompacted", "commits", "longestCommitNanoseconds",
  ]

  private static func csv(_ reports: [TableReport]) -> [String] {
    [csvNames.joined(separator: ",")]
      + reports.map { report in
        let value = json(report)
        return csvNames.map { name in
          if case .string(let text) = value[name] { return text }
          return value[name]?.text ?? ""
        }.joined(separator: ",")
      }
  }

  private static func json(_ report: TableReport) -> JSONValue {
    func number(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }
    var members: [JSONValue.Member] = [
      .init("name", .string(report.name)), .init("approximateRows", number(report.approximateRows)),
      .init("approximateCells", number(report.approximateCells)),
      .init("byteCount", number(report.byteCount)),
    ]
    if let at = report.lastWriteMicroseconds {
      members.append(.init("lastWriteMicroseconds", .integer(at)))
    }
    if let at = report.maxCellTimestamp { members.append(.init("maxCellTimestamp", .integer(at))) }
    members += [
      .init("putsTotal", number(report.putsTotal)),
      .init("deletesTotal", number(report.deletesTotal)),
      .init(
        "levels",
        .array(
          report.levels.map { level in
            [
              "fileCount": number(level.fileCount), "byteCount": number(level.byteCount),
              "entryCount": number(level.entryCount),
            ]
          })),
      .init("memtableByteCount", number(report.memtableByteCount)),
      .init("sealedMemtableCount", number(report.sealedMemtableCount)),
      .init("logByteCount", number(report.logByteCount)),
      .init("compactionDebtByteCount", number(report.compactionDebtByteCount)),
      .init("bytesCommitted", number(report.bytesCommitted)),
      .init("bytesLogged", number(report.bytesLogged)),
      .init("bytesFlushed", number(report.bytesFlushed)),
      .init("bytesCompacted", number(report.bytesCompacted)),
      .init("commits", number(report.commits)),
      .init("longestCommitNanoseconds", number(report.longestCommitNanoseconds)),
    ]
    if let ratio = report.writeAmplification {
      members.append(.init("writeAmplification", .double(ratio)))
    }
    return .object(members)
  }
}

extension TableReport {
  /// Bytes written a byte committed; nil before the first commit.
  fileprivate var writeAmplification: Double? {
    guard bytesCommitted > 0 else { return nil }
    return Double(bytesLogged &+ bytesFlushed &+ bytesCompacted) / Double(bytesCommitted)
  }
}
