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
  private static let idleBufferByteCount = 8 << 10
  /// Requests at a time of who waits in line in overload: about what is served without a break.
  private static let inLineRequestCount = 64
  private static let lingerNanoseconds: UInt64 = 1_000_000_000
  /// Plain bytes sealed at a time: what a slow reader leaves is held once, not twice.
  private static let sealByteCount = 256 << 10

  private enum Phase {
    case open, draining, lingering, closed
  }

  package let loop: EventLoop
  /// Output; append here. Everything appended during one wake-up leaves with one write at its end.
  /// Outside a wake-up (a completion run by `loop.execute`) it is the same: the loop flushes.
  package var output = ByteBuffer()

  private let descriptor: Int32
  let listener: Listener
  /// Nil on a plain front.
  private let tls: TLSSession?
  private var handler: (any ConnectionHandler)?
  private var token: UInt64 = 0
  private var interest: UInt32 = 0
  private var phase = Phase.open
  /// Arrived bytes that the handler left over.
  private var input = ByteBuffer()
  /// Bytes at the start of `output` that the socket has taken.
  private var sentByteCount = 0
  private var isPaused = false
  private var hasEnded = false
  private var isUnsettled = false
  private var mustDeliver = false
  private var isBlocked = false
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
  /// What it asked is served, however many turns that takes: it has waited in line.
  private var hasWaited = false
  /// Until the handshake is done.
  var handshakeTimer: LoopTimer?

  /// Takes over an accepted descriptor. On the loop.
  static func open(_ descriptor: Int32, on loop: EventLoop, listener: Listener) {
    let tls = listener.tls?.server.makeSession()
    let connection = Connection(descriptor, on: loop, listener: listener, tls)
    guard !loop.isShuttingDown, (tls == nil) == (listener.tls == nil),
      let token = loop.register(descriptor, connection, events: EPOLLIN.rawValue)
    else {
      _ = Glibc.close(descriptor)
      connection.leave()
      return
    }
    connection.token = token
    connection.interest = EPOLLIN.rawValue
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
    let isUsedUp = loop.isUsedUp(&share)
    self.share = share
    return isUsedUp
  }

  /// Requests were refused for which nobody has asked `mustShed`.
  package func noteRefused(_ count: Int) { askedCount &+= count }

  /// `mustShed` has said so of what was handed in.
  package var isShedding: Bool { share?.refusingSince != nil }

  /// True while what arrives is for the handler.
  var isReceiving: Bool { phase == .open && !hasEnded }

  /// Appended outside `received`/`outputDrained`: ask for a flush at the end of this wake-up.
  package func setNeedsFlush() { noteUnsettled() }

  /// Stops reading (back-pressure on the peer); on again by `resumeReading`, which also hands in
  /// what is already buffered.
  package func pauseReading() {
    isPaused = true
    updateInterest()
  }

  /// Reads again; what is buffered is handed in at the end of this wake-up.
  package func resumeReading() {
    guard isPaused, phase == .open else { return }
    isPaused = false
    updateInterest()
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
    updateInterest()
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
    if events & EPOLLOUT.rawValue != 0 {
      isBlocked = false
      noteUnsettled()
    }
    if events & EPOLLIN.rawValue != 0, interest & EPOLLIN.rawValue != 0 {
      // What was left over comes first; level-triggered, the event comes again.
      if !mustDeliver || phase != .open { receiveOrWait() }
    } else if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
      close()
    }
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
      beginShare()
      deliverInput()
      endShare()
    }
    flush()
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

  /// In overload, who asks for a little that could neither be served nor refused now waits in line.
  /// Who only looks after the server, or is new, does not; nor does who asks for more than would be
  /// served then: those refusals would be late, and many together cost little.
  private func receiveOrWait() {
    if loop.isOverloaded, phase == .open {
      if isInLine { return }
      if askedCount > 0, askedCount <= Connection.inLineRequestCount, loop.mustLeave {
        isInLine = true
        return loop.waitInLine(self)
      }
    }
    hasWaited = false
    receive()
  }

  /// Its time in line is over: it is served, or, without overload, asked as ever.
  func leaveLine(isOverloaded: Bool) {
    isInLine = false
    guard isOverloaded, phase == .open, interest & EPOLLIN.rawValue != 0, !mustDeliver else {
      return
    }
    hasWaited = true
    receive()
  }

  private func beginShare() {
    guard loop.isOverloaded else { return }
    share = loop.takeShare(hasWaited: hasWaited)
    askedCount = 0
  }

  /// Refusals leave at once: they are part of what refusing costs, and somebody waits for them.
  private func endShare() {
    guard let share else { return }
    if share.refusingSince != nil { flush() }
    loop.endShare(share)
    self.share = nil
  }

  private func receive() {
    beginShare()
    defer { endShare() }
    let buffer = loop.readBuffer
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    if count < 0 {
      if errno != EAGAIN, errno != EINTR { close() }
      return
    }
    if phase == .lingering {
      if count == 0 { close() }
      return
    }
    loop.noteRead(&backlog, descriptor, count, isFull: count == buffer.count)
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
    updateInterest()
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
    let used = handler.received(bytes, on: self)
    precondition(used >= 0 && used <= bytes.count, "a handler uses what it was given")
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
    updateInterest()
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

  private func send() {
    if let tls { return seal(through: tls) }
    noteTaken(transmit(output.view.dropFirst(sentByteCount)))
  }

  /// One write; returns how much of it the socket took. The rest waits for EPOLLOUT.
  @discardableResult
  private func transmit(_ unsent: ByteView) -> Int {
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

  /// So many bytes of `output` have left.
  private func noteTaken(_ count: Int) {
    sentByteCount += count
    if sentByteCount == output.count {
      output.clear(keepingAtMost: Connection.idleBufferByteCount)
      sentByteCount = 0
    } else if sentByteCount > output.count / 2 {
      // Moving the smaller half costs less than it has cost to send the larger.
      output.removeFirst(sentByteCount)
      sentByteCount = 0
    }
  }

  /// As `send`: seals a piece and sends it, for as long as the socket takes all of it.
  private func seal(through tls: TLSSession) {
    repeat {
      if sentByteCount < output.count, tls.unsentByteCount == 0 {
        let rest = output.view.dropFirst(sentByteCount)
        guard let taken = tls.seal(rest[0..<min(rest.count, Connection.sealByteCount)]),
          taken > 0 || phase == .open
        else { return close() }
        noteTaken(taken)
      }
      // Nothing sealed: the session waits for the peer.
      guard tls.unsentByteCount > 0 else { return }
      tls.noteSent(transmit(tls.unsent))
    } while !isBlocked && unsentByteCount > 0 && phase != .closed
  }

  func dropOutput() {
    output.clear(keepingAtMost: 0)
    sentByteCount = 0
  }

  private func linger() {
    guard phase == .draining else { return }
    phase = .lingering
    guard !hasEnded, shutdown(descriptor, Int32(SHUT_WR)) == 0 else { return close() }
    input.clear(keepingAtMost: 0)
    updateInterest()
    lingerTimer = loop.schedule(afterNanoseconds: Connection.lingerNanoseconds) { [weak self] in
      self?.close()
    }
  }

  private func updateInterest() {
    guard phase != .closed else { return }
    // A paused connection still reads for a session that cannot write before it has.
    let isWanted = !isPaused || tls?.awaitsPeer == true
    let reads = phase == .lingering || (phase == .open && isWanted && !hasEnded)
    let wanted = (reads ? EPOLLIN.rawValue : 0) | (isBlocked ? EPOLLOUT.rawValue : 0)
    guard wanted != interest else { return }
    interest = wanted
    loop.modify(descriptor, token, events: wanted)
  }
}
