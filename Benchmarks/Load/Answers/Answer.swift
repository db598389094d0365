// What a server answered, whatever the protocol: how it went, which request it belongs to, and
// where its body lies in the bytes that were received.

import Bytes

/// How a request went.
enum Outcome: Equatable, Sendable {
  case ok
  /// There is no such row.
  case absent
  /// Nothing changed since the answer whose tag was sent.
  case unchanged
  /// Refused for now: overloaded or shutting down.
  case retryLater
  case failed
}

/// A piece of an answer; most answers are one piece.
struct Answer: Sendable {
  var outcome: Outcome
  /// The request's number; 0 where answers come in the order of requests.
  var id: UInt64 = 0
  /// Nothing more comes for this request.
  var isLast = true
  /// In the bytes that were parsed.
  var body: Range<Int>
  /// Bytes to drop, header included.
  var byteCount: Int
  /// Where the answer's tag lies, in protocols that have one.
  var tag = 0..<0
  /// In an answer's last piece, in gRPC only: its rows; and of a write, rows that were refused.
  var rowCount = 0
  var refusedCount = 0
  /// The connection's own business, no request's: bytes to drop.
  var isHousekeeping = false
}

/// Bytes that cannot be an answer.
struct AnswerError: Error, Equatable {
  let reason: String
}

/// Cuts answers out of what a connection received. One for each connection; knows where in a long
/// answer it is.
struct AnswerParser: Sendable {
  enum Kind: Sendable {
    case strata
    case http
    case redis
    case memcached
    case grpc
  }

  let kind: Kind
  var http = HTTPAnswerState()
  /// Nil in other protocols.
  let calls: CallAnswers?

  /// - Parameter depth: Requests in flight, at most.
  init(_ kind: Kind, depth: Int = 1) {
    self.kind = kind
    calls = kind == .grpc ? CallAnswers(depth: depth) : nil
  }

  /// The next piece at the start of `bytes`; nil while it has not come whole.
  @inline(__always)
  mutating func next(_ bytes: ByteView) throws(AnswerError) -> Answer? {
    switch kind {
    case .strata: try FrameAnswers.next(bytes)
    case .http: try http.next(bytes)
    case .redis: try RedisAnswers.next(bytes)
    case .memcached: try MemcachedAnswers.next(bytes)
    case .grpc: try calls?.next(bytes)
    }
  }
}

extension ByteView {
  /// Where the first `byte` at or behind `start` is.
  @inline(__always)
  func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    var at = start
    while at < count {
      if self[at] == byte { return at }
      at &+= 1
    }
    return nil
  }

  /// The decimal number at `start`, with its sign, and where it ends.
  @inline(__always)
  func decimal(at start: Int) -> (value: Int, end: Int) {
    var at = start
    let isNegative = at < count && self[at] == UInt8(ascii: "-")
    if isNegative { at &+= 1 }
    var value = 0
    while at < count, value < 1 << 40, case let digit = self[at] &- 48, digit < 10 {
      value = value &* 10 &+ Int(digit)
      at &+= 1
    }
    return (isNegative ? 0 &- value : value, at)
  }
}
