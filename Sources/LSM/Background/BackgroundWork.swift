// What runs beside reads and commits, and when: memtables to level 0, table files from level to
// level, syncs between commits, tidying up when nobody writes. One flush and one compaction at a
// time in one engine.

internal import Runtime
internal import Synchronization

/// Decides what runs next in the background of one engine. Safe for concurrent use.
final class BackgroundWork: Sendable {
  /// One kind of job: who does it, who waits for it, how it went.
  struct Job {
    var isRunning = false
    var isScheduled = false
    var waiters: [Latch] = []
    var failure: EngineError?
    var failureCount: UInt64 = 0
  }

  struct Jobs {
    var flush = Job()
    var compaction = Job()
    var isSyncScheduled = false
    var isIdleScheduled = false
    var isClosed = false
    /// What somebody asked to have rewritten.
    var rewrite: RewriteRequest?
    /// Files written before this, microseconds since 1970, are to be rewritten.
    var writtenBefore: Int64?
  }

  /// First and longest pause after a failed job.
  private static let retryNanoseconds: UInt64 = 50_000_000
  private static let longestRetryNanoseconds: UInt64 = 5_000_000_000

  let state: EngineState
  let throttle: WriteThrottle
  private let policy: any CompactionPolicy = LeveledPolicy()
  private let debt = Atomic<UInt64>(0)
  private let jobs = Mutex(Jobs())
  private let lastCommit = Atomic<UInt64>(0)
  /// Set once, before anything runs.
  nonisolated(unsafe) weak var queue: CommitQueue?

  init(_ state: EngineState, throttle: WriteThrottle) {
    self.state = state
    self.throttle = throttle
  }

  // MARK: After commits

  /// Called after each group, by whoever has the right to commit.
  func committed(with writer: CommitWriter) {
    lastCommit.store(writer.answeredNanoseconds, ordering: .relaxed)
    if state.view.active.memtable.byteCount >= state.options.memtableByteCount { seal(writer) }
    state.environment.memory.relieveIfShort()
    switch state.options.durability {
    case .sync: break
    case .interval:
      let delay = writer.wantsSync ? 0 : state.options.syncIntervalNanoseconds
      scheduleSync(afterNanoseconds: delay)
    case .none: if writer.wantsSync { scheduleSync(afterNanoseconds: 0) }
    }
    if writer.wantsNextLog { prepareLog() }
    scheduleIdleCheck(afterNanoseconds: state.options.idleNanoseconds)
  }

  /// Seals the active memtable and has it written out. With the right to commit.
  func seal(_ writer: CommitWriter) {
    guard writer.seal() else { return }
    updateThrottle()
    scheduleFlush()
  }

  private func scheduleSync(afterNanoseconds delay: UInt64) {
    let isNew = jobs.withLock { jobs in
      guard !jobs.isSyncScheduled, !jobs.isClosed else { return false }
      jobs.isSyncScheduled = true
      return true
    }
    guard isNew else { return }
    state.environment.scheduler.submit(to: .commit, afterNanoseconds: delay) { [weak self] in
      self?.sync()
    }
  }

  private func sync() {
    if state.readOnly == nil {
      do throws(EngineError) {
        try state.logs.syncFromAside()
      } catch {
        state.becomeReadOnly(error)
      }
    }
    // Only now: a second one at the same time would only hold a thread of the lane.
    jobs.withLock { $0.isSyncScheduled = false }
    guard state.readOnly == nil, state.options.durability == .interval, state.logs.isUnsynced
    else { return }
    // Commits that came meanwhile have found one scheduled.
    scheduleSync(afterNanoseconds: state.options.syncIntervalNanoseconds)
  }

  private func prepareLog() {
    state.environment.scheduler.submit(to: .blocking) { [state] in
      guard state.readOnly == nil else { return }
      do throws(EngineError) { try state.logs.prepareNext() } catch { state.becomeReadOnly(error) }
    }
  }

  // MARK: Flushing

  func scheduleFlush() { scheduleFlush(afterNanoseconds: 0) }

  private func scheduleFlush(afterNanoseconds delay: UInt64) {
    let isNew = jobs.withLock { jobs in
      guard !jobs.flush.isScheduled, !jobs.isClosed else { return false }
      jobs.flush.isScheduled = true
      return true
    }
    guard isNew else { return }
    state.environment.scheduler.submit(to: .flush, afterNanoseconds: delay) { [weak self] in
      guard let self else { return }
      jobs.withLock { $0.flush.isScheduled = false }
      flushHere()
    }
  }

