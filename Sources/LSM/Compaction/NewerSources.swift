// The memtables and files that may hold newer entries of the keys a job merges, as the engine
// stands at the moment of asking: what was flushed since the job began counts where it is now.

internal import Bytes

/// Answers what is newer than a job's inputs.
final class NewerSources: NewerEntrySource {
  /// All there is at one moment.
  struct Store {
    let memtables: [Memtable]
    let version: Version
    /// What is committed later has higher numbers.
    let sequence: SequenceNumber
  }

  /// What a job reads and where its output goes.
  private struct Job {
    let inputs: Set<FileNumber>
    let outputLevel: Int
    let largestInput: SequenceNumber

    /// May the file hold a newer entry of one of the job's keys?
    func isOlder(than file: TableFile, in level: Int) -> Bool {
      if inputs.contains(file.number) { return false }
      // In level 0 what is older than the inputs stays beside the output; below, levels are sorted
      // by key, and no other file of the output's level has a key of it.
      return outputLevel == 0
        ? file.metadata.largestSequence > largestInput : level < outputLevel
    }
  }

  private let now: @Sendable () -> Store
  /// The job's own; entries in them are not newer.
  private let memtables: [Memtable]
  private let job: Job

  let lowerBound: SequenceNumber

  /// What is newer than a flush of these memtables.
  init(
    thanFlushOf memtables: [Memtable], now: @escaping @Sendable () -> Store
  ) {
    self.now = now
    self.memtables = memtables
    // No file holds anything newer than a memtable that is not flushed yet.
    job = Job(
      inputs: [], outputLevel: -1, largestInput: memtables.map(\.lastSequence).max() ?? .zero)
    lowerBound = SequenceNumber(job.largestInput.rawValue + 1)
  }

  /// What is newer than a compaction.
  init(than choice: CompactionChoice, now: @escaping @Sendable () -> Store) {
    self.now = now
    memtables = []
    job = Job(
      inputs: Set(choice.fileNumbers), outputLevel: choice.outputLevel,
      largestInput: choice.files.map(\.metadata.largestSequence).max() ?? .zero)
    let store = now()
    var bound = SequenceNumber(store.sequence.rawValue + 1)
    for memtable in store.memtables where !memtable.isEmpty {
      bound = min(bound, memtable.firstSequence)
    }
    for level in 0...choice.outputLevel {
      for file in store.version.levels[level].files
      where job.isOlder(than: file, in: level) {
        bound = min(bound, file.metadata.smallestSequence)
      }
    }
    lowerBound = bound
  }

  func lowerBound(of key: ByteView) -> SequenceNumber? {
    let store = now()
    var bound: SequenceNumber?
    func meet(_ sequence: SequenceNumber) { bound = min(bound ?? sequence, sequence) }
    for memtable in store.memtables
    where !memtables.contains(where: { $0 === memtable }) && memtable.holds(key) {
      meet(memtable.firstSequence)
    }
    guard job.outputLevel >= 0 else { return bound }
    for level in 0...job.outputLevel {
      for file in store.version.files(inLevel: level, overlapping: key, key)
      where job.isOlder(than: file, in: level) {
        meet(file.metadata.smallestSequence)
      }
    }
    return bound
  }
}
