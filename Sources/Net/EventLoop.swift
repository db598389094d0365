// One epoll thread. Each turn: wait for events, tell the sockets, run what other threads and timers
// ask for, then settle: every connection that got output sends it with one write.
//
// Waking a sleeping core costs more than answering a request (tens of µs), so a loop whose last
// waits were short looks again for a while (`spinNanoseconds` of its options) before it sleeps; one
// whose looking found nothing for a few turns goes to sleep at once, so an idle or slow one costs
// nothing.

internal import CLinux
internal import Glibc
internal import Runtime
internal import Synchronization
internal import TLS

/// One epoll thread and the connections it accepted.
///
/// `@unchecked`: mailbox and atomics are for all threads; everything else belongs to the loop's.
package final class EventLoop: @unchecked Sendable {
  typealias Work = @Sendable () -> Void

  static let readBufferByteCount = 128 << 10
  /// A turn that leaves nobody out knows whom it must divide itself among.
  private static let eventCapacity = 1_024
  /// A sleep this short means that spinning would have caught the event.
  private static let shortSleepNanoseconds: UInt64 = 200_000
  private static let spinCredit = 4
  private static let mailboxToken = UInt64.max

  let options: EventLoopOptions

  // For all threads.
  private let mailbox = Mutex<[Work]>([])
  private let hasMail = Atomic<Bool>(false)
  private let isAsleep = Atomic<Bool>(false)
  private let mustStop = Atomic<Bool>(false)
  private let threadIdentity = Atomic<UInt>(0)
  /// Connections of the loop, those on their way to it included.
  let connectionCount = Atomic<Int>(0)

  // The loop's own.
  /// Where every read lands; valid until the next read.
  let readBuffer: UnsafeMutableRawBufferPointer
  /// Where sessions put what they decrypt from it; untouched, so without cost, on plain fronts.
  let plainBuffer: UnsafeMutableRawBufferPointer
  private let epoll: Int32
  private let wakeUp: Int32
  private let events: UnsafeMutablePointer<epoll_event>
  private var sources = SourceTable()
  private var timers = TimerHeap()
  private var unsettled: [Connection] = []
  var outputStorage = OutputStorage()
  private var settling: [Connection] = []
  private var justClosed: [Connection] = []
  private var mail: [Work] = []
  private var turnEndWork: [() -> Void] = []
  private var spinsLeft = 0
  /// Has a core to itself: looking again takes nothing from the threads whose work it waits for.
  private let isAlone = strata_usable_cores() > 1
  private(set) var isShuttingDown = false
  private let time = SystemTime()
  /// When the loop last came back from waiting, and the time before that.
  private var turnStart: UInt64 = 0
  private var previousTurnStart: UInt64 = 0
  private var hasWaited = false
  private var queue: StandingQueue
  private var overload: Overload
  /// Connections that are to be read, the ones that have waited longest first.
  private var readable: [Connection] = []
  private var reading: [Connection] = []
  private var line = WaitingLine()

  init(_ options: EventLoopOptions) throws(NetError) {
    self.options = options
    queue = StandingQueue(limitNanoseconds: options.shedNanoseconds)
    overload = Overload(limitNanoseconds: options.shedNanoseconds)
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else {
      throw .system(call: "epoll_create1", errno: errno, detail: "cannot start an event loop")
    }
    wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard wakeUp >= 0 else {
      let reason = errno
      _ = Glibc.close(epoll)
      throw .system(call: "eventfd", errno: reason, detail: "cannot start an event loop")
    }
    events = .allocate(capacity: EventLoop.eventCapacity)
    readBuffer = .allocate(byteCount: EventLoop.readBufferByteCount, alignment: 64)
    plainBuffer = .allocate(
      byteCount: EventLoop.readBufferByteCount + TLSSession.slackByteCount, alignment: 64)
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = EventLoop.mailboxToken
    epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event)
  }

  deinit {
    _ = Glibc.close(wakeUp)
    _ = Glibc.close(epoll)
    events.deallocate()
    readBuffer.deallocate()
    plainBuffer.deallocate()
  }

  // MARK: - From any thread

  /// Runs `work` on the loop's thread, soon, from any thread. Many calls cost one wake-up. Work
  /// that comes after the group's shut-down is dropped.
  package func execute(_ work: @escaping @Sendable () -> Void) {
    mailbox.withLock { $0.append(work) }
    hasMail.store(true, ordering: .sequentiallyConsistent)
    // Of all who find the loop asleep one rings.
    guard isAsleep.load(ordering: .sequentiallyConsistent),
      isAsleep.exchange(false, ordering: .sequentiallyConsistent)
    else { return }
    var one: UInt64 = 1
    _ = write(wakeUp, &one, 8)
  }

  /// Whether the caller runs on the loop's thread.
  package var isCurrent: Bool {
    threadIdentity.load(ordering: .relaxed) == UInt(pthread_self())
  }

  /// Ends the loop after the turn it is in.
  func stop() {
    mustStop.store(true, ordering: .sequentiallyConsistent)
    execute {}
  }

  // MARK: - On the loop

  /// Runs `work` on the loop after the delay; call on the loop.
  package func schedule(
    afterNanoseconds delay: UInt64, _ work: @escaping @Sendable () -> Void
  ) -> LoopTimer {
    let (due, overflow) = time.monotonicNanoseconds.addingReportingOverflow(delay)
    let timer = LoopTimer(due: overflow ? .max : due, loop: self, work: work)
    timers.insert(timer)
    return timer
  }

  // MARK: - Overload

  /// There is more to do than can be done: what finds no room in its turn is refused.
  var isOverloaded: Bool { overload.isActive }

  /// Notes a read, when anybody wants to know how long requests wait: what is dealt with now has
  /// waited since the loop last looked, at most.
  func noteRead(
    _ backlog: inout InputBacklog, _ descriptor: Int32, _ count: Int, since: UInt64, isFull: Bool
  ) {
    guard options.shedNanoseconds > 0 else { return }
    // The turn's clock is good enough, and free.
    let now = turnStart
    let stands = backlog.stands(
      descriptor, read: count, age: now &- min(since, now), isFull: isFull, now: now)
    if queue.mustShed(waited: now &- previousTurnStart, now: now) || stands {
      overload.begin(at: now)
    }
  }

  /// Something has come since then, at the earliest, that this turn is told of.
  var earliestArrival: UInt64 { previousTurnStart }

  /// The part of this turn that a connection has whose input is handed in now.
  func beginShare(_ kind: ShareKind) -> TurnShare {
    let now = time.monotonicNanoseconds
    switch kind {
    case .decided(let nanoseconds): return TurnShare(start: now, nanoseconds: nanoseconds)
    case .next: return TurnShare(start: now, nanoseconds: overload.takeShare())
    case .whole: return TurnShare(start: now, nanoseconds: overload.wholeShare)
    case .continued: return TurnShare(start: now, nanoseconds: 0, hasServed: true)
    }
  }

  func isUsedUp(_ share: inout TurnShare) -> Bool {
    share.isUsedUp(at: time.monotonicNanoseconds)
  }

  func endShare(_ share: TurnShare) { overload.endShare(share, at: time.monotonicNanoseconds) }

  /// Runs `work` when all sockets that have something this turn have been read, before what is to
  /// be sent is sent: for work that many requests can share. On the loop.
  package func afterDispatch(_ work: @escaping () -> Void) { turnEndWork.append(work) }

  func timerCancelled() { timers.noteCancelled() }

  /// Watches a descriptor; returns the token, or nil when the system refuses.
  func register(_ descriptor: Int32, _ source: any EventSource, events: UInt32) -> UInt64? {
    let token = sources.insert(source)
    guard control(EPOLL_CTL_ADD, descriptor, token, events) else {
      sources.remove(token)
      return nil
    }
    return token
  }

  func modify(_ descriptor: Int32, _ token: UInt64, events: UInt32) {
    let changed = control(EPOLL_CTL_MOD, descriptor, token, events)
    precondition(changed, "a registered descriptor takes new events")
  }

  func unregister(_ descriptor: Int32, _ token: UInt64) {
    _ = control(EPOLL_CTL_DEL, descriptor, token, 0)
    sources.remove(token)
  }

  /// The connection has something to be read.
  func noteReadable(_ connection: Connection) { readable.append(connection) }

  /// The connection wants `settle` at the end of this turn, or of the next if this one ends.
  func noteUnsettled(_ connection: Connection) { unsettled.append(connection) }

  /// The connection's handler is told at the end of this turn.
  func noteClosed(_ connection: Connection) { justClosed.append(connection) }

  func beginShutDown() {
    isShuttingDown = true
    for source in sources.all { source.beginShutDown() }
  }

  func closeAll() {
    isShuttingDown = true
    line = WaitingLine()
    readable.removeAll()
    for source in sources.all { source.close() }
  }

  /// The thread's life.
  func run() {
    threadIdentity.store(UInt(pthread_self()), ordering: .relaxed)
    while true {
      let stopping = mustStop.load(ordering: .sequentiallyConsistent)
      if stopping { closeAll() }
      let ready = stopping ? 0 : waitForEvents()
      if options.shedNanoseconds > 0 { noteWaitEnd(ready) }
      dispatch(ready)
      endDispatch()
      takeMail()
      let now = time.monotonicNanoseconds
      while let work = timers.popDue(at: now) { work() }
      settle()
      if stopping { break }
    }
  }

  private func dispatch(_ count: Int) {
    serveLine()
    for index in 0..<count { handle(events[index]) }
    readInTurn()
    serveLine()
  }

  /// Reads who waits to be read; in overload as many as have their turn, from the first on.
  private func readInTurn() {
    guard !readable.isEmpty else { return }
    swap(&readable, &reading)
    var count = 0
    while count < reading.count {
      let connection = reading[count]
      if overload.isActive {
        let age = turnStart &- min(connection.readableSince, turnStart)
        switch overload.decide(
          age: age, mayQueue: connection.asksLittle, isBehindItself: connection.isBehindItself)
        {
        case .reads(let nanoseconds): connection.readNow(.decided(nanoseconds))
        case .queues:
          connection.enterLine()
          line.append(connection)
        case .leaves: return leaveUnread(from: count)
        }
      } else {
        connection.readNow(.next)
      }
      count += 1
    }
    reading.removeAll(keepingCapacity: true)
  }

  /// They come before who has just asked to be read on.
  private func leaveUnread(from count: Int) {
    reading.removeFirst(count)
    reading.append(contentsOf: readable)
    readable.removeAll(keepingCapacity: true)
    swap(&readable, &reading)
  }

  private func handle(_ event: epoll_event) {
    let token = event.data.u64
    if token == EventLoop.mailboxToken {
      var rings: UInt64 = 0
      _ = read(wakeUp, &rings, 8)
    } else {
      sources[token]?.handle(events: event.events)
    }
  }

  /// Serves who waits in line, for as long as there is time, and one if there is none; when
  /// overload is over, they are as all others.
  private func serveLine() {
    guard line.count > 0 else { return }
    repeat {
      guard let next = line.takeFirst() else { return }
      next.leaveLine(isOverloaded: overload.isActive)
    } while !overload.isActive || overload.canServe
  }

  /// Of a wait that found nothing at first, the events have just come.
  private func noteWaitEnd(_ ready: Int) {
    let now = time.monotonicNanoseconds
    previousTurnStart = hasWaited ? now : turnStart
    turnStart = now
    guard overload.isActive else { return }
    overload.beginTurn(at: now, readyCount: readable.count + ready, inLine: line.count)
  }

  private func endDispatch() {
    var index = 0
    while index < turnEndWork.count {
      turnEndWork[index]()
      index += 1
    }
    turnEndWork.removeAll(keepingCapacity: true)
  }

  private func takeMail() {
    guard hasMail.exchange(false, ordering: .sequentiallyConsistent) else { return }
    mailbox.withLock { swap(&$0, &mail) }
    for work in mail { work() }
    mail.removeAll(keepingCapacity: mail.count <= 1_024)
  }

  private func settle() {
    // What asks again while it settles waits for the next turn: nobody keeps the loop to himself.
    swap(&unsettled, &settling)
    for connection in settling { connection.settle() }
    settling.removeAll(keepingCapacity: true)
    while let connection = justClosed.popLast() { connection.finishClose() }
  }

  // MARK: - Waiting

  /// Waits until there is something to do; returns how many of `events` are filled.
  private func waitForEvents() -> Int {
    let ready = wait(milliseconds: 0)
    hasWaited = false
    if ready > 0 || hasMore || hasMail.load(ordering: .acquiring) { return ready }
    hasWaited = true
    let start = time.monotonicNanoseconds
    if spinsLeft > 0, options.spinNanoseconds > 0 {
      let end = min(start + options.spinNanoseconds, timers.nextDue ?? .max)
      while time.monotonicNanoseconds < end {
        let ready = wait(milliseconds: 0)
        if ready > 0 || hasMail.load(ordering: .acquiring) {
          spinsLeft = EventLoop.spinCredit
          return ready
        }
        if isAlone { for _ in 0..<8 { strata_pause() } } else { sched_yield() }
      }
      spinsLeft -= 1
    }
    return sleep()
  }

  /// What the last turn has left for this one.
  private var hasMore: Bool {
    !unsettled.isEmpty || !turnEndWork.isEmpty || !readable.isEmpty || line.count > 0
  }

  private func sleep() -> Int {
    isAsleep.store(true, ordering: .sequentiallyConsistent)
    defer { isAsleep.store(false, ordering: .sequentiallyConsistent) }
    // Who put mail in before seeing us asleep did not ring.
    if hasMail.load(ordering: .sequentiallyConsistent) { return 0 }
    let start = time.monotonicNanoseconds
    var milliseconds: Int32 = -1
    if let due = timers.nextDue {
      if due <= start { return 0 }
      milliseconds = Int32(clamping: (due - start + 999_999) / 1_000_000)
    }
    let ready = wait(milliseconds: milliseconds)
    if ready > 0, time.monotonicNanoseconds - start < EventLoop.shortSleepNanoseconds {
      spinsLeft = EventLoop.spinCredit
    }
    return ready
  }

  private func wait(milliseconds: Int32) -> Int {
    // -1 is an interruption by a signal: nothing happened.
    max(0, Int(epoll_wait(epoll, events, Int32(EventLoop.eventCapacity), milliseconds)))
  }

  private func control(
    _ operation: Int32, _ descriptor: Int32, _ token: UInt64, _ mask: UInt32
  ) -> Bool {
    var event = epoll_event()
    event.events = mask
    event.data.u64 = token
    return epoll_ctl(epoll, operation, descriptor, &event) == 0
  }
}
