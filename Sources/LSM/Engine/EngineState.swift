// What the parts of one engine share: what is visible, what is on disk, and whether it may still
// be written to.

internal import Runtime
internal import Synchronization

/// Set once, when an engine closes: its jobs give up soon.
final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}

/// The state of one open engine. Safe for concurrent use.
final class EngineState: Sendable {
  struct Visible {
    var view: ReadView
    var sequence: SequenceNumber
  }

  let directory: String
  let environment: EngineEnvironment
  let options: EngineOptions
  let merger: any ValueMerger
  let versions: VersionSet
  let logs: LogFiles
  /// What flushes and compactions get of this engine.
  let jobs: JobEnvironment
  let stop: StopFlag
  let counters = EngineCounters()
  /// Whose entries this engine's are in the row cache.
  let rowOwner: RowCacheOwner?
  private let visible: Mutex<Visible>
  /// Held from an edit's way into the manifest until it is visible: nobody may see one installer's
  /// files beside the memtables that they were written from.
  private let installing = Mutex<Void>(())
  private let readOnlyCause = Mutex<String?>(nil)

  /// - Parameter recovered: Newest first, at least one: the active memtable and sealed ones.
  init(
    _ environment: EngineEnvironment, jobs: JobEnvironment, stop: StopFlag, versions: VersionSet,
    logs: LogFiles, recovered: [LoggedMemtable], sequence: SequenceNumber
  ) {
    directory = jobs.directory
    self.environment = environment
    options = jobs.options
    merger = jobs.merger
    self.versions = versions
    self.logs = logs
    self.jobs = jobs
    self.stop = stop
    rowOwner = environment.rows.flatMap { $0.isEnabled ? $0.makeOwner() : nil }
    let sealed = Array(recovered.dropFirst())
    for memtable in sealed {
      environment.memory.sealedChanged(by: memtable.memtable.allocatedByteCount)
    }
    let view = ReadView(active: recovered[0], sealed: sealed, version: versions.current)
    visible = Mutex(Visible(view: view, sequence: sequence))
  }

  // MARK: What is visible

  var view: ReadView { visible.withLock { $0.view } }
  var publishedSequence: SequenceNumber { visible.withLock { $0.sequence } }

  /// View and sequence of one moment.
  var published: Visible { visible.withLock { $0 } }

  /// The same, to be handed on.
  func snapshot() -> Snapshot {
    let now = published
    return Snapshot(now.view, sequence: now.sequence)
  }

  /// Makes everything up to `sequence` visible. Only the committing thread calls this.
  func publish(_ sequence: SequenceNumber) {
    visible.withLock { visible in
      assert(sequence >= visible.sequence, "what is visible stays visible")
      visible.sequence = sequence
    }
  }

  /// Puts the active memtable among the sealed ones and a new one in its place. Only the committing
  /// thread calls this, between groups.
  func sealActiveMemtable() {
    let memtable = Memtable(
      memory: environment.memory, merger: merger,
      commonKeyPrefix: view.active.memtable.commonKeyPrefix)
    let active = LoggedMemtable(memtable, firstLog: logs.writer.number)
    visible.withLock { visible in
      let old = visible.view
      environment.memory.sealedChanged(by: old.active.memtable.allocatedByteCount)
      visible.view = ReadView(
        active: active, sealed: [old.active] + old.sealed, version: old.version,
        droppedUpTo: old.droppedUpTo)
    }
  }

  /// The active memtable, which is empty, needs no log before the present one. Only the committing
  /// thread calls this, between groups.
  func forgetLogsOfEmptyMemtable() {
    visible.withLock { visible in
      let old = visible.view
      precondition(old.active.memtable.isEmpty, "what is in memory needs its log")
      visible.view = ReadView(
        active: LoggedMemtable(old.active.memtable, firstLog: logs.writer.number),
        sealed: old.sealed, version: old.version, droppedUpTo: old.droppedUpTo)
    }
  }

  /// Makes an edit durable and visible; the memtables it wrote out go with the same step.
  ///
  /// - Parameters:
  ///   - droppedUpTo: See `ReadView`; zero when the edit's files hold all keys of what they
  ///     replace.
  ///   - collected: Keys of which the edit's files lack something that reads may have shown: reads
  ///     of them go to memtables and table files again.
  func install(
    _ edit: VersionEdit, flushed: [LoggedMemtable] = [], droppedUpTo: SequenceNumber = .zero,
    collected: CollectedKeys = CollectedKeys()
  ) throws(EngineError) {
    try installing.withLock { (_) throws(EngineError) in
      let version = try versions.install(edit)
      visible.withLock { visible in
        let old = visible.view
        let sealed = old.sealed.filter { kept in !flushed.contains { $0 === kept } }
        visible.view = ReadView(
          active: old.active, sealed: sealed, version: version,
          droppedUpTo: max(old.droppedUpTo, droppedUpTo))
      }
    }
    if !collected.isEmpty {
      if let rows = environment.rows, let rowOwner { rows.forget(collected, of: rowOwner) }
      environment.events(.collected(directory: directory))
    }
    for memtable in flushed {
      environment.memory.sealedChanged(by: -memtable.memtable.allocatedByteCount)
    }
  }

  // MARK: Whether it may be written to

  /// Why nothing may be written any more; nil while all is well.
  var readOnly: EngineError? {
    readOnlyCause.withLock { cause in cause.map { .readOnly(cause: $0) } }
  }

  /// Ends writing for good. The first cause stays.
  func becomeReadOnly(_ cause: EngineError) {
    let text =
      if case .readOnly(let earlier) = cause { earlier } else { "\(cause)" }
    let isFirst = readOnlyCause.withLock { cause in
      guard cause == nil else { return false }
      cause = text
      return true
    }
    if isFirst { environment.events(.becameReadOnly(directory: directory, cause: text)) }
  }

  var now: UInt64 { environment.time.monotonicNanoseconds }
}
