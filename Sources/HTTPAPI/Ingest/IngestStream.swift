// An ingest stream: a body of any length, line by line, while its answer is on its way.
//
//   body ─▶ lines ─▶ batch ─▶ in flight (dead letters, commit) ─▶ report ─▶ answer
//
// A batch leaves when it is full, or when none is in flight: so one line is durable as soon as the
// disk allows, and a fast sender gets large commits. Reading stops while enough waits here; memory
// is a few batches and the longest line. Whatever goes wrong ends the stream with its last line;
// what was told as committed stays so.

internal import Bytes
internal import DataModel
internal import HTTP1
internal import Net
internal import RowText
internal import Runtime
internal import Tablets

/// A stream under way; on its loop only, which other threads merely carry it back to.
final class IngestStream: @unchecked Sendable {
  /// Bytes that a stream takes of the budget for bodies: batches in flight and what waits.
  static let byteCount = 2 << 20
  private static let batchCount = 8
  private static let waitingByteCount = 256 << 10
  /// Unsent bytes of answer above which nobody seems to read: progress is then told at the end.
  private static let unreadByteCount = 64 << 10

  private let asked: IngestRequest
  private let exchange: Exchange
  private let context: LoopContext
  private var lines: LineBuffer
  private var reader: RowJSONReader
  private var batch: IngestBatch
  private var inFlight: [IngestBatch] = []
  /// Batches without their outcome, those behind a failed one included.
  private var pendingCount = 0
  private var report = IngestReport()
  private var failure: Problem?
  private var bodyHasEnded = false
  private var isOver = false
  private var hasHead = false
  private var isPumpScheduled = false
  private var progressTimer: LoopTimer?
  /// Bytes of the budget beyond `byteCount`, for a long line.
  private var extraByteCount = 0
  private var lastTick: UInt64

  init(_ asked: IngestRequest, _ exchange: Exchange, _ context: LoopContext) {
    self.asked = asked
    self.exchange = exchange
    self.context = context
    // Below the budget, so that a line without end is told apart from many streams at a time.
    lines = LineBuffer(
      lineByteLimit: min(
        context.front.options.bodyByteCount,
        max(context.front.options.bodiesByteCount - 2 * Self.byteCount, Self.byteCount)))
    reader = RowJSONReader(context.textSchema(of: asked.table))
    batch = IngestBatch(firstLine: 1, keepsText: asked.deadLetters != nil)
    lastTick = context.tick
    exchange.cancelled = { [self] in end() }
    exchange.hurried = { [self] in hurry() }
  }

  // MARK: - Body in

  /// More may be handed in now.
  var wantsInput: Bool {
    failure != nil || isOver || lines.waitingByteCount <= Self.waitingByteCount
      || lines.isInsideLine
  }

  /// Some of the body; `pump` follows.
  func take(_ part: ByteView) {
    guard failure == nil, !isOver else { return }
    lastTick = context.tick
    let extra = max(0, lines.waitingByteCount + part.count - Self.waitingByteCount)
    if extra > extraByteCount {
      guard context.front.bodies.reserve(extra - extraByteCount) else {
        var problem = Problem(503, "retry_later", "too many request bodies are in flight")
        problem.retryAfterSeconds = 1
        return fail(problem)
      }
      extraByteCount = extra
    }
    lines.append(part)
  }

  /// The body is whole.
  func endBody() {
    bodyHasEnded = true
    lines.finish()
  }

  /// Nothing has come for too long.
  func isIdle(atTick tick: UInt64) -> Bool {
    pendingCount == 0 && !bodyHasEnded && tick > lastTick + context.front.options.ingestIdleTicks
  }

  /// Reads lines for as long as a loop may be held, and sends what can be sent.
  func pump() {
    guard !isPumpScheduled, failure == nil, !isOver else { return }
    let front = context.front
    let until = front.time.monotonicNanoseconds &+ front.options.sliceNanoseconds
    var count = 0
    while inFlight.count < limit {
      guard readLine() else {
        if !batch.isEmpty, inFlight.isEmpty || bodyHasEnded { submit() }
        break
      }
      if batch.isFull { submit() }
      count += 1
      if count % 32 == 0, front.time.monotonicNanoseconds > until { return pumpLater() }
    }
    if extraByteCount > 0, lines.waitingByteCount <= Self.waitingByteCount { giveExtraBack() }
    if bodyHasEnded, pendingCount == 0, lines.waitingByteCount == 0, failure == nil {
      answer(.success(()))
    } else {
      exchange.connection?.ingestMoved()
    }
  }

  /// Refused lines of a batch must be in the dead-letter table before a later batch moves the
  /// position past them.
  private var limit: Int { asked.deadLetters == nil ? Self.batchCount : 1 }

  private func pumpLater() {
    isPumpScheduled = true
    context.loop.execute { [self] in
      isPumpScheduled = false
      pump()
    }
  }

  /// False when no whole line is there.
  private func readLine() -> Bool {
    do throws(RowTextError) {
      guard let line = try lines.next() else { return false }
      batch.add(line, &reader)
    } catch {
      batch.refuse(error, line: error.line ?? batch.endLine)
    }
    return true
  }

  // MARK: - Commits

  private func submit() {
    let sent = batch
    batch = IngestBatch(firstLine: sent.endLine, keepsText: asked.deadLetters != nil)
    inFlight.append(sent)
    pendingCount += 1
    record(sent.refused) { [self] in
      let rows = sent.takeRows()
      if let producer = asked.producer {
        commit(sent, HeldMutations(rows), of: producer, isRecorded: asked.deadLetters == nil)
      } else if rows.isEmpty {
        settle(sent)
      } else {
        asked.table.mutate(rows) { [self] result in
          onLoop(result) { [self] receipt in refused(receipt.rejected, sent) }
        }
      }
    }
  }

