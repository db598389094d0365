// The loop of one loading thread: waits for answers, judges them, sends the next requests; one read
// and one write a wake-up, no allocation an operation.
//
// Closed loop: a connection sends its whole depth in one write, waits for all answers, and sends
// again. Open loop: requests go out when they are due, on whichever connection has room; the ones
// that find no room wait their turn, and their waiting counts.

import Bytes
import CLinux
import Glibc
import Runtime

/// How a thread loads.
struct LoaderOptions: Sendable {
  var connections = 1
  var depth = 1
  /// Nil closes the loop.
  var requestsPerSecond: Double?
  var warmUpNanoseconds: UInt64 = 0
  var durationNanoseconds: UInt64 = 0
  /// Asks the sockets so long before it sleeps.
  var spinNanoseconds: UInt64 = 0
  var keepsSeconds = true
  /// In an open loop: latency counts from the moment a request is handed to the network, and what
  /// the loader cannot send in time is given up. Says what the server does with what reaches it;
  /// else latency counts from when a request was due.
  var countsFromSending = false
  /// Requests that are due together, on one connection; more than one only with
  /// `countsFromSending`.
  var batch = 1
  /// Silence after which a run has failed.
  var patienceNanoseconds: UInt64 = 30_000_000_000
}

/// What one thread measured.
struct LoaderResult: Sendable {
  var kindNames: [String] = []
  var latencies: [Latencies] = []
  var seconds: [Latencies] = []
  var counts = OutcomeCounts()
  var nanoseconds: UInt64 = 0
  var processorNanoseconds: UInt64 = 0
  var receivedByteCount: UInt64 = 0
  /// Requests that were due and never sent.
  var unsent: UInt64 = 0
  /// Requests sent while measuring.
  var sent: UInt64 = 0
  /// Sent, and not answered when for two seconds after the end no answer had come.
  var unanswered: UInt64 = 0
  var refusals = Latencies.empty
  var longestEarlyRefusal: UInt64 = 0
  var firstProblem: String?
}

