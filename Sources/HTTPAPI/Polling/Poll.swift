// Polling made cheap: a client that knows an answer asks whether it still holds, and may ask to be
// kept waiting until it does not (Prefer: wait=30, RFC 7240).

internal import Bytes
internal import DataModel
internal import HTTP1
internal import Net
internal import Synchronization
internal import Tablets

/// A read whose answer the client knows.
struct Poll: Sendable {
  let table: Table
  let range: RowRange
  /// What the client has.
  let known: EntityTag
  /// What an answer read now would carry.
  let now: EntityTag

  /// Decided without reading cells.
  var isUnchanged: Bool { table.isUnchanged(range, since: known.version) }
}

/// A read that is held until its range changes or its time is over.
final class HeldRead: @unchecked Sendable {
  private let exchange: Exchange
  private let poll: Poll
  private let seconds: Int
  private var change: ChangeWait?
  private var timer: LoopTimer?
  private var isOver = false

  /// Answers 304, at once or after waiting, or what `makeRead` reads once something changed.
  /// - Precondition: The poll is unchanged.
  static func answer<Read: SlicedRead>(
    _ poll: Poll, _ request: Request, on connection: HTTPConnection,
    _ makeRead: @escaping @Sendable () throws(TableServiceError) -> Read
  ) {
    let front = connection.context.front
    let wanted = request.field(.prefer).flatMap(waitSeconds) ?? 0
    guard wanted > 0, !front.isDraining else {
      return connection.send(Reply(304, etag: poll.now), ByteView(), request.facts)
    }
    guard
      front.waitingCount.add(1, ordering: .relaxed).newValue <= front.options.waitingRequestCount
    else {
      front.waitingCount.subtract(1, ordering: .relaxed)
      return connection.send(tooMany, request.facts)
    }
    let held = HeldRead(
      poll, seconds: Swift.min(wanted, front.options.longestWaitSeconds),
      connection.enqueue(request.facts))
    held.begin(on: connection, makeRead)
  }

  private init(_ poll: Poll, seconds: Int, _ exchange: Exchange) {
    self.poll = poll
    self.seconds = seconds
    self.exchange = exchange
  }

  private func begin<Read: SlicedRead>(
    on connection: HTTPConnection,
    _ makeRead: @escaping @Sendable () throws(TableServiceError) -> Read
  ) {
    let loop = connection.context.loop
    let front = connection.context.front
    exchange.cancelled = { [self] in _ = end(front) }
    exchange.hurried = { [self] in giveUp(front) }
    timer = loop.schedule(afterNanoseconds: UInt64(seconds) * 1_000_000_000) { [self] in
      giveUp(front)
    }
    change = poll.table.onChange(of: poll.range, since: poll.known.version) { [self] in
      loop.execute { [self] in
        guard end(front) else { return }
        do throws(TableServiceError) {
          ReadDriver.goOn(try makeRead(), exchange)
        } catch {
          exchange.finish(Problem(error))
        }
      }
    }
    if change == nil, end(front) { exchange.finish(Self.tooMany) }
  }

  /// Nothing has changed in time.
  private func giveUp(_ front: HTTPFront) {
    guard end(front) else { return }
    var reply = Reply(304, etag: poll.now)
    reply.waitedSeconds = seconds
    exchange.finish(reply, ByteView())
  }

  /// Lets go of the wait; false when that was done before.
  private func end(_ front: HTTPFront) -> Bool {
    guard !isOver else { return false }
    isOver = true
    front.waitingCount.subtract(1, ordering: .relaxed)
    change?.cancel()
    change = nil
    timer?.cancel()
    timer = nil
    exchange.cancelled = nil
    exchange.hurried = nil
    return true
  }

  private static var tooMany: Problem {
    var problem = Problem(503, "retry_later", "too many reads are being held")
    problem.retryAfterSeconds = 1
    return problem
  }

  /// The N of `wait=N`, among other preferences.
  static func waitSeconds(_ preferences: ByteView) -> Int? {
    var seconds: Int?
    HTTPText.forEachElement(of: preferences) { element in
      guard let equals = element.firstIndex(of: 0x3d),
        element.prefix(equals).trimmed.equalsIgnoringCase("wait")
      else { return true }
      var value = element.dropFirst(equals + 1)
      if let semicolon = value.firstIndex(of: 0x3b) { value = value.prefix(semicolon) }
      value = value.trimmed
      if value.count > 2, value[0] == 0x22, value[value.count - 1] == 0x22 {
        value = value[1..<value.count - 1]
      }
      seconds = value.decimal()
      return seconds == nil
    }
    return seconds
  }
}
