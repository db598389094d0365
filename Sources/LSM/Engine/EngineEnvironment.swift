// What an engine gets from the process around it: files, time, threads, memory; and what it tells
// the process in return.

package import Runtime
package import VFS

/// What engines of one process share.
package struct EngineEnvironment: Sendable {
  package var fileSystem: any FileSystem
  package var time: any TimeSource
  package var scheduler: any Scheduler
  /// Seed of everything random in the engine: salts of logs.
  package var randomSeed: UInt64
  package var cache: BlockCache
  package var memory: MemoryBudget
  /// Recent point reads of all engines; nil keeps none.
  package var rows: RowCache?
  /// Told what happens in the background; for the log and the metrics. Must not block.
  package var events: @Sendable (EngineEvent) -> Void

  package init(
    fileSystem: any FileSystem, time: any TimeSource, scheduler: any Scheduler,
    randomSeed: UInt64, cache: BlockCache, memory: MemoryBudget, rows: RowCache? = nil,
    events: @escaping @Sendable (EngineEvent) -> Void = { _ in }
  ) {
    self.fileSystem = fileSystem
    self.time = time
    self.scheduler = scheduler
    self.randomSeed = randomSeed
    self.cache = cache
    self.memory = memory
    self.rows = rows
    self.events = events
  }
}

extension EngineEnvironment {
  /// Waits of other engines for the lane after which a job goes on at full speed.
  private static let flushWait: UInt64 = 50_000_000
  private static let compactionWait: UInt64 = 2_000_000_000

  var flushBudget: IOBudget {
    IOBudget(time: time, for: .flush) { [scheduler, memory] in
      memory.isCrowded || scheduler.queuedNanoseconds(in: .flush) > Self.flushWait
    }
  }

  var compactionBudget: IOBudget {
    IOBudget(time: time, for: .compaction) { [scheduler] in
      scheduler.queuedNanoseconds(in: .compaction) > Self.compactionWait
    }
  }
}

/// What happened in the background.
package enum EngineEvent: Sendable {
  case recovered(directory: String, logRecords: Int, tornTailByteCount: UInt64)
  case flushed(directory: String, byteCount: UInt64, nanoseconds: UInt64)
  case compacted(
    directory: String, fromLevel: Int, toLevel: Int, bytesRead: UInt64, bytesWritten: UInt64,
    nanoseconds: UInt64)
  /// Files are in force that lack what reads could have shown: rules took it.
  case collected(directory: String)
  /// Flushes and compactions are behind: commits are held back to this rate from now on.
  case writersSlowed(directory: String, bytesPerSecond: UInt64)
  case backgroundFailed(directory: String, job: String, error: EngineError)
  case becameReadOnly(directory: String, cause: String)
}
