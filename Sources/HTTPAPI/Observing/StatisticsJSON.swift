// A table's statistics as JSON:
//
//   {"table":"scores","observed_at":µs,"approx_rows":n,"approx_cells":n,"bytes":n,
//    "last_write_at":µs or null,"max_cell_timestamp":µs or null,"puts_total":n,"deletes_total":n,
//    "sources":[],"engine":{…}}

internal import Bytes
internal import JSON
internal import Tablets

enum StatisticsJSON {
  static func write(
    _ statistics: TableStatistics, atMicroseconds now: Int64, into out: inout ByteBuffer
  ) {
    JSONValue.object([
      .init("table", .string(statistics.name)),
      .init("observed_at", .integer(now)),
      .init("approx_rows", count(statistics.approximateRows)),
      .init("approx_cells", count(statistics.approximateCells)),
      .init("bytes", count(statistics.byteCount)),
      .init("last_write_at", time(statistics.lastWriteMicroseconds)),
      .init("max_cell_timestamp", time(statistics.maxCellTimestamp)),
      .init("puts_total", count(statistics.putsTotal)),
      .init("deletes_total", count(statistics.deletesTotal)),
      .init("sources", .array([])),
      .init("engine", engine(statistics.figures)),
    ]).write(into: &out)
  }

  private static func engine(_ figures: EngineFigures) -> JSONValue {
    let levels = figures.levels.map { level in
      JSONValue.object([
        .init("files", count(level.fileCount)), .init("bytes", count(level.byteCount)),
        .init("entries", count(level.entryCount)),
      ])
    }
    return .object([
      .init("levels", .array(levels)),
      .init("memtable_bytes", count(figures.memtableByteCount)),
      .init("sealed_memtables", count(figures.sealedMemtableCount)),
      .init("log_bytes", count(figures.logByteCount)),
      .init("compaction_debt_bytes", count(figures.compactionDebtByteCount)),
      .init("bytes_committed", count(figures.bytesCommitted)),
      .init("bytes_logged", count(figures.bytesLogged)),
      .init("bytes_flushed", count(figures.bytesFlushed)),
      .init("bytes_compacted", count(figures.bytesCompacted)),
      .init("write_amplification", .double(figures.writeAmplification)),
      .init("commits", count(figures.commits)),
      .init("longest_commit_ns", count(figures.longestCommitNanoseconds)),
      .init("last_sequence", count(figures.lastSequence)),
    ])
  }

  private static func count(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }

  private static func time(_ microseconds: Int64?) -> JSONValue {
    microseconds.map { .integer($0) } ?? .null
  }
}
