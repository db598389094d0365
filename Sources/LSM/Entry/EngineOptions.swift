// What can be set on an engine: each with unit, default and reason.

/// When an acknowledged write is safe from what.
package enum Durability: String, Sendable, CaseIterable {
  /// Synced before the answer: survives power loss.
  case sync
  /// Synced within `EngineOptions.syncIntervalNanoseconds`: survives kill -9, may lose the last
  /// interval at power loss.
  case interval
  /// Never synced by us: survives kill -9, not power loss.
  case none
}

/// Tuning of one engine.
package struct EngineOptions: Sendable {
  /// Default durability of commits.
  package var durability = Durability.sync
  /// Wait in the commit queue from which on impatient commits are refused, once it lasts; 0: never.
  package var shedNanoseconds: UInt64 = 0
  /// Bytes of entries at which a memtable is sealed. 32 MiB: flushes in under half a second, and
  /// two sealed ones fit a small budget. With more memory, see `init(memoryByteCount:)`.
  package var memtableByteCount = 32 << 20
  /// Sealed memtables at which writers are slowed; at twice that they wait.
  package var sealedMemtableLimit = 2
  /// Target bytes of a block before compression. 4 KiB: one page, one random read.
  package var blockByteCount = 4 << 10
  /// Bytes at which a table file is cut. 16 MiB: small compactions, few descriptors.
  package var tableFileByteCount = 16 << 20
  /// Target bytes of level 1; each further level is `levelMultiplier` times larger.
  package var baseLevelByteCount: UInt64 = 64 << 20
  package var levelMultiplier: UInt64 = 10
  /// Table files in level 0 at which they are merged. Eight: a level is rewritten half as often as
  /// with four, and a read that finds nothing above asks four filters more.
  package var levelZeroTrigger = 8
  /// Filter bits a key: 10 give 1 % false positives (Bloom 1970).
  package var filterBitsPerKey = 10
  /// Bytes of one log file. Preallocated and recycled, so where commits are synced it is also
  /// disk space held when idle.
  package var logFileByteCount: UInt64 = 16 << 20
  /// Bytes of a manifest at which, if it is also four times its first edit, the next one begins.
  /// 1 MiB: some thousand edits, read in a few milliseconds.
  package var manifestByteCount: UInt64 = 1 << 20
  /// Nanoseconds between syncs under `.interval`.
  package var syncIntervalNanoseconds: UInt64 = 100_000_000
  /// Nanoseconds without a write after which an engine tidies up: flush, leave the log,
  /// then settle its levels.
  package var idleNanoseconds: UInt64 = 2_000_000_000
  /// Compress blocks with LZ4 where that saves an eighth.
  package var compress = true
  package init() {}

  /// Sizes for engines that have `memoryByteCount` together: the larger a memtable, the more
  /// overwritten values never leave it, and the less often a level is rewritten for each of them.
  package init(memoryByteCount: Int) {
    // A fifteenth: one that is filled, and four more before writers stop, fit the memtables' share.
    memtableByteCount = min(max(memoryByteCount / 15, memtableByteCount), 128 << 20)
    logFileByteCount = UInt64(max(memtableByteCount / 2, Int(logFileByteCount)))
    // What level 0 gathers goes down at once, not first to a level that it overfills.
    baseLevelByteCount = max(
      baseLevelByteCount, UInt64(levelZeroTrigger) * UInt64(memtableByteCount))
  }
}
