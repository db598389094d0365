// What a flush or a compaction needs of its engine, and what it gives back.

package import Runtime
package import VFS

/// The engine as its background jobs see it.
package struct JobEnvironment: Sendable {
  /// Where table files live.
  package var directory: String
  package var fileSystem: any FileSystem
  package var tables: TableStore
  package var time: any TimeSource
  package var scheduler: any Scheduler
  package var options: EngineOptions
  package var merger: any ValueMerger
  /// Of compactions.
  package var budget: IOBudget
  package var flushBudget: IOBudget
  package var newFileNumber: @Sendable () -> FileNumber
  /// The engine is closing: the job gives up soon, throws `.closed` and leaves no files.
  package var shouldStop: @Sendable () -> Bool

  package init(
    directory: String, fileSystem: any FileSystem, tables: TableStore, time: any TimeSource,
    scheduler: any Scheduler, options: EngineOptions, merger: any ValueMerger,
    budget: IOBudget, flushBudget: IOBudget, newFileNumber: @escaping @Sendable () -> FileNumber,
    shouldStop: @escaping @Sendable () -> Bool
  ) {
    self.directory = directory
    self.fileSystem = fileSystem
    self.tables = tables
    self.time = time
    self.scheduler = scheduler
    self.options = options
    self.merger = merger
    self.budget = budget
    self.flushBudget = flushBudget
    self.newFileNumber = newFileNumber
    self.shouldStop = shouldStop
  }
}

/// What a job has done; its files are durable, and nothing refers to them until the edit is
/// installed.
package struct JobResult: Sendable {
  package var edit: VersionEdit
  package var bytesRead: UInt64
  package var bytesWritten: UInt64
  /// When keys left nothing behind, the highest number among the job's entries; else zero.
  package var droppedUpTo = SequenceNumber.zero
  /// Keys of which the merger has collected something.
  package var collected = CollectedKeys()
}
