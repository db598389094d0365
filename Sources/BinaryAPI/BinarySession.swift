// One connection: performs what ConnectionState says, starts operations, sends their answers.
// Everything here runs on the connection's loop; whatever completes elsewhere comes back by
// `loop.execute`.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Fronts
internal import Net
internal import Runtime
internal import Tablets

/// The handler of one connection. Sendable because every use is on `loop`.
final class BinarySession: ConnectionHandler, @unchecked Sendable {
  let front: BinaryFront
  let loop: EventLoop
  /// Nil once closed.
  private(set) var connection: Connection?
  var state: ConnectionState
  var tables = TableHandles()
  var selections = SelectionCache()
  /// Of reads that run on the loop; used within one call.
  let row = RowBuffer()
  /// Keys of requests that are looked at together; used within one call.
  var aheadKeys: [ByteView] = []
  /// Of all connections of the loop, in this wake-up.
  let writes: LoopWrites
  /// Microseconds: not before what is looked at now was sent. Zero: not asked for yet.
  private var arrivalTime: Int64 = 0
  var scans: [UInt64: ScanStream] = [:]
  var mutateStreams: [UInt64: MutateStream] = [:]

  private var greetingTimer: LoopTimer?
  private var isPaused = false
  private(set) var inputHasEnded = false
  /// Bytes of the front's budget that requests of this turn may use: one lock for many of them.
  private var turnCredit = 0
  /// Waits for one of the front's budgets.
  private var isWaitingForMemory = false
  /// Bytes taken for a long frame that is still arriving.
  private var reservedByteCount = 0
  /// Bytes of it that have arrived, and that had when the stall timer was set.
  private var arrivedByteCount = 0
  private var stallTimer: LoopTimer?

  init(_ front: BinaryFront, _ connection: Connection) {
    self.front = front
    self.connection = connection
    self.loop = connection.loop
    self.writes = front.writes(of: connection.loop)
    self.state = ConnectionState(front.options.limits)
  }

  var writer: AnswerWriter { AnswerWriter(bodyLimit: state.peerBodyByteCount) }

  func start() {
    greetingTimer = loop.schedule(afterNanoseconds: front.options.greetingNanoseconds) {
      // Not weak: that would make every count of the session's references slower. The timer lets
      // go of it when it fires or is cancelled.
      [self] in
      guard state.phase == .greeting else { return }
      state.end()
      connection?.close()
    }
  }

  // MARK: - Input

  func received(_ bytes: ByteView, on connection: Connection) -> Int {
    var used = 0
    var requestCount = 0
    var lookedAhead = 0
    arrivalTime = 0
    defer {
      // What the last read holds on to must not outlive the call.
      row.clear()
      returnCredit()
    }
    while !connection.isOutputFull {
      if connection.isShedding {
        if state.phase == .open {
          let refused = OverloadAnswer.refuse(bytes.dropFirst(used), into: &connection.output)
          used += refused.used
          connection.noteRefused(refused.count)
        }
      } else if used >= lookedAhead {
        lookedAhead = used + lookAhead(bytes.dropFirst(used))
      }
      let step = state.next(bytes.dropFirst(used))
      switch step {
      case .wait(let total):
        if let total, !reserve(total, arrived: bytes.count - used) { pause() }
        return used
      case .pause:
        pause()
        return used
      case .request(let operation, let header, _, let byteCount)
      where operation.isSheddable && connection.mustShed:
        used += byteCount
        OverloadAnswer.append(operation, header.requestID, to: &connection.output)
        continue
      case .request(.get, let header, let body, let byteCount)
      where getNow(header.requestID, body, into: &connection.output):
        used += byteCount
        requestCount += 1
      case .request(let operation, let header, let body, let byteCount):
        guard let cost = admit(operation, byteCount, isLast: used + byteCount == bytes.count) else {
          pause()
          return used
        }
        used += byteCount
        perform(operation, header, body, cost)
        requestCount += 1
      default:
        used += perform(step, on: connection)
      }
      if state.phase == .ended, used == bytes.count { return used }
      if requestCount >= BinarySession.requestsPerTurn, used < bytes.count {
        connection.deliverAgain()
        return used
      }
    }
    pause()
    return used
  }