  /// Writes all sealed memtables out at full speed: somebody waits.
  func flushNow() { state.jobs.flushBudget.hurrying { flushHere() } }

  /// Writes all sealed memtables out on this thread, or waits until whoever is at it is done.
  private func flushHere() {
    guard begin(\.flush) else { return }
    var failure: EngineError?
    do throws(EngineError) {
      while state.readOnly == nil {
        let view = state.view
        if view.sealed.isEmpty { break }
        try flushOldest(of: view)
      }
      try releaseLogs()
    } catch {
      failure = error
    }
    end(\.flush, failure)
    if let failure {
      report("flush", failure)
      scheduleFlush(afterNanoseconds: retryDelay(\.flush))
    } else {
      if state.view.active.memtable.isEmpty { state.environment.memory.writersRest() }
      scheduleCompaction()
    }
  }

  /// Writes the oldest sealed memtables to one file of level 0; their logs are free then.
  private func flushOldest(of view: ReadView) throws(EngineError) {
    let started = state.now
    var first = view.sealed.count - 1
    var byteCount = view.sealed[first].memtable.byteCount
    // Small ones, as recovery leaves them or short memory makes them, go together.
    while first > 0,
      byteCount + view.sealed[first - 1].memtable.byteCount <= state.options.memtableByteCount
    {
      first -= 1
      byteCount += view.sealed[first].memtable.byteCount
    }
    let flushed = Array(view.sealed[first...])
    let memtables = flushed.map(\.memtable)
    let newer = NewerSources(thanFlushOf: memtables) { [state] in state.snapshot().store }
    let job = FlushJob(
      memtables, version: view.version, newer: .held(newer),
      environment: state.jobs)
    let result = try job.run()
    let next = first > 0 ? view.sealed[first - 1] : view.active
    var edit = result.edit
    edit.oldestLogNumber = next.firstLog.rawValue
    try state.install(
      edit, flushed: flushed, droppedUpTo: result.droppedUpTo, collected: result.collected)
    state.logs.release(
      below: next.firstLog, isQuiet: state.view.active.memtable.isEmpty)
    state.counters.flushes.wrappingAdd(1, ordering: .relaxed)
    state.counters.bytesFlushed.wrappingAdd(result.bytesWritten, ordering: .relaxed)
    updateThrottle()
    state.environment.events(
      .flushed(
        directory: state.directory, byteCount: result.bytesWritten,
        nanoseconds: state.now &- started))
  }

  /// Lets logs go that an idle engine has left without a flush.
  private func releaseLogs() throws(EngineError) {
    let oldest = state.view.oldestLog
    guard state.readOnly == nil, state.logs.hasLogs(below: oldest) else { return }
    var edit = VersionEdit()
    edit.oldestLogNumber = oldest.rawValue
    try state.install(edit)
    state.logs.release(below: oldest, isQuiet: true)
  }

  /// Why the last flush failed; nil when it did not.
  var flushRefusal: EngineError? { state.readOnly ?? jobs.withLock { $0.flush.failure } }

  // MARK: Compaction

  private func scheduleCompaction() { scheduleCompaction(afterNanoseconds: 0) }

  private func scheduleCompaction(afterNanoseconds delay: UInt64) {
    guard state.readOnly == nil, choice() != nil else { return }
    let isNew = jobs.withLock { jobs in
      guard !jobs.compaction.isScheduled, !jobs.isClosed else { return false }
      jobs.compaction.isScheduled = true
      return true
    }
    guard isNew else { return }
    state.environment.scheduler.submit(to: .compaction, afterNanoseconds: delay) { [weak self] in
      guard let self else { return }
      jobs.withLock { $0.compaction.isScheduled = false }
      compactHere()
    }
  }

  /// Does one compaction on this thread, or waits until whoever is at one is done. One at a time,
  /// so that engines take turns on the lane.
  ///
  /// - Returns: False when there was nothing to do.
  @discardableResult
  private func compactHere() -> Bool {
    guard begin(\.compaction) else { return true }
    var failure: EngineError?
    var found = false
    do throws(EngineError) {
      if state.readOnly == nil, !state.stop.isSet, let (choice, version) = choice() {
        found = true
        try compact(choice, version)
      }
    } catch {
      failure = error
    }
    end(\.compaction, failure)
    if let failure {
      if case .closed = failure { return false }
      report("compaction", failure)
      scheduleCompaction(afterNanoseconds: retryDelay(\.compaction))
    } else if found {
      scheduleCompaction()
    }
    return found
  }

