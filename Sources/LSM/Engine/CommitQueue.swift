// Where commits wait for their turn. One thread at a time drains the queue, group by group: a
// thread of the commit lane, or, for commits that need no sync, whoever comes first.

internal import Runtime
internal import Synchronization

/// The commits of one engine in the order of their coming. Safe for concurrent use.
final class CommitQueue: Sendable {
  private struct State {
    var waiting: [CommitRequest] = []
    var waitingByteCount = 0
    /// Work that needs the right to commit but is no commit; runs between groups.
    var chores: [@Sendable (CommitWriter) -> Void] = []
    var standing: StandingQueue
    /// Somebody has the right to commit.
    var isDraining = false
    /// The commit lane will look at the queue.
    var isScheduled = false
    var isClosed = false
  }

  /// What the drainer does next.
  private enum Turn {
    case group([CommitRequest])
    case chores([@Sendable (CommitWriter) -> Void])
    /// Nothing that this thread may do; the right to commit is given back.
    case nothing
    /// The same, and the commit lane must go on.
    case handOver
  }

  private enum Admission {
    case refused(EngineError)
    case waits
    case drains
    case schedules
  }

  /// How a thread drains.
  private enum Drainer {
    /// Must not wait for the disk: only leading commits that need no sync and decide nothing.
    case caller
    /// May wait; goes on until the queue is empty or other engines should have their turn.
    case lane
    /// May wait; stops when its own commit is answered.
    case waiter(Latch)
  }

  /// Groups that one engine commits before it goes to the end of the lane's queue.
  private static let groupsPerTurn = 16
  /// Requests in one group: bounds how long the first one waits for the last.
  private static let groupCountLimit = 4_096
  /// Bytes of one group; one larger request goes alone.
  private static let groupByteLimit = 1 << 20
  /// Bytes that may wait: a queue that is longer than a second's work helps nobody.
  private static let waitingByteLimit = 128 << 20

  private let shared: EngineState
  private let throttle: WriteThrottle
  private let background: BackgroundWork
  private let state: Mutex<State>
  /// As `isDraining` was a moment ago, for who asks without the lock.
  private let isBusy = Atomic<Bool>(false)
  /// Used only with the right to commit.
  private nonisolated(unsafe) let writer: CommitWriter

  init(
    _ shared: EngineState, writer: CommitWriter, throttle: WriteThrottle,
    background: BackgroundWork
  ) {
    self.shared = shared
    self.writer = writer
    self.throttle = throttle
    self.background = background
    state = Mutex(
      State(standing: StandingQueue(limitNanoseconds: shared.options.shedNanoseconds)))
  }

  // MARK: Coming in

  /// Queues the request. It is answered by whoever drains, perhaps before this returns.
  func submit(_ request: CommitRequest) {
    switch admit(request) {
    case .refused(let error): request.completion(.failure(error))
    case .waits: break
    case .drains: drain(as: .caller)
    case .schedules: schedule(afterNanoseconds: 0)
    }
  }

  /// Puts a request in line, or says why not, and what the caller is to do.
  private func admit(_ request: CommitRequest) -> Admission {
    request.enqueuedNanoseconds = shared.now
    let byteCount = request.expectedByteCount
    let mayRunHere = !mayWait(request)
    return state.withLock { state in
      if state.isClosed { return .refused(.closed) }
      if !request.isPatient, let refusal = CommitQueue.shed(request, &state) {
        return .refused(refusal)
      }
      guard
        state.waiting.isEmpty
          || state.waitingByteCount + byteCount <= CommitQueue.waitingByteLimit
      else { return .refused(.retryLater("\(state.waitingByteCount) bytes wait to be committed")) }
      state.waiting.append(request)
      state.waitingByteCount += byteCount
      if state.isDraining || state.isScheduled { return .waits }
      if mayRunHere {
        take(&state)
        return .drains
      }
      state.isScheduled = true
      return .schedules
    }
  }

