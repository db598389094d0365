// A range as NDJSON, one row a line, at the peer's pace: a slice of rows, then others' turn, and no
// further slice while the peer has not taken what was written. Memory is one slice and one row.
//
// Rows that need the disk are read by a worker, a slice at a time. An error after the first byte
// cannot change the status: the stream ends with the line {"error":{problem}} and without its last
// chunk, so that no client takes it for whole.

internal import Bytes
internal import DataModel
internal import HTTP1
internal import Net
internal import Runtime
internal import Tablets
internal import VFS

/// A stream under way. Used by its loop, or by one worker while the loop leaves it alone.
final class RowStream: @unchecked Sendable {
  private enum State { case notBegun, running, onWorker, waitingForPeer, ended }

  private let exchange: Exchange
  private let scan: RowScan
  private let writer: RowWriter
  private let row = RowBuffer()
  private var slice = ByteBuffer(capacity: 4 << 10)
  private var state = State.notBegun

  static func start(
    _ scan: RowScan, _ question: RangeQuestion, _ facts: RequestFacts, on connection: HTTPConnection
  ) {
    var facts = facts
    // HTTP/1.0 has no chunks: the end of the connection is the end of the rows.
    if facts.isHTTP10 { facts.closes = true }
    let exchange = connection.enqueue(facts)
    connection.standAlone(endingAfter: facts.closes)
    let stream = RowStream(scan, RowWriter(question), exchange)
    exchange.proceed = { stream.proceed() }
    if connection.isTurn(of: exchange) { stream.proceed() }
  }

  private init(_ scan: RowScan, _ writer: RowWriter, _ exchange: Exchange) {
    self.scan = scan
    self.writer = writer
    self.exchange = exchange
  }

  /// It is our turn, or the peer has taken what was written.
  private func proceed() {
    switch state {
    case .notBegun:
      writeHead()
      if exchange.facts.isHead {
        state = .ended
        exchange.complete()
      } else {
        state = .running
        runSlice()
      }
    case .waitingForPeer:
      state = .running
      runSlice()
    case .running, .onWorker, .ended: break
    }
  }

  private func writeHead() {
    guard let connection = exchange.connection, let socket = connection.connection else { return }
    Reply(200, contentType: .ndjson).writeHead(
      into: &socket.output, bodyEnd: exchange.facts.isHTTP10 ? .connectionClose : .chunked,
      facts: exchange.facts, date: connection.context.dateText())
    socket.setNeedsFlush()
    connection.record(200, exchange.facts)
  }

  private func runSlice() {
    guard let context = exchange.connection?.context else { return }
    let front = context.front
    let until = front.time.monotonicNanoseconds &+ front.options.sliceNanoseconds
    do throws(TableServiceError) {
      let isEnd = try fill(wait: .forbidden, until: until, front)
      send(isEnd: isEnd)
    } catch .wouldBlock {
      runSliceOnWorker(context)
    } catch {
      fail(Problem(error))
    }
  }

  /// Goes on with the slice begun.
  private func runSliceOnWorker(_ context: LoopContext) {
    state = .onWorker
    let front = context.front
    let loop = context.loop
    front.scheduler.submit(to: .blocking) { [self] in
      do throws(TableServiceError) {
        let isEnd = try fill(wait: .allowed, until: .max, front)
        loop.execute { [self] in
          state = .running
          send(isEnd: isEnd)
        }
      } catch {
        let problem = Problem(error)
        loop.execute { [self] in fail(problem) }
      }
    }
  }

  /// Adds rows to the slice until it is full, or the time over; true at the end of the range.
  private func fill(
    wait: ReadWait, until end: UInt64, _ front: HTTPFront
  ) throws(TableServiceError) -> Bool {
    var steps = 0
    while slice.count < front.options.sliceByteCount {
      switch try scan.next(into: row, wait: wait) {
      case .row:
        writer.write(row, into: &slice)
        slice.append(0x0a as UInt8)
        row.clear()
      case .end: return true
      case .pause: return false
      }
      steps += 1
      if steps % 16 == 0, front.time.monotonicNanoseconds > end { return false }
    }
    return false
  }

  private func send(isEnd: Bool) {
    guard let connection = exchange.connection, let socket = connection.connection else {
      state = .ended
      return
    }
    appendSlice(to: socket)
    if isEnd {
      if !exchange.facts.isHTTP10 { socket.output.appendLastChunk() }
      state = .ended
      exchange.complete()
    } else if socket.isOutputFull {
      state = .waitingForPeer
    } else {
      connection.context.loop.execute { [self] in
        if state == .running { runSlice() }
      }
    }
  }

  private func appendSlice(to socket: Connection) {
    if exchange.facts.isHTTP10 {
      socket.output.append(slice.view)
    } else {
      socket.output.appendChunk(slice.view)
    }
    slice.clear(keepingAtMost: 256 << 10)
    socket.setNeedsFlush()
  }

  private func fail(_ problem: Problem) {
    state = .ended
    guard let connection = exchange.connection, let socket = connection.connection else { return }
    slice.append("{\"error\":")
    problem.write(into: &slice)
    slice.truncate(to: slice.count - 1)
    slice.append("}\n")
    appendSlice(to: socket)
    connection.abandon()
  }
}
