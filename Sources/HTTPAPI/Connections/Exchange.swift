// A request that could not be answered within the call that brought it, and its place in the order
// of the connection's answers.

internal import Bytes
internal import HTTP1

/// What an answer depends on after its request is gone.
struct RequestFacts: Sendable {
  var route: Route
  var isHead: Bool
  var isHTTP10: Bool
  /// The connection ends with this answer.
  var closes: Bool
  /// When the request was complete.
  var startNanoseconds: UInt64
}

/// An answer that is owed. Used on its loop only; other threads merely carry it.
final class Exchange: @unchecked Sendable {
  let facts: RequestFacts
  /// The answer, when it was ready before its turn.
  var early = ByteBuffer()
  /// Refusals of the requests right behind this one.
  var following = ByteBuffer()
  private(set) var isDone = false
  /// Set for an answer that is written piece by piece: called when its turn comes, and again
  /// whenever the peer has taken what was written.
  var proceed: (() -> Void)?
  /// Called once if the connection goes away first, or shuts down.
  var cancelled: (() -> Void)?
  /// Called once if the front shuts down while this is being held.
  var hurried: (() -> Void)?
  /// Nil once answered or cancelled.
  private(set) var connection: HTTPConnection?
  private let reservedByteCount: Int

  init(_ facts: RequestFacts, on connection: HTTPConnection, reservedByteCount: Int) {
    self.facts = facts
    self.connection = connection
    self.reservedByteCount = reservedByteCount
  }

  var isCancelled: Bool { connection == nil }

  /// Answers; nothing happens when the connection is gone.
  func finish(_ reply: Reply, _ body: ByteView) {
    guard let connection else { return }
    connection.write(reply, body, for: self)
    complete()
  }

  func finish(_ problem: Problem) {
    guard let connection else { return }
    var body = ByteBuffer(capacity: 512)
    problem.write(into: &body)
    connection.write(Reply(problem), body.view, for: self)
    complete()
  }

  /// The answer is whole; after `proceed` wrote its last piece.
  func complete() {
    guard let connection, !isDone else { return }
    isDone = true
    letGo()
    self.connection = nil
    connection.exchangeCompleted()
  }

  /// The peer will not hear the answer.
  func cancel() {
    guard let connection else { return }
    self.connection = nil
    connection.context.front.bodies.release(reservedByteCount)
    let cancelled = cancelled
    letGoOfClosures()
    cancelled?()
  }

  private func letGo() {
    connection?.context.front.bodies.release(reservedByteCount)
    letGoOfClosures()
  }

  private func letGoOfClosures() {
    proceed = nil
    cancelled = nil
    hurried = nil
  }
}
