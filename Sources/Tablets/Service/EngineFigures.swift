// The engine's part of a table's statistics in plain numbers, for fronts, which know no engine.

internal import LSM

/// Figures of one table's engine. Counters count since the table was opened.
package struct EngineFigures: Sendable {
  /// One level of table files.
  package struct Level: Sendable {
    package var fileCount: UInt64
    package var byteCount: UInt64
    package var entryCount: UInt64
  }

  package var levels: [Level]
  package var memtableByteCount: UInt64
  package var sealedMemtableCount: UInt64
  package var logByteCount: UInt64
  /// Bytes that compactions still have to rewrite before the levels are in shape.
  package var compactionDebtByteCount: UInt64
  package var bytesCommitted: UInt64
  package var bytesLogged: UInt64
  package var bytesFlushed: UInt64
  package var bytesCompacted: UInt64
  package var commits: UInt64
  package var longestCommitNanoseconds: UInt64
  package var lastSequence: UInt64

  /// Bytes written to the disk for each byte committed; 0 before the first commit.
  package var writeAmplification: Double {
    guard bytesCommitted > 0 else { return 0 }
    return (Double(bytesLogged) + Double(bytesFlushed) + Double(bytesCompacted))
      / Double(bytesCommitted)
  }
}

extension TableStatistics {
  package var figures: EngineFigures {
    EngineFigures(
      levels: engine.levels.map {
        EngineFigures.Level(
          fileCount: UInt64(clamping: $0.fileCount), byteCount: $0.byteCount,
          entryCount: $0.entryCount)
      },
      memtableByteCount: UInt64(clamping: engine.memtableByteCount),
      sealedMemtableCount: UInt64(clamping: engine.sealedMemtableCount),
      logByteCount: engine.logByteCount,
      compactionDebtByteCount: engine.compactionDebtByteCount,
      bytesCommitted: engine.bytesCommitted, bytesLogged: engine.bytesLogged,
      bytesFlushed: engine.bytesFlushed, bytesCompacted: engine.bytesCompacted,
      commits: engine.commits, longestCommitNanoseconds: engine.longestCommitNanoseconds,
      lastSequence: engine.lastSequence.rawValue)
  }
}
