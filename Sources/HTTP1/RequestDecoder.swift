// Requests out of bytes: a pure state machine without sockets, timers or routes.
//
//   head ──▶ body of a length ─┐
//    ▲  └──▶ chunk size ⇄ data ─▶ trailers ─┤
//    └───────────────── end ◀───────────────┘        any ──▶ refused
//
//   chunk   := size: hex+ [";" extension] CRLF │ data │ CRLF        the last has size 0
//   trailer := (name ":" value CRLF)* CRLF
//
// The caller hands in the bytes it has, drops what was consumed, and asks again until `needMore`.

package import Bytes

/// What the decoder found.
package enum RequestEvent {
  /// Nothing to do before more bytes arrive.
  case needMore
  /// `RequestDecoder.head` is complete; its views are in the bytes of this call.
  case head
  /// Some of the body, in the bytes of this call.
  case body(ByteView)
  /// The request is complete.
  case end
  /// Answer, then close: whatever follows is not to be read.
  case refused(HTTPRefusal)
}

/// One connection's requests, one after another.
package struct RequestDecoder: Sendable {
  private enum State: Sendable {
    case head
    case length(remaining: Int)
    case chunkSize
    case chunkData(remaining: Int)
    case chunkEnd
    case trailers(byteCount: Int)
    case end
    case refused
  }

  package private(set) var head = RequestHead()
  /// Bytes of body that the present request may have; set at `.head`, 0 before.
  package var bodyLimit = 0
  /// Bytes of body of the present request so far.
  package private(set) var bodyByteCount = 0
  private var state = State.head
  private var headDecoder: HeadDecoder
  private let limits: HTTPLimits

  package init(limits: HTTPLimits = HTTPLimits()) {
    self.limits = limits
    self.headDecoder = HeadDecoder(limits: limits)
  }

  /// A request has begun and its head is not complete.
  package var isInsideHead: Bool {
    if case .head = state { return headDecoder.hasBegun }
    return false
  }

  /// A head is complete and its body is not.
  package var isInsideBody: Bool {
    switch state {
    case .head, .refused: false
    case .length, .chunkSize, .chunkData, .chunkEnd, .trailers, .end: true
    }
  }

  /// Nothing has come of the next request.
  package var isBetweenRequests: Bool {
    if case .head = state { return !headDecoder.hasBegun }
    return false
  }

  /// The request is complete and the next call says so, whatever bytes it is given.
  package var isAtEnd: Bool {
    if case .end = state { return true }
    return false
  }

  /// Right after `.head`, with its bytes not dropped: the next call gives the head again.
  package mutating func putHeadBack() {
    headDecoder.reset()
    state = .head
  }

  /// Finds the next event in `bytes`, which begin where the last call stopped consuming.
  package mutating func next(_ bytes: ByteView) -> (event: RequestEvent, consumed: Int) {
    do throws(HTTPRefusal) {
      return try advance(bytes)
    } catch {
      state = .refused
      return (.refused(error), 0)
    }
  }

  private mutating func advance(
    _ bytes: ByteView
  ) throws(HTTPRefusal) -> (event: RequestEvent, consumed: Int) {
    var offset = 0
    while true {
      let rest = bytes.dropFirst(offset)
      switch state {
      case .head:
        guard !rest.isEmpty, try headDecoder.advance(rest, into: &head) else {
          return (.needMore, offset)
        }
        headDecoder.reset()
        beginBody()
        return (.head, offset + head.byteCount)
      case .length(let remaining):
        guard remaining <= bodyLimit - bodyByteCount else { throw .bodyTooLarge }
        guard !rest.isEmpty else { return (.needMore, offset) }
        let part = rest.prefix(Swift.min(remaining, rest.count))
        bodyByteCount += part.count
        state = part.count == remaining ? .end : .length(remaining: remaining - part.count)
        return (.body(part), offset + part.count)
      case .chunkSize:
        let limit = limits.chunkLineByteCount
        guard let line = try completeLine(rest, limit: limit, else: .chunkLineTooLong) else {
          return (.needMore, offset)
        }
        let size = try Self.chunkSize(line)
        guard size <= bodyLimit - bodyByteCount else { throw .bodyTooLarge }
        state = size == 0 ? .trailers(byteCount: 0) : .chunkData(remaining: size)
        offset += line.count + 2
      case .chunkData(let remaining):
        guard !rest.isEmpty else { return (.needMore, offset) }
        let part = rest.prefix(Swift.min(remaining, rest.count))
        bodyByteCount += part.count
        state = part.count == remaining ? .chunkEnd : .chunkData(remaining: remaining - part.count)
        return (.body(part), offset + part.count)
      case .chunkEnd:
        guard rest.count >= 2 else { return (.needMore, offset) }
        guard rest[0] == 0x0d, rest[1] == 0x0a else {
          throw .malformed("a chunk is not followed by a line end")
        }
        state = .chunkSize
        offset += 2
      case .trailers(let byteCount):
        let limit = limits.trailerByteCount - byteCount
        guard let line = try completeLine(rest, limit: limit, else: .trailersTooLarge) else {
          return (.needMore, offset)
        }
        offset += line.count + 2
        if line.isEmpty {
          state = .end
        } else {
          _ = try FieldLine.split(0..<line.count, line)
          state = .trailers(byteCount: byteCount + line.count + 2)
        }
      case .end:
        state = .head
        return (.end, offset)
      case .refused:
        return (.needMore, bytes.count)
      }
    }
  }

  private mutating func beginBody() {
    bodyByteCount = 0
    bodyLimit = 0
    switch head.framing {
    case .none: state = .end
    case .length(let count): state = .length(remaining: count)
    case .chunked: state = .chunkSize
    }
  }

  /// The first line of `bytes` without its end, or nil when it has not arrived.
  private func completeLine(
    _ bytes: ByteView, limit: Int, else refusal: HTTPRefusal
  ) throws(HTTPRefusal) -> ByteView? {
    guard let lineFeed = bytes.prefix(Swift.min(bytes.count, limit + 2)).firstIndex(of: 0x0a) else {
      guard bytes.count < limit + 2 else { throw refusal }
      return nil
    }
    guard lineFeed > 0, bytes[lineFeed - 1] == 0x0d else {
      throw .malformed("a line ends without a carriage return")
    }
    return bytes.prefix(lineFeed - 1)
  }

  private static func chunkSize(_ line: ByteView) throws(HTTPRefusal) -> Int {
    var size = 0
    var digits = 0
    while digits < line.count, let digit = PercentCoding.hexValue(line[digits]) {
      guard size <= Int.max >> 4 else { throw .bodyTooLarge }
      size = size << 4 | Int(digit)
      digits += 1
    }
    guard digits > 0 else { throw .malformed("a chunk has no size") }
    guard digits == line.count || line[digits] == 0x3b else {
      throw .malformed("a chunk's size is not a hexadecimal number")
    }
    for index in digits..<line.count {
      let byte = line[index]
      guard byte >= 0x20 && byte != 0x7f || byte == 0x09 else {
        throw .malformed("a chunk extension has a control character")
      }
    }
    return size
  }
}
