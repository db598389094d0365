// Sealed memtables become one file of level 0.

internal import Bytes

/// Writes memtables out.
package struct FlushJob {
  private let memtables: [Memtable]
  private let version: Version
  private let newer: NewerEntries
  private let environment: JobEnvironment

  /// - Parameters:
  ///   - memtables: Sealed, newest first, at least one; everything older is in `version`.
  ///   - version: The current one; only flushes may add to its level 0 meanwhile.
  ///   - newer: What is newer than the memtables.
  package init(
    _ memtables: [Memtable], version: Version, newer: NewerEntries, environment: JobEnvironment
  ) {
    precondition(!memtables.isEmpty, "a flush has something to write")
    self.memtables = memtables
    self.version = version
    self.newer = newer
    self.environment = environment
  }

  /// The edit adds one file to level 0, or none when nothing was left to write; which logs are
  /// done with is for the engine to add.
  ///
  /// - Throws: `.closed` when told to stop, or what a file operation said; no file is left then.
  package func run() throws(EngineError) -> JobResult {
    let full = memtables.filter { !$0.isEmpty }
    guard let newest = full.first, let oldest = full.last else {
      return JobResult(edit: VersionEdit(), bytesRead: 0, bytesWritten: 0)
    }
    // One file: level 0 knows which file is newer by sequence numbers, so two files of one flush
    // would be told apart by nothing.
    let output = TableOutput(
      environment.pacingFlushes, sequences: oldest.firstSequence...newest.lastSequence,
      fileByteCount: nil, grandparents: Grandparents([], limit: 0))
    let older = OlderFiles(version, outputLevel: 0, excluding: [])
    let read = full.reduce(0) { $0 + $1.byteCount }
    var result = try KeyMerge(environment, older: older, newer: newer).run(
      FlushJob.sources(full), into: output, level: 0, upTo: newest.lastSequence,
      bytesRead: UInt64(read))
    result.edit.lastSequence = newest.lastSequence
    return result
  }

  /// All entries of memtables that are not empty.
  private static func sources(_ memtables: [Memtable]) -> ForwardMerge {
    let prefixes = memtables.map(\.commonKeyPrefix)
    let shared = prefixes.map { $0.sharedPrefixCount(with: prefixes[0]) }.min() ?? 0
    return ForwardMerge(
      memtables.map { $0.cursor(at: SequenceNumber(.max)) }, sharedByteCount: shared)
  }
}

extension MemtableCursor: EntrySource {
  /// One entry: the next one arrives from memory while the merge works on it.
  func take(into batch: inout EntryBatch) {
    batch.clear()
    guard isValid else { return }
    batch.append(key, kind, value)
    next()
  }
}

extension JobEnvironment {
  fileprivate var pacingFlushes: JobEnvironment {
    var copy = self
    copy.budget = flushBudget
    return copy
  }
}
