// One connection: bytes to requests, answers in the order of the requests.
//
//   received ─▶ decoder ─▶ head: route, limits, order ─▶ body ─▶ end: Routes.answer
//                                                               │ at once: into the output
//                                                               └ later: an Exchange in the queue
//
// Reading stops while the output is full, while the queue is, and while a request must wait for
// others (`Ordering`); the bytes then stay with the socket and its peer feels it.

internal import Bytes
internal import HTTP1
internal import Net
internal import Runtime

/// The handler of one connection; on its loop.
final class HTTPConnection: ConnectionHandler {
  /// Requests dealt with before the loop's other connections have their turn.
  private static let requestsPerTurn = 64

  let context: LoopContext
  /// Nil once closed.
  private(set) var connection: Connection?
  private var decoder: RequestDecoder
  private var request = IncomingRequest()
  private var exchanges: ContiguousArray<Exchange> = []
  private var ordering = Ordering.reads
  private var deadline: ConnectionDeadline
  private var isReadingPaused = false
  /// The stream whose body is arriving.
  private var ingest: IngestStream?
  /// The request that is arriving is refused at its end, whatever it says.
  private var refusing: Route?
  /// The same, by an answer of its own.
  private var isRefusedAtEnd = false
  /// The next head is one that `connection` has admitted and that had to wait.
  private var isNextAdmitted = false
  /// No further request is read; what arrives is dropped.
  private var isEnding = false
  /// Among the connections of its loop; nil before and after.
  var place: Int?

  init(_ connection: Connection, context: LoopContext) {
    self.context = context
    self.connection = connection
    decoder = RequestDecoder(limits: context.front.options.limits)
    deadline = ConnectionDeadline(
      atTick: context.tick, options: context.front.options)
    context.add(self)
    connection.requestsDecidedTogether = HTTPConnection.requestsPerTurn
  }

  private var front: HTTPFront { context.front }

  // MARK: - Bytes in

  func received(_ bytes: ByteView, on connection: Connection) -> Int {
    var offset = 0
    var requestCount = 0
    while !isEnding {
      // The end of a request needs no more bytes: nothing would come to tell of it after a pause.
      guard decoder.isAtEnd || !connection.isOutputFull && ingest?.wantsInput != false else {
        connection.mayHoldOutput = false
        pauseReading()
        break
      }
      if connection.isShedding { offset += passOver(bytes.dropFirst(offset)) }
      let (event, consumed) = decoder.next(bytes.dropFirst(offset))
      if case .head = event {
        let head = bytes[offset..<offset + consumed]
        let match = Router.match(decoder.head.method, decoder.head.path(in: head))
        let admission = isNextAdmitted ? .serves : admit(match.route)
        if admission == .passesOver {
          offset += consumed
          refusing = match.route
          decoder.bodyLimit = match.route.bodyLimit(front.options)
          context.knownHeads.learn(decoder.head, head)
          continue
        }
        guard mayBegin(match.route) else {
          isNextAdmitted = admission == .serves
          decoder.putHeadBack()
          connection.mayHoldOutput = ordering == .rowWrites
          pauseReading()
          break
        }
        offset += consumed
        isNextAdmitted = false
        isRefusedAtEnd = admission == .refusesAtEnd
        begin(match, head)
        continue
      }
      offset += consumed
      switch event {
      case .needMore:
        request.keep(decoder.isInsideBody && refusing == nil)
        deadline.update(decoder, options: front.options, tick: context.tick)
        ingest?.pump()
        return isEnding ? bytes.count : offset
      case .body(let part): take(part)
      case .end:
        if let route = refusing {
          refuseOverloaded(route)
          continue
        }
        if ingest != nil { endIngestBody() } else { dispatch() }
        requestCount += 1
        if requestCount == HTTPConnection.requestsPerTurn, offset < bytes.count, !isEnding {
          connection.deliverAgain()
          return offset
        }
      case .refused(let refusal):
        // What began within the limit and grew.
        let isBody = refusal.status == 413 && decoder.bodyLimit > 0
        refuse(isBody ? .bodyTooLarge(decoder.bodyLimit) : Problem(refusal))
      case .head: break
      }
    }
    ingest?.pump()
    return isEnding ? bytes.count : offset
  }