  /// A list of nobody's rows has been committed.
  private func refused(_ rejected: [(row: Int, error: TableServiceError)], _ sent: IngestBatch) {
    sent.appliedRowCount = sent.rowCount - rejected.count
    let known = sent.refused.count
    sent.refuse(rejected)
    record(Array(sent.refused[known...])) { [self] in settle(sent) }
  }

  /// - Parameter isRecorded: Rows that the table refuses need not be written elsewhere first.
  private func commit(
    _ sent: IngestBatch, _ rows: HeldMutations, of producer: [UInt8], isRecorded: Bool
  ) {
    var source = sent.source(
      producer, sequence: asked.sequence, isFirst: sent.firstLine == 1)
    source.withholdsRefused = !isRecorded
    asked.table.ingest(rows, from: source) { [self] result in
      onLoop(result) { [self] receipt in
        let known = sent.refused.count
        if receipt.isWithheld || isRecorded && asked.deadLetters == nil {
          sent.refuse(receipt.rejected)
        }
        if receipt.isWithheld {
          record(Array(sent.refused[known...])) { [self] in
            commit(sent, rows, of: producer, isRecorded: true)
          }
          return
        }
        sent.appliedRowCount = receipt.appliedRowCount
        sent.repeatedRowCount = receipt.repeatedRowCount
        sent.next = receipt.next
        settle(sent)
      }
    }
  }

  /// Brings refused lines to the dead-letter table, if there is one, then goes on.
  private func record(_ lines: [RefusedLine], _ then: @escaping @Sendable () -> Void) {
    guard let deadLetters = asked.deadLetters, !lines.isEmpty else { return then() }
    deadLetters.write(lines) { [self] result in onLoop(result) { then() } }
  }

  /// Goes on with a success on the loop; a failure ends the stream.
  private func onLoop<Value: Sendable>(
    _ result: Result<Value, TableServiceError>, _ then: @escaping @Sendable (Value) -> Void
  ) {
    context.loop.execute { [self] in
      switch result {
      case .success(let value): then(value)
      case .failure(let error):
        pendingCount -= 1
        fail(Problem(error))
      }
    }
  }

  private func settle(_ sent: IngestBatch) {
    sent.isDone = true
    pendingCount -= 1
    while let first = inFlight.first, first.isDone {
      inFlight.removeFirst()
      report.add(first, hasProducer: asked.producer != nil)
    }
    if failure != nil { return endWhenSettled() }
    if report.hasNews { tellLater() }
    pump()
  }

  // MARK: - Answer out

  private func tellLater() {
    guard progressTimer == nil, !isOver else { return }
    progressTimer = context.loop.schedule(
      afterNanoseconds: context.front.options.progressNanoseconds
    ) { [self] in
      progressTimer = nil
      guard !isOver, failure == nil, report.hasNews,
        let socket = exchange.connection?.connection,
        socket.unsentByteCount < Self.unreadByteCount
      else { return }
      write(nil, to: socket)
    }
  }

  private func write(_ end: Result<Void, Problem>?, to socket: Connection) {
    let facts = exchange.facts
    if !hasHead {
      hasHead = true
      Reply(200, contentType: .ndjson).writeHead(
        into: &socket.output, bodyEnd: facts.isHTTP10 ? .connectionClose : .chunked, facts: facts,
        date: context.dateText())
    }
    var line = ByteBuffer(capacity: 128)
    report.write(into: &line, end: end)
    if facts.isHTTP10 {
      socket.output.append(line.view)
    } else {
      socket.output.appendChunk(line.view)
    }
    socket.setNeedsFlush()
  }

  private func answer(_ end: Result<Void, Problem>) {
    guard !isOver else { return }
    let connection = exchange.connection
    self.end()
    guard let connection, let socket = connection.connection else { return }
    if case .failure(let problem) = end, !hasHead, report.committed == 0 {
      connection.ingestEnded(readsOn: false, closes: true)
      return exchange.finish(problem)
    }
    write(end, to: socket)
    var isWhole = false
    if case .success = end { isWhole = true }
    connection.record(200, exchange.facts)
    if !exchange.facts.isHTTP10 { socket.output.appendLastChunk() }
    connection.ingestEnded(readsOn: isWhole, closes: exchange.facts.closes)
    exchange.complete()
  }

  // MARK: - Ends

  /// Ends the stream when what is in flight has its outcome.
  func fail(_ problem: Problem) {
    if failure == nil { failure = problem }
    exchange.connection?.ingestMoved()
    endWhenSettled()
  }

  private func endWhenSettled() {
    guard let failure, pendingCount == 0 else { return }
    answer(.failure(failure))
  }

  /// The peer sends nothing more, or the server is going down.
  private func hurry() {
    guard !bodyHasEnded else { return }
    if context.front.isDraining {
      var problem = Problem(503, "closed", "the server is shutting down")
      problem.retryAfterSeconds = 1
      fail(problem)
    } else {
      fail(Problem(400, "incomplete_body", "the body ended before its last chunk or length"))
    }
  }

  private func end() {
    isOver = true
    progressTimer?.cancel()
    progressTimer = nil
    lines = LineBuffer()
    giveExtraBack()
    exchange.cancelled = nil
    exchange.hurried = nil
  }

  private func giveExtraBack() {
    context.front.bodies.release(extraByteCount)
    extraByteCount = 0
  }
}
