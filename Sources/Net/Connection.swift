// One accepted socket: reads go to its handler, output leaves at the end of the loop's turn.
//
//   open ──closeAfterFlush──> draining ──all sent──> lingering ──peer's end, or a second──> closed
//
// Lingering reads and forgets: closing with unread bytes would make the kernel send a reset, which
// can destroy the answer on its way to the peer.
//
// On a TLS front the bytes pass through a `TLSSession`, and the handler is made when the handshake
// is done. A plain connection pays one branch for it.

package import Bytes
internal import CLinux
internal import Glibc
internal import Synchronization
internal import TLS

/// One accepted socket. Used on its loop only (`@unchecked` for that).
package final class Connection: EventSource, @unchecked Sendable {
  /// Unsent bytes above which a handler should stop producing: a slow reader costs no more.
  static let highWaterByteCount = 1 << 20
  static let lowWaterByteCount = 256 << 10
  /// What an idle connection may keep of its buffers.
  static let idleBufferByteCount = 8 << 10
  /// Requests at a time of who may wait in line in overload.
  private static let inLineRequestCount = 64
  private static let lingerNanoseconds: UInt64 = 1_000_000_000

  /// Edges: what is left unread for a while is not told again and again.
  private static let events =
    EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue

  enum Phase {
    case open, draining, lingering, closed
  }

  package let loop: EventLoop
  /// Requests that are served together or not at all: of answers that leave in order, refusals in
  /// between would wait. Others than the first are not asked for.
  package var requestsDecidedTogether = 1
  /// While reading is paused: it goes on soon, whatever the peer does.
  package var mayHoldOutput = false
  /// Output; append here. Everything appended during one wake-up leaves with one write at its end.
  /// Outside a wake-up (a completion run by `loop.execute`) it is the same: the loop flushes.
  package var output = ByteBuffer()

  private let descriptor: Int32
  let listener: Listener
  /// Nil on a plain front.
  let tls: TLSSession?
  private var handler: (any ConnectionHandler)?
  private var token: UInt64 = 0
  private(set) var phase = Phase.open
  /// Arrived bytes that the handler left over.
  private var input = ByteBuffer()
  /// Bytes at the start of `output` that the socket has taken.
  var sentByteCount = 0
  private var isPaused = false
  /// There is something to be read: epoll says so once.
  private var isReadable = false
  private var hasPeerEnded = false
  /// The loop reads it when it comes to it.
  private var isReadDue = false
  private var hasEnded = false
  private var isUnsettled = false
  private var mustDeliver = false
  private(set) var isBlocked = false
  private var wasFull = false
  private var lingerTimer: LoopTimer?
  /// While the output is full: looks whether the peer takes any of it.
  private var unreadTimer: LoopTimer?
  private var takenByteCount: UInt64 = 0
  private var backlog: InputBacklog
  /// In overload, while something is handed in.
  private var share: TurnShare?
  /// Requests, of those that may be refused, in what was handed in last.
  private var askedCount = 0
  /// It is not read before it can be served.
  private var isInLine = false
  /// Since when there has been something to be read.
  private(set) var readableSince: UInt64 = 0
  /// It was not read for what it had sent before.
  private(set) var isBehindItself = false
  /// Requests that are served, however many turns that takes.
  private var admittedCount = 0
  /// Until the handshake is done.
  var handshakeTimer: LoopTimer?

  /// Takes over an accepted descriptor. On the loop.
  static func open(_ descriptor: Int32, on loop: EventLoop, listener: Listener) {
    let tls = listener.tls?.server.makeSession()
    let connection = Connection(descriptor, on: loop, listener: listener, tls)
    guard !loop.isShuttingDown, (tls == nil) == (listener.tls == nil),
      let token = loop.register(descriptor, connection, events: Connection.events)
    else {
      _ = Glibc.close(descriptor)
      connection.leave()
      return
    }
    connection.token = token
    if tls == nil { connection.admit() } else { connection.limitHandshake() }
  }

  private init(
    _ descriptor: Int32, on loop: EventLoop, listener: Listener, _ tls: TLSSession?
  ) {
    self.descriptor = descriptor
    self.loop = loop
    self.listener = listener
    self.tls = tls
    backlog = InputBacklog(limitNanoseconds: loop.options.shedNanoseconds)
  }

  func admit() {
    handler = listener.makeHandler(self)
    noteOutput()
  }

  // MARK: - For handlers

  /// Unsent bytes, including those the socket did not take yet.
  package var unsentByteCount: Int {
    output.count - sentByteCount + (tls?.unsentByteCount ?? 0)
  }

  /// True while more than the high-water mark is unsent: stop producing until `outputDrained`.
  package var isOutputFull: Bool { unsentByteCount > Connection.highWaterByteCount }

  /// False after the close, when output goes nowhere: for completions that come late.
  package var isOpen: Bool { phase != .closed }

  /// True when the request at hand should rather be refused, cheaply, than served: others wait.
  /// Stays true (`isShedding`) until more is handed in. Ask for each request that may be refused.
  package var mustShed: Bool {
    guard var share else { return false }
    askedCount &+= 1
    if admittedCount > 0 {
      admittedCount -= 1
      return false
    }
    if share.refusingSince != nil { return true }
    let isUsedUp = loop.isUsedUp(&share)
    self.share = share
    if !isUsedUp { admittedCount = requestsDecidedTogether - 1 }
    return isUsedUp
  }

  /// Requests were refused for which nobody has asked `mustShed`.
  package func noteRefused(_ count: Int) { askedCount &+= count }

  /// `mustShed` has said so of what was handed in.
  package var isShedding: Bool { share?.refusingSince != nil }

  /// True while what arrives is for the handler.
  var isReceiving: Bool { phase == .open && !hasEnded }

  /// As an append to the output, for bytes that many peers get: what the socket takes at once is
  /// not copied first.
  package func send(_ bytes: ByteView) {
    guard tls == nil, phase == .open, unsentByteCount == 0, !isBlocked else {
      return output.append(bytes)
    }
    let count = transmit(bytes)
    if count < bytes.count { output.append(bytes.dropFirst(count)) }
  }

  /// Appended outside `received`/`outputDrained`: ask for a flush at the end of this wake-up.
  package func setNeedsFlush() { noteUnsettled() }

  /// Stops reading (back-pressure on the peer); on again by `resumeReading`, which also hands in
  /// what is already buffered.
  package func pauseReading() {
    isPaused = true
  }

  /// Reads again; what is buffered is handed in at the end of this wake-up.
  package func resumeReading() {
    guard isPaused, phase == .open else { return }
    isPaused = false
    readOn()
    guard !input.isEmpty else { return }
    mustDeliver = true
    noteUnsettled()
  }

  /// For a handler that leaves whole requests over so that others have their turn: hands them in
  /// again in the next turn, before anything more is read.
  package func deliverAgain() {
    mustDeliver = true
    noteUnsettled()
  }

  /// Sends what is unsent, then closes. Nothing more is read.
  package func closeAfterFlush() {
    guard phase == .open else { return }
    phase = .draining
    noteUnsettled()
  }

  /// Closes at once. The handler's `closed` comes at the end of this wake-up.
  package func close() {
    guard phase != .closed else { return }
    phase = .closed
    // A peer that got everything hears that this is the end, not a cut.
    if let tls, unsentByteCount == 0, tls.sealEnd() { transmit(tls.unsent) }
    lingerTimer?.cancel()
    unreadTimer?.cancel()
    handshakeTimer?.cancel()
    loop.unregister(descriptor, token)
    _ = Glibc.close(descriptor)
    loop.noteClosed(self)
  }

  /// The peer's address, for logs.
  package var peerDescription: String {
    phase == .closed ? "closed" : ListenAddress.peer(of: descriptor)
  }

  // MARK: - For the loop

  func handle(events: UInt32) {
    if isBlocked, events & EPOLLOUT.rawValue != 0 {
      isBlocked = false
      noteUnsettled()
    }
    let isBroken = events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
    if isBroken || events & EPOLLRDHUP.rawValue != 0 { hasPeerEnded = true }
    guard hasPeerEnded || events & EPOLLIN.rawValue != 0 else { return }
    if !isReadable { readableSince = loop.earliestArrival }
    isReadable = true
    if wantsInput { return arrived() }
    isBehindItself = true
    if isBroken { close() }
  }

  func beginShutDown() {
    guard phase == .open else { return }
    guard let handler else { return close() }
    handler.shuttingDown(on: self)
    noteOutput()
  }

  /// The end of a turn: hands in what a pause held back, sends what there is.
  func settle() {
    isUnsettled = false
    if mustDeliver, !isPaused, phase == .open {
      mustDeliver = false
      beginShare(admittedCount > 0 ? .continued : .next)
      deliverInput()
      endShare()
    }
    if !holdsOutput { flush() }
    readOn()
  }

  /// In overload, answers wait for those to the rest of what was admitted with them.
  private var holdsOutput: Bool {
    mayHoldOutput && isPaused && admittedCount > 0 && loop.isOverloaded && phase == .open
      && unsentByteCount < Connection.lowWaterByteCount
  }

  /// The last word to the handler.
  func finishClose() {
    leave()
    let last = handler
    handler = nil
    last?.closed(self)
    input.clear(keepingAtMost: 0)
    dropOutput()
  }

  /// Gives the connection's place back to the counts.
  private func leave() {
    loop.connectionCount.subtract(1, ordering: .relaxed)
    listener.connectionCount.subtract(1, ordering: .relaxed)
  }

  // MARK: - Input

  /// A paused connection reads for a session that cannot write before it has.
  private var wantsInput: Bool {
    switch phase {
    case .open: !hasEnded && (!isPaused || tls?.awaitsPeer == true)
    case .lingering: true
    case .draining, .closed: false
    }
  }

  /// What it asked for, as far as that may be refused, was little: it may wait in line.
  var asksLittle: Bool { askedCount <= Connection.inLineRequestCount }

  /// In overload the loop says when, but for those who are new or only look after the server.
  private func arrived() {
    if loop.isOverloaded, askedCount > 0, phase == .open { return readOn() }
    guard !isReadDue, !isInLine else { return }
    readNow(.next)
  }

  /// What is there and was not read, for whatever reason, is read in its turn.
  private func readOn() {
    guard isReadable, !isReadDue, !isInLine, wantsInput else { return }
    isReadDue = true
    loop.noteReadable(self)
  }

  func readNow(_ kind: ShareKind) {
    isReadDue = false
    // What was left over comes first; the end of the turn sees to the rest.
    isBehindItself = isBehindItself || mustDeliver
    guard isReadable, wantsInput, !mustDeliver || phase != .open else { return }
    receive(kind)
  }

  func enterLine() { (isReadDue, isInLine) = (false, true) }

  /// It is served, or, without overload, read as ever.
  func leaveLine(isOverloaded: Bool) {
    isInLine = false
    readNow(isOverloaded ? .whole : .next)
  }

  private func beginShare(_ kind: ShareKind) {
    if loop.isOverloaded { share = loop.beginShare(kind) }
  }

  /// Refusals leave at once: they are part of what refusing costs, and somebody waits for them.
  private func endShare() {
    guard let share else { return }
    if share.refusingSince != nil { flush() }
    loop.endShare(share)
    self.share = nil
  }

  private func receive(_ kind: ShareKind) {
    beginShare(kind)
    defer { endShare() }
    // Who was read freely is not refused half-way when overload begins.
    admittedCount = loop.isOverloaded ? 0 : requestsDecidedTogether
    askedCount = 0
    isBehindItself = false
    let buffer = loop.readBuffer
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    if count < 0 {
      let reason = errno
      isReadable = reason == EINTR
      if reason != EAGAIN, reason != EINTR { close() }
      return readOn()
    }
    // A read that was cut short has emptied the socket; what comes then is told of.
    let since = readableSince
    isReadable = count == buffer.count || hasPeerEnded
    if isReadable {
      readableSince = loop.earliestArrival
      noteUnsettled()
    }
    if phase == .lingering {
      if count == 0 { close() }
      return
    }
    loop.noteRead(&backlog, descriptor, count, since: since, isFull: count == buffer.count)
    let arrived = ByteView(UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
    if let tls {
      receive(arrived, through: tls)
    } else if count > 0 {
      accept(arrived)
    } else {
      endInput()
    }
  }

  func accept(_ arrived: ByteView) {
    if isPaused {
      input.append(arrived)
    } else if input.isEmpty {
      let used = deliver(arrived)
      if used < arrived.count, phase == .open { input.append(arrived.dropFirst(used)) }
    } else {
      input.append(arrived)
      deliverInput()
    }
  }

  func endInput() {
    hasEnded = true
    handler?.inputEnded(on: self)
    noteOutput()
  }

  private func deliverInput() {
    let used = deliver(input.view)
    if used < input.count {
      input.removeFirst(used)
    } else {
      input.clear(keepingAtMost: Connection.idleBufferByteCount)
    }
  }

  private func deliver(_ bytes: ByteView) -> Int {
    guard let handler else { return 0 }
    loop.outputStorage.lend(to: &output)
    let used = handler.received(bytes, on: self)
    precondition(used >= 0 && used <= bytes.count, "a handler uses what it was given")
    if output.isEmpty { loop.outputStorage.takeBack(from: &output) }
    noteOutput()
    return used
  }

  // MARK: - Output

  func noteOutput() {
    if unsentByteCount > 0 { noteUnsettled() }
  }

  private func noteUnsettled() {
    guard !isUnsettled, phase != .closed else { return }
    isUnsettled = true
    loop.noteUnsettled(self)
  }

  private func flush() {
    guard phase == .open || phase == .draining else { return }
    if isOutputFull, !wasFull {
      wasFull = true
      limitUnread()
    }
    if unsentByteCount > 0, !isBlocked { send() }
    guard phase != .closed else { return }
    if output.isEmpty { loop.outputStorage.takeBack(from: &output) }
    if wasFull, unsentByteCount <= Connection.lowWaterByteCount {
      wasFull = false
      unreadTimer?.cancel()
      if phase == .open { handler?.outputDrained(on: self) }
      noteOutput()
    }
    guard phase == .draining, unsentByteCount == 0 else { return }
    if let tls, tls.sealEnd() { send() }
    if unsentByteCount == 0 { linger() }
  }

  func send() {
    if let tls { return seal(through: tls) }
    noteTaken(transmit(output.view.dropFirst(sentByteCount)))
  }

  /// One write; returns how much of it the socket took. The rest waits for EPOLLOUT.
  @discardableResult
  func transmit(_ unsent: ByteView) -> Int {
    let count = Glibc.send(
      descriptor, unsent.buffer.baseAddress, unsent.count, Int32(MSG_NOSIGNAL))
    if count < 0 {
      if errno == EINTR {
        noteUnsettled()
      } else if errno == EAGAIN {
        isBlocked = true
      } else {
        close()
      }
      return 0
    }
    isBlocked = count < unsent.count
    takenByteCount &+= UInt64(count)
    return count
  }

  /// Closes unless the peer takes some of the full output in time: what it leaves is held for it.
  private func limitUnread() {
    let before = takenByteCount
    unreadTimer = loop.schedule(afterNanoseconds: loop.options.unreadNanoseconds) { [weak self] in
      guard let self, wasFull else { return }
      if takenByteCount == before { close() } else { limitUnread() }
    }
  }

  private func linger() {
    guard phase == .draining else { return }
    phase = .lingering
    guard !hasEnded, shutdown(descriptor, Int32(SHUT_WR)) == 0 else { return close() }
    input.clear(keepingAtMost: 0)
    readOn()
    lingerTimer = loop.schedule(afterNanoseconds: Connection.lingerNanoseconds) { [weak self] in
      self?.close()
    }
  }
}
