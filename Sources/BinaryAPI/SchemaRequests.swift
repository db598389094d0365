// Tables as a whole: definitions and statistics. They may wait for the disk, so a worker does them.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Tablets

extension BinarySession {
  func schema(_ operation: Operation, _ id: UInt64, _ body: ByteView, _ cost: Int) {
    let bytes = body.array
    onWorker(operation, id, cost) { service, writer, output throws(TableServiceError) in
      do {
        try ByteView.of(bytes) { body in
          try BinarySession.perform(operation, id, body, service, writer, &output)
        }
      } catch let error as TableServiceError {
        throw error
      } catch let error as WireError {
        writer.refusal(Refusal(error), to: operation.rawValue, id, into: &output)
      } catch {
        throw .closed
      }
    }
  }

  private static func perform(
    _ operation: Operation, _ id: UInt64, _ body: ByteView, _ service: TableService,
    _ writer: AnswerWriter, _ output: inout ByteBuffer
  ) throws {
    switch operation {
    case .listTables:
      let definitions = service.definitions()
      writer.message(operation, id, into: &output) { SchemaMessages.write(definitions, into: &$0) }
    case .statistics:
      let reports = service.statistics().map { TableReport($0) }
      writer.message(operation, id, into: &output) { SchemaMessages.write(reports, into: &$0) }
    case .dropTable:
      try service.dropTable(try SchemaMessages.readName(body))
      writer.message(operation, id, into: &output) { _ in }
    default:
      let definition = try definition(after: operation, body, service)
      writer.message(operation, id, into: &output) { SchemaMessages.write(definition, into: &$0) }
    }
  }

  /// Describe, create and alter: all answer the table's definition.
  private static func definition(
    after operation: Operation, _ body: ByteView, _ service: TableService
  ) throws -> TableDefinition {
    switch operation {
    case .createTable:
      let definition = try SchemaMessages.readDefinition(body)
      try service.createTable(definition)
      return definition
    case .alterTable:
      let (table, changes) = try SchemaMessages.readAlter(body)
      return try service.alterTable(table, changes)
    default:
      let name = try SchemaMessages.readName(body)
      return try ByteView.of(name) { try service.table($0).schema.definition }
    }
  }
}

extension TableReport {
  init(_ statistics: TableStatistics) {
    self.init()
    name = statistics.name
    approximateRows = statistics.approximateRows
    approximateCells = statistics.approximateCells
    byteCount = statistics.byteCount
    lastWriteMicroseconds = statistics.lastWriteMicroseconds
    maxCellTimestamp = statistics.maxCellTimestamp
    putsTotal = statistics.putsTotal
    deletesTotal = statistics.deletesTotal
    let figures = statistics.figures
    levels = figures.levels.map { Level($0) }
    memtableByteCount = figures.memtableByteCount
    sealedMemtableCount = figures.sealedMemtableCount
    logByteCount = figures.logByteCount
    compactionDebtByteCount = figures.compactionDebtByteCount
    bytesCommitted = figures.bytesCommitted
    bytesLogged = figures.bytesLogged
    bytesFlushed = figures.bytesFlushed
    bytesCompacted = figures.bytesCompacted
    commits = figures.commits
    longestCommitNanoseconds = figures.longestCommitNanoseconds
    lastSequence = figures.lastSequence
  }
}

extension TableReport.Level {
  init(_ level: EngineFigures.Level) {
    self.init()
    fileCount = level.fileCount
    byteCount = level.byteCount
    entryCount = level.entryCount
  }
}