/// Drives the connections of one thread.
final class Loader {
  private let options: LoaderOptions
  private let traffic: Traffic
  private let time = SystemTime()
  private let poll: Int32
  private var connections: [LoadConnection] = []
  private var recorder: Recorder
  private var schedule: OpenLoopSchedule?
  private var cursor = 0
  private var isMeasuring = false
  private var isOver = false
  private var measuringSince: UInt64 = 0
  private var receivedByteCount: UInt64 = 0
  private let scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: (256 << 10) + LoadSocket.slackByteCount, alignment: 64)
  private var sentCount: UInt64 = 0
  private var givenUp: UInt64 = 0

  init(_ options: LoaderOptions, _ traffic: Traffic, _ address: SocketAddress) throws {
    self.options = options
    self.traffic = traffic
    recorder = Recorder(kinds: traffic.labels.count, keepsSeconds: options.keepsSeconds)
    poll = epoll_create1(0)
    for index in 0..<options.connections {
      let connection = try LoadConnection(
        address, traffic.plan.dialect.parser, depth: options.depth, index: index,
        isStream: traffic.isStream, longest: traffic.longest)
      if options.countsFromSending { try connection.limitUnsent() }
      connections.append(connection)
      control(EPOLL_CTL_ADD, index, EPOLLIN.rawValue)
    }
  }

  deinit {
    _ = close(poll)
    scratch.deallocate()
  }

  private func control(_ operation: Int32, _ index: Int, _ events: UInt32) {
    var event = epoll_event()
    event.events = events
    event.data.u64 = UInt64(index)
    _ = epoll_ctl(poll, operation, connections[index].socket.file, &event)
  }

  private static func threadNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }

  // MARK: - The run

  /// Loads until the time is over, or everything is filled.
  func run() throws -> LoaderResult {
    let start = time.monotonicNanoseconds
    let warm = start + options.warmUpNanoseconds
    let end = warm + options.durationNanoseconds
    var processor: UInt64 = 0
    if let rate = options.requestsPerSecond {
      schedule = OpenLoopSchedule(start: start, perSecond: rate / Double(options.batch))
    } else {
      for index in connections.indices { try fire(index, start) }
    }
    var lastAnswer = start
    var now = start
    while true {
      if !isMeasuring, now >= warm {
        isMeasuring = true
        measuringSince = now
        receivedByteCount = 0
        recorder.begin(at: now)
        processor = Loader.threadNanoseconds()
      }
      if schedule != nil { try sendDue(now) }
      let received = try wait(now, end)
      now = time.monotonicNanoseconds
      if received { lastAnswer = now }
      if isMeasuring { recorder.tick(now) }
      if now >= end || (!traffic.hasNext && connections.allSatisfy { $0.inFlight == 0 }) { break }
      if now &- lastAnswer > options.patienceNanoseconds,
        connections.contains(where: { $0.inFlight > 0 })
      {
        throw BenchmarkFailure(
          "No answer for \(options.patienceNanoseconds / 1_000_000_000) seconds.")
      }
    }
    var result = LoaderResult()
    result.nanoseconds = now - measuringSince
    result.processorNanoseconds = Loader.threadNanoseconds() - processor
    result.counts = recorder.counts
    result.receivedByteCount = receivedByteCount
    result.sent = sentCount
    if options.countsFromSending {
      result.unsent = givenUp
      result.unanswered = try answersOwed(after: end)
    } else {
      result.unsent = try drain(end)
    }
    recorder.finish()
    result.refusals = recorder.refusals
    result.longestEarlyRefusal = recorder.longestEarlyRefusal
    result.kindNames = traffic.labels
    result.latencies = recorder.totals
    result.seconds = recorder.seconds
    result.firstProblem = traffic.firstProblem
    return result
  }

  /// In an open loop: waits for what is in flight, and counts what was never sent as having waited
  /// to the end. Else a server that stands still would look as if nobody had asked.
  private func drain(_ end: UInt64) throws -> UInt64 {
    guard schedule != nil else { return 0 }
    // What came due since the last look still finds room, unless the server is behind.
    try sendDue(end)
    isOver = true
    var unsent: UInt64 = 0
    while let due = schedule?.take(at: end) {
      unsent += 1
      if due >= measuringSince { recorder.record(0, end - due) }
    }
    let now = try waitForAnswers(after: end)
    for connection in connections where connection.inFlight > 0 {
      connection.eachInFlight { ticket in
        unsent += 1
        if ticket.due >= measuringSince { recorder.record(ticket.label, now - ticket.due) }
      }
    }
    return unsent
  }

  /// Waits for what is in flight; returns when it stopped waiting.
  private func waitForAnswers(after end: UInt64) throws -> UInt64 {
    let limit = end + 2_000_000_000
    var now = time.monotonicNanoseconds
    while connections.contains(where: { $0.inFlight > 0 }), now < limit {
      _ = try wait(now, limit)
      now = time.monotonicNanoseconds
    }
    return now
  }

  /// Requests that are still without an answer when answers have ceased to come.
  private func answersOwed(after end: UInt64) throws -> UInt64 {
    isOver = true
    let limit = end + options.patienceNanoseconds
    var lastAnswer = end
    var now = time.monotonicNanoseconds
    while connections.contains(where: { $0.inFlight > 0 }), now < limit,
      now &- lastAnswer < Loader.silenceNanoseconds
    {
      if try wait(now, now + Loader.silenceNanoseconds) { lastAnswer = now }
      now = time.monotonicNanoseconds
    }
    return connections.reduce(0) { $0 + UInt64($1.inFlight) }
  }

  private static let silenceNanoseconds: UInt64 = 2_000_000_000

  // MARK: - Waiting

  /// Waits for sockets and serves them, no longer than until a request can be sent; whether
  /// anything came.
  private func wait(_ now: UInt64, _ end: UInt64) throws -> Bool {
    var events = InlineArray<64, epoll_event>(repeating: epoll_event())
    var count: Int32 = 0
    let pace = pace(now, end)
    var moment = now
    repeat {
      let nanoseconds = pace.sleepNanoseconds(at: moment)
      var sleep = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
      var span = events.mutableSpan
      count = span.withUnsafeMutableBufferPointer {
        epoll_pwait2(poll, $0.baseAddress, 64, &sleep, nil)
      }
      if count < 0, errno != EINTR {
        throw BenchmarkFailure("epoll_pwait2: \(SocketAddress.text(errno))")
      }
      if count != 0 { break }
      strata_pause()
      moment = time.monotonicNanoseconds
    } while moment < pace.limit
    guard count > 0 else { return false }
    var received = false
    for position in 0..<Int(count) {
      let index = Int(events[position].data.u64)
      if events[position].events & EPOLLOUT.rawValue != 0 {
        try send(index)
        if traffic.isStream, schedule == nil { try stream(index, now) }
      }
      if events[position].events & ~EPOLLOUT.rawValue != 0 {
        try receive(index)
        received = true
      }
    }
    return received
  }

  /// How to wait from `now` on.
  private func pace(_ now: UInt64, _ end: UInt64) -> Pace {
    // What counts seconds, and what loses patience, looks once a second.
    var pace = Pace(
      limit: min(end, now &+ 1_000_000_000), awakeUntil: now &+ options.spinNanoseconds)
    if let schedule, !isOver, connections.contains(where: takesRequest) {
      pace.limit = min(pace.limit, schedule.nextDue)
      pace.awakeFrom = pace.limit &- min(pace.limit, Pace.wakeUpNanoseconds)
    }
    return pace
  }

  /// Whether the next request that is due can go out on a connection.
  private func takesRequest(_ connection: LoadConnection) -> Bool {
    !connection.isFull && !(options.countsFromSending && connection.waitsForRoom)
  }

  // MARK: - Sending

  /// Sends a connection's whole depth.
  private func fire(_ index: Int, _ now: UInt64) throws {
    if traffic.isStream { return try stream(index, now) }
    let connection = connections[index]
    while !connection.isFull, traffic.hasNext { try begin(connection, due: now) }
    try send(index)
  }

  /// Goes on with a stream: as many frames as the depth allows and the socket takes.
  private func stream(_ index: Int, _ now: UInt64) throws {
    let connection = connections[index]
    while !connection.waitsForRoom, !connection.isFull {
      for _ in 0..<8 where !connection.isFull { try begin(connection, due: now) }
      try send(index)
    }
  }

  @inline(__always)
  private func begin(_ connection: LoadConnection, due: UInt64) throws {
    let ticket = connection.open()
    connection.tickets[ticket].due = due
    let start = connection.output.count
    traffic.begin(
      &connection.tickets[ticket], id: connection.number(of: ticket), into: &connection.output)
    try connection.noteRequest(from: start)
  }

  /// Sends what is due on connections with room, in turn.
  private func sendDue(_ now: UInt64) throws {
    if options.countsFromSending { return try sendBatches(now) }
    var full = 0
    var touched = false
    while full < connections.count, let due = schedule?.nextDue, due <= now {
      let connection = connections[cursor]
      if connection.isFull {
        full += 1
      } else {
        full = 0
        _ = schedule?.take(at: now)
        try begin(connection, due: due)
        touched = true
      }
      cursor = cursor + 1 == connections.count ? 0 : cursor + 1
    }
    guard touched else { return }
    for index in connections.indices where connections[index].hasUnsent { try send(index) }
  }

  /// Sends what is due on connections that take it, a batch each, counting from now; gives up what
  /// is late.
  private func sendBatches(_ now: UInt64) throws {
    let late = schedule?.skip(before: now - min(now, Loader.lateNanoseconds)) ?? 0
    if isMeasuring { givenUp &+= late &* UInt64(options.batch) }
    var full = 0
    // A round, then answers are looked at again.
    var left = Loader.batchesPerRound
    while full < connections.count, left > 0, schedule?.nextDue ?? .max <= now {
      let connection = connections[cursor]
      if !connection.hasRoom(for: options.batch) || connection.waitsForRoom {
        full += 1
      } else {
        full = 0
        left -= 1
        _ = schedule?.take(at: now)
        try sendBatch(cursor, time.monotonicNanoseconds)
      }
      cursor = cursor + 1 == connections.count ? 0 : cursor + 1
    }
  }

  private func sendBatch(_ index: Int, _ now: UInt64) throws {
    let connection = connections[index]
    for _ in 0..<options.batch { try begin(connection, due: now) }
    if isMeasuring { sentCount &+= UInt64(options.batch) }
    try send(index)
  }

  private static let lateNanoseconds: UInt64 = 20_000_000
  private static let batchesPerRound = 64

  private func send(_ index: Int) throws {
    let connection = connections[index]
    let isSent = try connection.flush()
    if isSent == connection.waitsForRoom {
      connection.waitsForRoom = !isSent
      control(
        EPOLL_CTL_MOD, index, EPOLLIN.rawValue | (isSent ? 0 : EPOLLOUT.rawValue))
    }
  }

  // MARK: - Receiving

  private func receive(_ index: Int) throws {
    let connection = connections[index]
    guard let count = try connection.socket.receive(into: scratch) else {
      throw BenchmarkFailure(
        "The server closed a connection. \(traffic.firstProblem ?? "")")
    }
    guard count > 0 else { return }
    receivedByteCount &+= UInt64(count)
    let now = time.monotonicNanoseconds
    let fresh = ByteView(UnsafeRawBufferPointer(scratch)).prefix(count)
    if connection.rest.isEmpty {
      let used = try serve(connection, fresh, now)
      if used < count { connection.rest.append(fresh.dropFirst(used)) }
    } else {
      connection.rest.append(fresh)
      let used = try serve(connection, connection.rest.view, now)
      connection.rest.removeFirst(used)
    }
    connection.takeReplies()
    if schedule != nil || isOver {
      if connection.hasUnsent { try send(index) }
    } else if traffic.isStream || connection.inFlight == 0 {
      try fire(index, now)
    } else if connection.hasUnsent {
      try send(index)
    }
  }

  /// Judges all whole answers in `bytes`; how many bytes they were.
  @inline(__always)
  private func serve(
    _ connection: LoadConnection, _ bytes: ByteView, _ now: UInt64
  ) throws -> Int {
    var used = 0
    while used < bytes.count {
      let left = bytes.dropFirst(used)
      guard let answer = try connection.parser.next(left) else { break }
      used &+= answer.byteCount
      if answer.isHousekeeping { continue }
      guard let ticket = connection.ticket(of: answer.id) else {
        throw BenchmarkFailure("An answer to no request.")
      }
      if answer.outcome == .failed, let calls = connection.parser.calls {
        traffic.note("refused: \(calls.refusal)")
      }
      let verdict = traffic.take(&connection.tickets[ticket], answer, left)
      switch verdict {
      case .more: break
      case .again:
        let next = connection.requeue(ticket)
        let start = connection.output.count
        traffic.resume(
          &connection.tickets[next], id: connection.number(of: next), into: &connection.output)
        try connection.noteRequest(from: start)
      case .done where traffic.isStream:
        try acknowledge(connection, left[answer.body], now)
      default: end(connection, ticket, verdict, now)
      }
    }
    return used
  }

  @inline(__always)
  private func end(_ connection: LoadConnection, _ ticket: Int, _ verdict: Verdict, _ now: UInt64) {
    let due = connection.tickets[ticket].due
    if isMeasuring, schedule == nil || due >= measuringSince {
      if case .done = verdict {
        recorder.record(connection.tickets[ticket].label, now &- min(due, now))
      } else if case .retryLater = verdict {
        recorder.record(refusalAfter: now &- min(due, now), isMeasured: true)
      } else {
        recorder.record(verdict)
      }
    } else if case .retryLater = verdict {
      recorder.record(refusalAfter: now &- min(due, now), isMeasured: false)
    }
    connection.finish(ticket)
  }

  /// An acknowledgement of a stream covers many frames.
  private func acknowledge(
    _ connection: LoadConnection, _ body: ByteView, _ now: UInt64
  ) throws {
    let progress = try traffic.progress(body)
    let count = progress.frameCount &- connection.acknowledged
    guard count <= UInt64(connection.inFlight) else {
      throw BenchmarkFailure("The server acknowledged what was not sent.")
    }
    connection.acknowledged = progress.frameCount
    var rejected = progress.refusedCount
    for _ in 0..<count {
      guard let ticket = connection.ticket(of: 1) else { break }
      end(connection, ticket, rejected > 0 ? .failed : .done, now)
      rejected -= 1
    }
  }
}