  /// Whether the request whose head is complete may run beside those under way.
  private func mayBegin(_ route: Route) -> Bool {
    let wanted = route.ordering(decoder.head.method)
    if exchanges.isEmpty {
      ordering = wanted
      return true
    }
    // An interim answer would have to wait for its turn.
    guard !decoder.head.expectsContinue else { return false }
    return wanted == ordering && wanted != .alone
      && exchanges.count < front.options.pipelineDepth
      && exchanges.reduce(0) { $0 + $1.early.count + $1.following.count }
        < front.options.earlyByteCount
  }

  /// Nothing is read before all answers owed are sent; for answers of any length.
  func standAlone(endingAfter isLast: Bool) {
    ordering = .alone
    if isLast { isEnding = true }
  }

  /// Ends without a whole answer: the peer must see that it is not whole.
  func abandon() {
    isEnding = true
    connection?.closeAfterFlush()
  }

  private func begin(_ match: RouteMatch, _ head: ByteView) {
    request.begin(decoder.head, head, match)
    let limit = match.route.bodyLimit(front.options)
    decoder.bodyLimit = limit
    if match.route == .ingest, decoder.head.method == .post { return beginIngest() }
    guard case .length(let count) = decoder.head.framing else {
      if decoder.head.framing == .chunked, decoder.head.expectsContinue { sendContinue() }
      return
    }
    guard count <= limit else {
      refuse(.bodyTooLarge(limit))
      return
    }
    guard reserve(count) else { return }
    if decoder.head.expectsContinue { sendContinue() }
  }

  private func sendContinue() { connection?.output.append("HTTP/1.1 100 Continue\r\n\r\n") }

  private func take(_ part: ByteView) {
    guard refusing == nil else { return }
    if let ingest { return ingest.take(part) }
    if case .chunked = decoder.head.framing, !reserve(part.count) { return }
    request.append(part, framing: decoder.head.framing)
  }

  private func reserve(_ count: Int) -> Bool {
    if front.bodies.reserve(count) {
      request.reservedByteCount += count
      return true
    }
    var problem = Problem(503, "retry_later", "too many request bodies are in flight")
    problem.retryAfterSeconds = 1
    refuse(problem)
    return false
  }

  private func dispatch() {
    let now = front.time.monotonicNanoseconds
    let facts = RequestFacts(
      route: request.match.route, isHead: decoder.head.method == .head,
      isHTTP10: decoder.head.isHTTP10, closes: !decoder.head.keepsAlive || front.isDraining,
      startNanoseconds: now)
    if facts.closes { isEnding = true }
    do throws(Problem) {
      let request = Request(
        head: request.head, bytes: request.headBytes, match: request.match, body: request.body,
        facts: facts)
      if isRefusedAtEnd { throw Problem.overloaded }
      try Routes.answer(request, on: self)
    } catch {
      send(error, facts)
    }
    front.bodies.release(request.reservedByteCount)
    request.end()
  }

  // MARK: - Overload

  private enum Admission { case serves, passesOver, refusesAtEnd }

  /// Whether the request whose head is complete is served, or refused without a further look: its
  /// body is passed over, and its answer is one that is at hand. What would make that answer
  /// another one goes the way of all requests.
  private func admit(_ route: Route) -> Admission {
    guard route.isSheddable, connection?.mustShed == true else { return .serves }
    let head = decoder.head
    let isPlain = head.keepsAlive && !head.isHTTP10 && !head.expectsContinue && head.method != .head
    return isPlain && mayPassOver ? .passesOver : .refusesAtEnd
  }

  private var mayPassOver: Bool {
    !front.isDraining && (exchanges.last?.following.count ?? 0) < front.options.earlyByteCount
  }