  /// Why a request that would rather not wait is refused.
  private static func shed(_ request: CommitRequest, _ state: inout State) -> EngineError? {
    let now = request.enqueuedNanoseconds
    let waited = state.waiting.first.map { now &- min(now, $0.enqueuedNanoseconds) } ?? 0
    guard state.standing.mustShed(waited: waited, now: now) else { return nil }
    return .retryLater("writes wait \(waited / 1_000_000) ms for their turn")
  }

  /// Queues the request and waits for its answer, draining if nobody else does.
  func submitAndWait(_ request: CommitRequest, answered: Latch) {
    switch enqueue(request) {
    case .refused(let error): return request.completion(.failure(error))
    case .drains:
      repeat { drain(as: .waiter(answered)) } while !answered.isOpen && mayDrain()
    case .waits, .schedules: break
    }
    answered.wait()
  }

  private func take(_ state: inout State) {
    state.isDraining = true
    isBusy.store(true, ordering: .relaxed)
  }

  private func leave(_ state: inout State) {
    state.isDraining = false
    isBusy.store(false, ordering: .relaxed)
  }

  /// Takes the right to commit if nobody has it.
  private func mayDrain() -> Bool {
    state.withLock { state in
      guard !state.isDraining else { return false }
      take(&state)
      return true
    }
  }

  /// Commits the batch on this thread, which may wait, where nobody commits or waits to and nothing
  /// holds writers back: no request, no group and no wake-up.
  ///
  /// - Returns: nil when it must take its place in the queue; it is as it was then.
  func commitAtOnce(
    _ batch: borrowing WriteBatch, durability: Durability?
  ) -> Result<SequenceNumber, EngineError>? {
    // Who would only look does not contend for the lock with those who come to stay.
    guard !isBusy.load(ordering: .relaxed) else { return nil }
    let isMine = state.withLock { state in
      guard !state.isClosed, !state.isDraining, state.waiting.isEmpty else { return false }
      take(&state)
      return true
    }
    guard isMine else { return nil }
    // Gives the right to commit back, or on to whoever has come meanwhile.
    defer { drain(as: .caller) }
    guard throttle.delay(at: shared.now) == 0 else { return nil }
    let outcome = writer.commit(
      batch, isSynced: (durability ?? shared.options.durability) == .sync)
    throttle.committed(batch.byteCount, at: shared.now)
    background.committed(with: writer)
    return outcome
  }

  /// Puts a request whose caller waits behind the others, however many they are, and says whether
  /// it is the caller who drains.
  private func enqueue(_ request: CommitRequest) -> Admission {
    request.enqueuedNanoseconds = shared.now
    let byteCount = request.expectedByteCount
    return state.withLock { state in
      if state.isClosed { return .refused(.closed) }
      state.waiting.append(request)
      state.waitingByteCount += byteCount
      guard !state.isDraining else { return .waits }
      take(&state)
      return .drains
    }
  }

  /// Does it need a thread that may wait for the disk?
  private func mayWait(_ request: CommitRequest) -> Bool {
    request.decide != nil || (request.durability ?? shared.options.durability) == .sync
  }

  /// Runs `chore` with the right to commit, between groups, soon: on this thread if nobody has the
  /// right now.
  func perform(_ chore: @escaping @Sendable (CommitWriter) -> Void) {
    let isMine = state.withLock { state in
      state.chores.append(chore)
      guard !state.isDraining else { return false }
      take(&state)
      return true
    }
    if isMine { drain(as: .caller) }
  }

  // MARK: Draining

  private func schedule(afterNanoseconds delay: UInt64) {
    let work: @Sendable () -> Void = { [weak self] in self?.drainOnLane() }
    if delay == 0 {
      shared.environment.scheduler.submit(to: .commit, work)
    } else {
      shared.environment.scheduler.submit(to: .commit, afterNanoseconds: delay, work)
    }
  }

  private func drainOnLane() {
    let isMine = state.withLock { state in
      state.isScheduled = false
      guard !state.isDraining else { return false }
      take(&state)
      return true
    }
    if isMine { drain(as: .lane) }
  }

