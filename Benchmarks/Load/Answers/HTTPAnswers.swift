// Answers of HTTP/1.1: a head, then a body whose length the head says or that comes in chunks.
// Reads only the head's fields that it needs.

import Bytes

/// What a head said.
struct HTTPHead: Equatable, Sendable {
  var status = 0
  /// Nil where chunks tell.
  var bodyByteCount: Int? = 0
  var tag = 0..<0
  /// With the empty line.
  var byteCount = 0
}

/// Where in a chunked answer a connection is.
struct HTTPAnswerState: Sendable {
  /// The outcome of the chunked answer that is under way.
  private var chunked: Outcome?

  @inline(__always)
  mutating func next(_ bytes: ByteView) throws(AnswerError) -> Answer? {
    if let outcome = chunked { return try chunk(bytes, from: 0, outcome) }
    guard let head = try HTTPAnswerState.head(bytes) else { return nil }
    let outcome = HTTPAnswerState.outcome(head.status)
    guard let bodyByteCount = head.bodyByteCount else {
      // The head goes with the first chunk.
      return try chunk(bytes, from: head.byteCount, outcome)
    }
    let end = head.byteCount &+ bodyByteCount
    guard bytes.count >= end else { return nil }
    return Answer(
      outcome: outcome, body: head.byteCount..<end, byteCount: end, tag: head.tag)
  }

  private static func outcome(_ status: Int) -> Outcome {
    switch status {
    case 200, 201, 204: .ok
    case 304: .unchanged
    case 404: .absent
    case 429, 503: .retryLater
    default: .failed
    }
  }

  /// One chunk: its length in hex, its bytes, a line end.
  private mutating func chunk(
    _ bytes: ByteView, from start: Int, _ outcome: Outcome
  ) throws(AnswerError) -> Answer? {
    guard let lineEnd = bytes.firstIndex(of: 10, from: start) else { return nil }
    var length = 0
    var at = start
    while at < lineEnd, let digit = HTTPAnswerState.hexadecimal(bytes[at]) {
      length = length << 4 | digit
      at += 1
    }
    guard at > start, length < 1 << 30 else { throw AnswerError(reason: "a chunk without length") }
    let end = lineEnd + 1 + length + 2
    guard bytes.count >= end else { return nil }
    chunked = length == 0 ? nil : outcome
    return Answer(
      outcome: outcome, isLast: length == 0, body: (lineEnd + 1)..<(lineEnd + 1 + length),
      byteCount: end)
  }

  private static func hexadecimal(_ byte: UInt8) -> Int? {
    switch byte {
    case 48...57: Int(byte) - 48
    case 65...70: Int(byte) - 55
    case 97...102: Int(byte) - 87
    default: nil
    }
  }

  /// The head at the start of `bytes`; nil while it has not come whole.
  @inline(__always)
  static func head(_ bytes: ByteView) throws(AnswerError) -> HTTPHead? {
    guard bytes.count >= 13 else { return nil }
    guard bytes[0] == UInt8(ascii: "H"), bytes[4] == UInt8(ascii: "/") else {
      throw AnswerError(reason: "bytes that are not HTTP")
    }
    var head = HTTPHead()
    head.status = bytes.decimal(at: 9).value
    guard var lineEnd = bytes.firstIndex(of: 10, from: 12) else { return nil }
    while true {
      let start = lineEnd &+ 1
      guard let end = bytes.firstIndex(of: 10, from: start) else { return nil }
      if end &- start <= 1 {
        head.byteCount = end &+ 1
        // These have no body, whatever length the head speaks of.
        if head.status == 304 || head.status == 204 { head.bodyByteCount = 0 }
        return head
      }
      // By the first letter and the colon's place: what else they might be is not sent here.
      let letter = bytes[start] | 32
      if letter == UInt8(ascii: "c"), end &- start > 16, bytes[start &+ 14] == UInt8(ascii: ":") {
        head.bodyByteCount = bytes.decimal(at: start &+ 16).value
      } else if letter == UInt8(ascii: "e"), end &- start > 6, bytes[start &+ 4] == 58 {
        head.tag = (start &+ 6)..<(bytes[end &- 1] == 13 ? end &- 1 : end)
      } else if letter == UInt8(ascii: "t"), end &- start > 18, bytes[start &+ 17] == 58 {
        head.bodyByteCount = nil
      }
      lineEnd = end
    }
  }
}
