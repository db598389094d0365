// What a server tells about one of its tables: the Statistics operation's answer.

/// Figures of one table, as an operator reads them.
package struct TableReport: Sendable, Hashable {
  /// One level of the table's engine.
  package struct Level: Sendable, Hashable {
    package var fileCount: UInt64 = 0
    package var byteCount: UInt64 = 0
    package var entryCount: UInt64 = 0
    package init() {}
  }

  package var name = ""
  package var approximateRows: UInt64 = 0
  package var approximateCells: UInt64 = 0
  /// Bytes on disk.
  package var byteCount: UInt64 = 0
  package var lastWriteMicroseconds: Int64?
  package var maxCellTimestamp: Int64?
  package var putsTotal: UInt64 = 0
  package var deletesTotal: UInt64 = 0
  /// Level 0 first.
  package var levels: [Level] = []
  package var memtableByteCount: UInt64 = 0
  package var sealedMemtableCount: UInt64 = 0
  package var logByteCount: UInt64 = 0
  /// Bytes that compactions still have to rewrite before the levels are in shape.
  package var compactionDebtByteCount: UInt64 = 0
  /// Since the table was opened: bytes committed, then written to logs, by flushes, by compactions.
  package var bytesCommitted: UInt64 = 0
  package var bytesLogged: UInt64 = 0
  package var bytesFlushed: UInt64 = 0
  package var bytesCompacted: UInt64 = 0
  package var commits: UInt64 = 0
  package var longestCommitNanoseconds: UInt64 = 0
  package var lastSequence: UInt64 = 0

  package init() {}
}
