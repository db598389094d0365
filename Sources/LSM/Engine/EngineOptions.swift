// What can be set on an engine: each with unit, default and reason.

package import Runtime
package import VFS

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
  /// Bytes of entries at which a memtable is sealed. 32 MiB: flushes in under half a second, and
  /// two sealed ones fit a small budget.
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
  /// Table files in level 0 at which they are merged.
  package var levelZeroTrigger = 4
  /// Filter bits a key: 10 give 1 % false positives (Bloom 1970).
  package var filterBitsPerKey = 10
  /// Bytes of one log file. Preallocated and recycled, so it is also disk space held when idle.
  package var logFileByteCount: UInt64 = 16 << 20
  /// Nanoseconds between syncs under `.interval`.
  package var syncIntervalNanoseconds: UInt64 = 100_000_000
  /// Nanoseconds without a write after which an engine tidies up: flush, then settle its levels.
  package var idleNanoseconds: UInt64 = 2_000_000_000
  /// Compress blocks with LZ4 where that saves an eighth.
  package var compress = true
  package init() {}
}

/// What engines of one process share.
package struct EngineEnvironment: Sendable {
  package var fileSystem: any FileSystem
  package var time: any TimeSource
  package var scheduler: any Scheduler
  /// Seed of everything random in the engine (skip list heights).
  package var randomSeed: UInt64
  package var cache: BlockCache
  package var memory: MemoryBudget
  /// Told what happens in the background; for the log and the metrics. Must not block.
  package var events: @Sendable (EngineEvent) -> Void

  package init(
    fileSystem: any FileSystem, time: any TimeSource, scheduler: any Scheduler,
    randomSeed: UInt64, cache: BlockCache, memory: MemoryBudget,
    events: @escaping @Sendable (EngineEvent) -> Void = { _ in }
  ) {
    self.fileSystem = fileSystem
    self.time = time
    self.scheduler = scheduler
    self.randomSeed = randomSeed
    self.cache = cache
    self.memory = memory
    self.events = events
  }
}

/// What happened in the background.
package enum EngineEvent: Sendable {
  case recovered(directory: String, logRecords: Int, tornTailByteCount: UInt64)
  case flushed(directory: String, byteCount: UInt64, nanoseconds: UInt64)
  case compacted(
    directory: String, fromLevel: Int, toLevel: Int, bytesRead: UInt64, bytesWritten: UInt64,
    nanoseconds: UInt64)
  case writersSlowed(directory: String, delayNanoseconds: UInt64)
  case backgroundFailed(directory: String, job: String, error: EngineError)
  case becameReadOnly(directory: String, cause: String)
}