  /// Refuses, without decoding them, the requests at the start of `bytes` that are like others.
  ///
  /// - Returns: The bytes of them.
  private func passOver(_ bytes: ByteView) -> Int {
    guard decoder.isBetweenRequests, refusing == nil, mayPassOver else { return 0 }
    var used = 0
    var count = 0
    var last = (route: Route.row, count: 0)
    while let request = context.knownHeads.request(bytes.dropFirst(used)),
      request.route.isSheddable
    {
      used += request.byteCount
      count += 1
      if request.route != last.route {
        context.counters.recordOverloaded(last.route, count: UInt64(last.count))
        last = (request.route, 0)
      }
      last.count += 1
    }
    context.counters.recordOverloaded(last.route, count: UInt64(last.count))
    connection?.noteRefused(count)
    appendOverloaded(count)
    return used
  }

  private func refuseOverloaded(_ route: Route) {
    refusing = nil
    context.counters.recordOverloaded(route, count: 1)
    appendOverloaded(1)
  }

  /// Refusals wait for the answers before them.
  private func appendOverloaded(_ count: Int) {
    var left = count
    while left > 0 {
      let answers = context.overloadedAnswers(min(left, LoopContext.overloadedLimit))
      if let last = exchanges.last {
        last.following.append(answers)
      } else if count > 1 {
        connection?.send(answers)
      } else {
        connection?.output.append(answers)
      }
      left -= min(left, LoopContext.overloadedLimit)
    }
  }

  // MARK: - Ingest streams

  /// A stream's answer is promised before its body comes.
  private func beginIngest() {
    do throws(Problem) {
      let facts = RequestFacts(
        route: .ingest, isHead: false, isHTTP10: decoder.head.isHTTP10,
        closes: !decoder.head.keepsAlive || decoder.head.isHTTP10 || front.isDraining,
        startNanoseconds: front.time.monotonicNanoseconds)
      let head = Request(
        head: request.head, bytes: request.headBytes, match: request.match, body: ByteView(),
        facts: facts)
      let asked = try IngestRequest(head, on: self)
      guard reserve(IngestStream.byteCount) else { return }
      if decoder.head.expectsContinue { sendContinue() }
      ingest = IngestStream(asked, enqueue(facts), context)
    } catch {
      refuse(error)
    }
  }

  private func endIngestBody() {
    ingest?.endBody()
    request.end()
  }

  /// The stream may take more, or does not want any.
  func ingestMoved() {
    if ingest?.wantsInput != false { resumeReading() }
  }

  /// The stream's answer is complete.
  ///
  /// - Parameter readsOn: Its body was read to the end: another request may follow.
  func ingestEnded(readsOn: Bool, closes: Bool) {
    ingest = nil
    if !readsOn || closes { isEnding = true }
  }

  /// Answers a request that was not read to its end, and reads no other.
  private func refuse(_ problem: Problem) {
    front.bodies.release(request.reservedByteCount)
    request.end()
    refusing = nil
    isEnding = true
    let facts = RequestFacts(
      route: .unknown, isHead: false, isHTTP10: false, closes: true,
      startNanoseconds: front.time.monotonicNanoseconds)
    send(problem, facts)
  }

  func inputEnded(on connection: Connection) {
    isEnding = true
    // Whoever asked may be gone altogether: nothing is held for them.
    for exchange in exchanges { exchange.hurried?() }
    if exchanges.isEmpty { connection.closeAfterFlush() }
  }

  // MARK: - Answers out

  /// Answers at once, or keeps the answer for its turn.
  func send(_ reply: Reply, _ body: ByteView, _ facts: RequestFacts) {
    if exchanges.isEmpty, let connection {
      append(reply, body, facts, to: &connection.output)
      connection.setNeedsFlush()
      endIfLast()
    } else {
      enqueue(facts).finish(reply, body)
    }
  }