  private func choice() -> (CompactionChoice, Version)? {
    let view = state.view
    let version = view.version
    var situation = CompactionSituation(version: version, options: state.options)
    let quiet = state.now &- lastCommit.load(ordering: .relaxed)
    situation.isIdle = quiet >= state.options.idleNanoseconds
    situation.rewrite = jobs.withLock { jobs in
      guard let rewrite = jobs.rewrite, !view.holdsInMemory(upTo: rewrite.entriesUpTo) else {
        return nil
      }
      if rewrite.isSatisfied(by: version) { jobs.rewrite = nil }
      return jobs.rewrite
    }
    situation.rewriteWrittenBefore = jobs.withLock { $0.writtenBefore }
    return policy.choose(situation).map { ($0, version) }
  }

  private func compact(_ choice: CompactionChoice, _ version: Version) throws(EngineError) {
    let started = state.now
    let newer = NewerSources(than: choice) { [state] in state.snapshot().store }
    let job = CompactionJob(
      choice, version: version, newer: .held(newer), environment: state.jobs)
    let result = try job.run()
    try state.install(
      result.edit, droppedUpTo: result.droppedUpTo, collected: result.collected)
    state.counters.compactions.wrappingAdd(1, ordering: .relaxed)
    state.counters.bytesCompacted.wrappingAdd(result.bytesWritten, ordering: .relaxed)
    updateThrottle()
    state.environment.events(
      .compacted(
        directory: state.directory, fromLevel: choice.firstLevel, toLevel: choice.outputLevel,
        bytesRead: result.bytesRead, bytesWritten: result.bytesWritten,
        nanoseconds: state.now &- started))
  }

  /// Asks for all that is old now to be written anew, in the background.
  func requestRewrite() {
    let request = rewriteOfAllThatIsOld
    jobs.withLock { $0.rewrite = request }
    // What is in memory counts as well, and the merger drops least where it sees all of a key.
    queue?.perform { [weak self] writer in self?.seal(writer) }
    scheduleCompaction()
  }

  /// Asks for files that were written before this time, microseconds since 1970, to be written
  /// anew, in the background.
  func requestRewrite(ofFilesWrittenBefore time: Int64) {
    jobs.withLock { $0.writtenBefore = max($0.writtenBefore ?? .min, time) }
    scheduleCompaction()
  }

  private var rewriteOfAllThatIsOld: RewriteRequest {
    RewriteRequest(
      filesBefore: state.versions.newFileNumber(), entriesUpTo: state.publishedSequence)
  }

  /// Rewrites everything and returns when it is done.
  func compactAll() throws(EngineError) {
    let request = rewriteOfAllThatIsOld
    try flushAll()
    jobs.withLock { $0.rewrite = request }
    while jobs.withLock({ $0.rewrite != nil }) {
      let isBusy = compactHere()
      if let refusal = state.readOnly ?? jobs.withLock({ $0.compaction.failure }) {
        throw refusal
      }
      if state.stop.isSet { throw .closed }
      if !isBusy { break }
    }
  }

  // MARK: Jobs

  /// Takes the job; when another thread has it, waits until that one is done.
  ///
  /// - Returns: False when another thread had it.
  func begin(_ job: WritableKeyPath<Jobs, Job>) -> Bool {
    let busy = jobs.withLock { jobs -> Latch? in
      guard jobs[keyPath: job].isRunning else {
        jobs[keyPath: job].isRunning = true
        return nil
      }
      let latch = Latch()
      jobs[keyPath: job].waiters.append(latch)
      return latch
    }
    busy?.wait()
    return busy == nil
  }

  func end(_ job: WritableKeyPath<Jobs, Job>, _ failure: EngineError?) {
    let waiters = jobs.withLock { jobs in
      defer { jobs[keyPath: job].waiters = [] }
      jobs[keyPath: job].isRunning = false
      jobs[keyPath: job].failure = failure
      jobs[keyPath: job].failureCount = failure == nil ? 0 : jobs[keyPath: job].failureCount + 1
      return jobs[keyPath: job].waiters
    }
    for waiter in waiters { waiter.open() }
  }

  private func retryDelay(_ job: WritableKeyPath<Jobs, Job>) -> UInt64 {
    let count = jobs.withLock { $0[keyPath: job].failureCount }
    return min(
      BackgroundWork.retryNanoseconds << min(count, 10), BackgroundWork.longestRetryNanoseconds)
  }