  /// Commits what waits, as far as this thread may, and gives the right to commit back.
  private func drain(as drainer: Drainer) {
    var groupCount = 0
    while true {
      let delay = throttle.delay(at: shared.now)
      if delay > 0, holdBack(delay, drainer) { return }
      switch nextTurn(drainer, isLast: groupCount == CommitQueue.groupsPerTurn) {
      case .nothing: return
      case .handOver: return schedule(afterNanoseconds: 0)
      case .chores(let chores): for chore in chores { chore(writer) }
      case .group(let group):
        if throttle.mustStop, let refusal = background.flushRefusal {
          for request in group { request.completion(.failure(refusal)) }
          continue
        }
        groupCount += 1
        writer.commit(group)
        throttle.committed(group.reduce(0) { $0 + $1.batch.byteCount }, at: shared.now)
        background.committed(with: writer)
      }
    }
  }

  /// Lets time pass before the next group.
  ///
  /// - Returns: True when the right to commit was given back and the lane goes on later.
  private func holdBack(_ delay: UInt64, _ drainer: Drainer) -> Bool {
    shared.counters.slowdowns.wrappingAdd(1, ordering: .relaxed)
    shared.counters.slowdownNanoseconds.wrappingAdd(delay, ordering: .relaxed)
    if case .waiter = drainer {
      // Nothing may be left to do the flush that everybody waits for, so it is done here.
      if throttle.mustStop {
        background.flushNow()
      } else {
        shared.environment.scheduler.pause(nanoseconds: delay)
      }
      return false
    }
    if throttle.mustStop, background.flushRefusal != nil { return false }
    let isLeft = state.withLock { state in
      guard state.chores.isEmpty, !state.waiting.isEmpty else { return false }
      leave(&state)
      state.isScheduled = true
      return true
    }
    if isLeft { schedule(afterNanoseconds: delay) }
    return isLeft
  }

  private func nextTurn(_ drainer: Drainer, isLast: Bool) -> Turn {
    state.withLock { state in
      if !state.chores.isEmpty {
        defer { state.chores = [] }
        return .chores(state.chores)
      }
      let isOver =
        switch drainer {
        case .caller: isLast || !mayCommitHere(state)
        case .lane: isLast || state.waiting.isEmpty
        case .waiter(let answered): state.waiting.isEmpty || answered.isOpen
        }
      if isOver {
        leave(&state)
        if state.waiting.isEmpty || state.isScheduled { return .nothing }
        state.isScheduled = true
        return .handOver
      }
      return .group(takeGroup(&state, drainer))
    }
  }

  /// Is the next request one that a thread may commit that must not wait for the disk? Making
  /// another log ready waits.
  private func mayCommitHere(_ state: State) -> Bool {
    guard let next = state.waiting.first, !mayWait(next) else { return false }
    return writer.hasRoom(for: state.waitingByteCount)
  }

  private func takeGroup(_ state: inout State, _ drainer: Drainer) -> [CommitRequest] {
    let byteLimit = min(CommitQueue.groupByteLimit, throttle.groupByteLimit)
    var byteCount = 0
    var count = 0
    for request in state.waiting.prefix(CommitQueue.groupCountLimit) {
      if count > 0, byteCount + request.expectedByteCount > byteLimit { break }
      if case .caller = drainer, mayWait(request) { break }
      byteCount += request.expectedByteCount
      count += 1
    }
    state.waitingByteCount -= byteCount
    if count == state.waiting.count {
      defer { state.waiting = [] }
      return state.waiting
    }
    defer { state.waiting.removeFirst(count) }
    return Array(state.waiting[..<count])
  }

  // MARK: Closing

  /// Refuses what comes from now on, commits what waits, and returns when that is done.
  ///
  /// - Returns: False when it was closed before.
  func close() -> Bool {
    let isFirst = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard isFirst else { return false }
    while true {
      // Behind whoever has the right to commit now.
      let reached = Latch()
      perform { _ in reached.open() }
      reached.wait()
      let isMine = state.withLock { state -> Bool? in
        if state.waiting.isEmpty, !state.isDraining { return nil }
        if state.isDraining { return false }
        take(&state)
        return true
      }
      guard let isMine else { return true }
      if isMine { drain(as: .waiter(Latch())) }
    }
  }
}