  func send(_ problem: Problem, _ facts: RequestFacts) {
    context.body.clear()
    problem.write(into: &context.body)
    send(Reply(problem), context.body.view, facts)
  }

  /// Promises an answer.
  func enqueue(_ facts: RequestFacts) -> Exchange {
    let exchange = Exchange(
      facts, on: self, reservedByteCount: request.takeReservation())
    exchanges.append(exchange)
    return exchange
  }

  /// Writes the whole answer of a promised exchange.
  func write(_ reply: Reply, _ body: ByteView, for exchange: Exchange) {
    if isTurn(of: exchange), let connection {
      append(reply, body, exchange.facts, to: &connection.output)
    } else {
      append(reply, body, exchange.facts, to: &exchange.early)
    }
  }

  func isTurn(of exchange: Exchange) -> Bool { exchanges.first === exchange }

  private func append(
    _ reply: Reply, _ body: ByteView, _ facts: RequestFacts, to output: inout ByteBuffer
  ) {
    let hasBody = reply.status != 204 && reply.status != 304
    reply.writeHead(
      into: &output, bodyEnd: hasBody ? .byteCount(body.count) : .absent, facts: facts,
      date: context.dateText())
    if hasBody, !facts.isHead { output.append(body) }
    record(reply.status, facts)
  }

  /// Counts an answer.
  func record(_ status: Int, _ facts: RequestFacts) {
    let now = front.time.monotonicNanoseconds
    context.counters.record(
      facts.route, status: status,
      nanoseconds: now > facts.startNanoseconds ? now &- facts.startNanoseconds : 0 as UInt64)
  }

  /// Sends what has become ready, in order, and reads on where that was waited for.
  func exchangeCompleted() {
    guard let connection else { return }
    var sent = 0
    while sent < exchanges.count, exchanges[sent].isDone {
      connection.output.append(exchanges[sent].early.view)
      connection.output.append(exchanges[sent].following.view)
      sent += 1
    }
    guard sent > 0 else { return }
    exchanges.removeFirst(sent)
    connection.setNeedsFlush()
    deadline.update(decoder, options: front.options, tick: context.tick)
    exchanges.first?.proceed?()
    endIfLast()
    resumeReading()
  }

  private func endIfLast() {
    guard isEnding, exchanges.isEmpty else { return }
    connection?.closeAfterFlush()
  }

  // MARK: - Back-pressure

  private func pauseReading() {
    guard !isReadingPaused else { return }
    isReadingPaused = true
    connection?.pauseReading()
  }

  private func resumeReading() {
    guard isReadingPaused, let connection, !connection.isOutputFull else { return }
    isReadingPaused = false
    connection.resumeReading()
  }

  func outputDrained(on connection: Connection) {
    exchanges.first?.proceed?()
    resumeReading()
  }

  // MARK: - Ends

  func checkDeadlines() {
    guard let connection else { return }
    if let ingest, ingest.isIdle(atTick: context.tick) {
      return ingest.fail(Problem(408, "request_timeout", "no line has come for too long"))
    }
    guard exchanges.isEmpty, deadline.isOver(atTick: context.tick) else { return }
    if !isEnding, decoder.isInsideHead || decoder.isInsideBody {
      refuse(Problem(408, "request_timeout", "the request did not arrive in time"))
    } else {
      connection.close()
    }
  }

  /// No more requests once those begun are answered; held reads are not held any longer.
  func shuttingDown(on connection: Connection) {
    front.noteShutDown()
    for exchange in exchanges { exchange.hurried?() }
    guard exchanges.isEmpty, !decoder.isInsideHead, !decoder.isInsideBody else { return }
    isEnding = true
    connection.closeAfterFlush()
  }

  func closed(_ connection: Connection) {
    self.connection = nil
    isEnding = true
    ingest = nil
    context.remove(self)
    front.bodies.release(request.takeReservation())
    let abandoned = exchanges
    exchanges.removeAll()
    for exchange in abandoned { exchange.cancel() }
  }
}