  /// A job that lacked space or a file operation may work later; what is damaged stays damaged.
  private func report(_ job: String, _ failure: EngineError) {
    state.environment.events(
      .backgroundFailed(directory: state.directory, job: job, error: failure))
    switch failure {
    case .corrupt, .readOnly, .unsupportedVersion: state.becomeReadOnly(failure)
    default: break
    }
  }

  // MARK: From outside

  func start() {
    updateThrottle()
    if !state.view.sealed.isEmpty { scheduleFlush() }
    scheduleCompaction()
    if !state.view.active.memtable.isEmpty {
      scheduleIdleCheck(afterNanoseconds: state.options.idleNanoseconds)
    }
  }

  /// Seals what is in memory and returns when all of it is in table files.
  func flushAll() throws(EngineError) {
    if let refusal = state.readOnly { throw refusal }
    let sealed = Latch()
    guard let queue else { throw .closed }
    queue.perform { [self] writer in
      seal(writer)
      sealed.open()
    }
    sealed.wait()
    let target = state.view.sealed
    while state.view.sealed.contains(where: { kept in target.contains { $0 === kept } }) {
      flushNow()
      if let refusal = flushRefusal { throw refusal }
    }
  }

  /// Ends background work, with all memory written out unless writing has ended before.
  func close() throws(EngineError) {
    var failure: EngineError?
    if state.readOnly == nil {
      do throws(EngineError) {
        try flushAll()
        // All of it is in table files: the next opening has nothing to replay.
        var edit = VersionEdit()
        // Nor is there anything in a log that stands ready.
        edit.oldestLogNumber = state.logs.writer.number.rawValue + 2
        try state.install(edit)
      } catch {
        failure = error
      }
    }
    state.stop.set()
    jobs.withLock { $0.isClosed = true }
    // Nothing starts any more; what runs ends soon.
    for job in [\Jobs.flush, \Jobs.compaction] {
      while !begin(job) {}
      end(job, nil)
    }
    if let failure { throw failure }
  }

  /// Bytes that compactions still have to write.
  var debtByteCount: UInt64 { debt.load(ordering: .relaxed) }

  func updateThrottle() {
    let view = state.view
    var backlog = WriteThrottle.Backlog()
    backlog.sealedByteCount = view.sealed.reduce(0) { $0 + $1.memtable.byteCount }
    backlog.sealedByteLimit = state.options.sealedMemtableLimit * state.options.memtableByteCount
    backlog.levelZeroCount = view.version.levels[0].files.count
    backlog.levelZeroTrigger = state.options.levelZeroTrigger
    backlog.storeByteCount = view.version.byteCount
    backlog.debtByteCount = policy.debtByteCount(view.version, state.options)
    debt.store(backlog.debtByteCount, ordering: .relaxed)
    if let rate = throttle.update(backlog) {
      state.environment.events(
        .writersSlowed(directory: state.directory, bytesPerSecond: rate))
    }
    let isUrgent = WriteThrottle.pressure(backlog) > 0
    state.jobs.budget.setDebt(byteCount: backlog.debtByteCount, isUrgent: isUrgent)
    state.jobs.flushBudget.setDebt(byteCount: 0, isUrgent: isUrgent)
  }

  // MARK: Idle engines

  private func scheduleIdleCheck(afterNanoseconds delay: UInt64) {
    let isNew = jobs.withLock { jobs in
      guard !jobs.isIdleScheduled, !jobs.isClosed else { return false }
      jobs.isIdleScheduled = true
      return true
    }
    guard isNew else { return }
    state.environment.scheduler.submit(to: .flush, afterNanoseconds: delay) { [weak self] in
      self?.checkIdle()
    }
  }

  private func checkIdle() {
    jobs.withLock { $0.isIdleScheduled = false }
    let quiet = state.now &- lastCommit.load(ordering: .relaxed)
    guard quiet >= state.options.idleNanoseconds else {
      return scheduleIdleCheck(afterNanoseconds: state.options.idleNanoseconds - quiet)
    }
    if state.readOnly == nil, state.logs.isWorthLeaving {
      do throws(EngineError) { try state.logs.prepareNext() } catch { state.becomeReadOnly(error) }
    }
    queue?.perform { [weak self] writer in
      writer.rest()
      self?.updateThrottle()
      self?.scheduleFlush()
    }
    scheduleCompaction()
  }
}

extension BackgroundWork: MemtableOwner {
  var activeMemtableByteCount: Int { state.view.active.memtable.byteCount }

  func relieveMemory() {
    queue?.perform { [weak self] writer in self?.seal(writer) }
  }
}
