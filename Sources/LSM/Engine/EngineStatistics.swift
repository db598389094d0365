// What an engine counts, and how it is asked for.

internal import Synchronization

/// Statistics of one engine.
package struct EngineStatistics: Sendable {
  package struct Level: Sendable {
    package var fileCount = 0
    package var byteCount: UInt64 = 0
    package var entryCount: UInt64 = 0
  }
  package var levels: [Level] = []
  /// When the table file that was not rewritten for longest was written, microseconds since 1970;
  /// nil without files.
  package var oldestFileMicroseconds: Int64?
  package var memtableByteCount = 0
  package var memtableEntryCount = 0
  package var sealedMemtableCount = 0
  /// Bytes of logs that recovery would read.
  package var logByteCount: UInt64 = 0
  /// Bytes that compactions still have to rewrite before the levels are in shape.
  package var compactionDebtByteCount: UInt64 = 0
  /// Since open: bytes of batches committed; bytes written to logs, by flushes, by compactions.
  package var bytesCommitted: UInt64 = 0
  package var bytesLogged: UInt64 = 0
  package var bytesFlushed: UInt64 = 0
  package var bytesCompacted: UInt64 = 0
  package var flushes: UInt64 = 0
  package var compactions: UInt64 = 0
  package var commits: UInt64 = 0
  package var commitGroups: UInt64 = 0
  /// From queueing to answer.
  package var longestCommitNanoseconds: UInt64 = 0
  /// Times that commits were held back, and for how long together.
  package var slowdowns: UInt64 = 0
  package var slowdownNanoseconds: UInt64 = 0
  package var lastSequence = SequenceNumber.zero
  package var isReadOnly = false
  package init() {}

  /// Bytes written to disk for each byte committed, logs included; nil before the first commit.
  package var writeAmplification: Double? {
    guard bytesCommitted > 0 else { return nil }
    return Double(bytesLogged + bytesFlushed + bytesCompacted) / Double(bytesCommitted)
  }
}

/// Counters that all parts of one engine add to.
final class EngineCounters: Sendable {
  let bytesCommitted = Atomic<UInt64>(0)
  let bytesFlushed = Atomic<UInt64>(0)
  let bytesCompacted = Atomic<UInt64>(0)
  let flushes = Atomic<UInt64>(0)
  let compactions = Atomic<UInt64>(0)
  let commits = Atomic<UInt64>(0)
  let commitGroups = Atomic<UInt64>(0)
  let longestCommit = Atomic<UInt64>(0)
  let slowdowns = Atomic<UInt64>(0)
  let slowdownNanoseconds = Atomic<UInt64>(0)

  func fill(_ statistics: inout EngineStatistics) {
    statistics.bytesCommitted = bytesCommitted.load(ordering: .relaxed)
    statistics.bytesFlushed = bytesFlushed.load(ordering: .relaxed)
    statistics.bytesCompacted = bytesCompacted.load(ordering: .relaxed)
    statistics.flushes = flushes.load(ordering: .relaxed)
    statistics.compactions = compactions.load(ordering: .relaxed)
    statistics.commits = commits.load(ordering: .relaxed)
    statistics.commitGroups = commitGroups.load(ordering: .relaxed)
    statistics.longestCommitNanoseconds = longestCommit.load(ordering: .relaxed)
    statistics.slowdowns = slowdowns.load(ordering: .relaxed)
    statistics.slowdownNanoseconds = slowdownNanoseconds.load(ordering: .relaxed)
  }
}