  /// Steps other than requests; returns the bytes used up.
  private func perform(_ step: ConnectionState.Step, on connection: Connection) -> Int {
    switch step {
    case .welcome(let hello, let byteCount):
      greetingTimer?.cancel()
      greetingTimer = nil
      hello.encode(into: &connection.output)
      return byteCount
    case .refuse(let refusal):
      greetingTimer?.cancel()
      greetingTimer = nil
      ServerHello.refuse(refusal.status, refusal.error, into: &connection.output)
      connection.closeAfterFlush()
      return 0
    case .answer(let refusal, let header, let byteCount):
      releaseReserved()
      writer.refusal(refusal, to: header.operation, header.requestID, into: &connection.output)
      return byteCount
    case .end(let refusal):
      writer.refusal(refusal, to: Operation.connectionError.rawValue, 0, into: &connection.output)
      connection.closeAfterFlush()
      return 0
    case .ignore(let byteCount): return byteCount
    case .wait, .pause, .request: return 0
    }
  }

  private func perform(
    _ operation: Operation, _ header: FrameHeader, _ body: ByteView, _ cost: Int
  ) {
    let id = header.requestID
    switch operation {
    case .get: get(id, body, cost)
    case .batchGet: batchGet(id, body, cost)
    case .scan: scan(id, body, cost)
    case .scanCredit: grant(id, body)
    case .cancel: cancel(id)
    case .mutate: mutate(id, body, cost)
    case .mutateStream: mutateStream(header, body, cost)
    case .checkAndMutate: checkAndMutate(id, body, cost)
    case .readModifyWrite: readModifyWrite(id, body, cost)
    case .ping: ping(id, body, cost)
    case .listTables, .describeTable, .createTable, .alterTable, .dropTable, .statistics:
      schema(operation, id, body, cost)
    case .goAway, .connectionError: finish(cost)
    }
  }

  private func ping(_ id: UInt64, _ body: ByteView, _ cost: Int) {
    answering(.ping, id, cost) { () throws(WireError) in
      let payload = try SchemaMessages.readBytes(body)
      guard payload.count <= ProtocolLimits.pingByteCount else {
        throw .tooLarge("a ping of more than \(ProtocolLimits.pingByteCount) bytes")
      }
      send { writer, output in
        writer.message(.ping, id, into: &output) { SchemaMessages.write(bytes: payload, into: &$0) }
      }
    }
  }

  /// The clock when the input being looked at was there; read once for all of it.
  var arrival: Int64 {
    if arrivalTime == 0 { arrivalTime = front.time.wallMicroseconds }
    return arrivalTime
  }

  // MARK: - What is in flight

  /// Counts a request in: its cost, or nil when the memory for it is not there yet.
  ///
  /// - Parameter isLast: Nothing has arrived behind it.
  private func admit(_ operation: Operation, _ byteCount: Int, isLast: Bool) -> Int? {
    guard !operation.isOfStream else { return 0 }
    if byteCount <= turnCredit {
      turnCredit -= byteCount
    } else if !isLast, front.budget.acquire(byteCount + BinarySession.turnCreditByteCount) {
      turnCredit += BinarySession.turnCreditByteCount
    } else {
      guard acquire(byteCount, from: front.budget) else { return nil }
    }
    releaseReserved()
    state.begin(byteCount: byteCount)
    return byteCount
  }

  private static let turnCreditByteCount = 16 << 10

  private func returnCredit() {
    guard turnCredit > 0 else { return }
    front.budget.release(turnCredit)
    turnCredit = 0
  }

  /// Counts requests out. Every request that was performed ends here exactly once.
  ///
  /// - Parameter cost: Of all of them.
  func finish(_ cost: Int, requestCount: Int = 1) {
    state.finish(requestCount, byteCount: cost)
    front.budget.release(cost)
    resume()
    closeWhenIdle()
  }

  private func acquire(_ byteCount: Int, from budget: InFlightBudget) -> Bool {
    if budget.acquire(byteCount) { return true }
    let isAcquired = budget.acquire(byteCount) { [weak self] in
      guard let self else { return }
      loop.execute {
        self.isWaitingForMemory = false
        self.resume()
      }
    }
    if !isAcquired { isWaitingForMemory = true }
    return isAcquired
  }

  /// Takes the memory for a long frame before it arrives; short ones wait in the input buffer.
  private func reserve(_ total: Int, arrived: Int) -> Bool {
    guard total > BinarySession.shortFrameByteCount else { return true }
    arrivedByteCount = arrived
    guard reservedByteCount == 0 else { return true }
    guard acquire(total, from: front.arrivals) else { return false }
    reservedByteCount = total
    watchForStall()
    return true
  }

  private static let shortFrameByteCount = 256 << 10
  /// Requests dealt with before the loop's other connections have their turn: about half a
  /// millisecond of point reads.
  private static let requestsPerTurn = 256

  private func releaseReserved() {
    guard reservedByteCount > 0 else { return }
    stallTimer?.cancel()
    stallTimer = nil
    front.arrivals.release(reservedByteCount)
    reservedByteCount = 0
  }

  /// Ends the connection unless more of its long frame arrives in time.
  private func watchForStall() {
    let before = arrivedByteCount
    stallTimer = loop.schedule(afterNanoseconds: front.options.stallNanoseconds) { [weak self] in
      guard let self, reservedByteCount > 0 else { return }
      guard arrivedByteCount == before, !isPaused else { return watchForStall() }
      releaseReserved()
      state.end()
      refuse(.connectionError, 0, .stalled)
      connection?.closeAfterFlush()
    }
  }

  private func pause() {
    guard !isPaused else { return }
    isPaused = true
    connection?.pauseReading()
  }

  private func resume() {
    guard isPaused, !isWaitingForMemory, let connection, state.hasRoom, !connection.isOutputFull
    else { return }
    isPaused = false
    connection.resumeReading()
  }

  // MARK: - Output

  /// Appends to the connection's output, if it is still there.
  func send(_ write: (AnswerWriter, inout ByteBuffer) -> Void) {
    guard let connection else { return }
    write(writer, &connection.output)
    connection.setNeedsFlush()
  }

  func refuse(_ operation: Operation, _ id: UInt64, _ refusal: Refusal) {
    send { $0.refusal(refusal, to: operation.rawValue, id, into: &$1) }
  }

  /// Runs a request to its end on the loop; a body that cannot be read is refused.
  func answering(
    _ operation: Operation, _ id: UInt64, _ cost: Int, _ body: () throws(WireError) -> Void
  ) {
    do throws(WireError) { try body() } catch { refuse(operation, id, Refusal(error)) }
    finish(cost)
  }

  // MARK: - Ends

  func inputEnded(on connection: Connection) {
    inputHasEnded = true
    for scan in Array(scans.values) where scan.isWaitingForCredit { pump(scan) }
    closeWhenIdle()
  }

  func outputDrained(on connection: Connection) {
    resume()
    for scan in Array(scans.values) { pump(scan) }
  }

  func closed(_ connection: Connection) {
    self.connection = nil
    state.end()
    greetingTimer?.cancel()
    greetingTimer = nil
    releaseReserved()
    for id in Array(scans.keys) { endScan(id) }
    mutateStreams.removeAll()
  }

  /// Refuses what is new, ends scans, and closes when the rest is answered.
  func shuttingDown(on connection: Connection) {
    guard state.phase == .open || state.phase == .greeting else { return }
    if state.phase == .greeting {
      state.end()
      connection.close()
      return
    }
    state.drain()
    send { writer, output in
      writer.message(.goAway, 0, into: &output) { body in
        ByteView.of("shutting down") { SchemaMessages.write(bytes: $0, into: &body) }
      }
    }
    for scan in Array(scans.values) { stop(scan, .shuttingDown) }
    closeWhenIdle()
  }

  func closeWhenIdle() {
    guard inputHasEnded || state.phase == .draining, let connection else { return }
    guard state.requestsInFlight == 0, scans.isEmpty else { return }
    state.end()
    connection.closeAfterFlush()
  }
}

extension Operation {
  // Comparing enumerations of another module by `==` costs calls; these are tests of a number.

  /// Does it tell of a stream that has been begun? It is no further request then.
  var isOfStream: Bool {
    switch self {
    case .scanCredit, .cancel: true
    default: false
    }
  }

  /// May a client send it?
  var isRequest: Bool {
    switch self {
    case .goAway, .connectionError: false
    default: true
    }
  }

  /// May be refused when there is too much to do. Streams are held back instead, and who watches or
  /// manages the server may always look.
  var isSheddable: Bool {
    switch self {
    case .get, .batchGet, .scan, .mutate, .checkAndMutate, .readModifyWrite: true
    case .ping, .listTables, .describeTable, .createTable, .alterTable, .dropTable, .statistics,
      .scanCredit, .cancel, .mutateStream, .goAway, .connectionError:
      false
    }
  }
}
