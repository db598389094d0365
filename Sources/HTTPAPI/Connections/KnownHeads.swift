// In overload most requests are refused, and most look like others before them but for their path:
// what follows it in the head, byte by byte, is what a decoded request had there. So they end where
// that one ended, and need no decoding: refusing must cost a small part of what serving costs.
// Whatever else there is goes the way of all requests.

internal import Bytes
internal import HTTP1

/// What followed the target in the heads of requests that were refused lately, on any connection of
/// a loop. Confined to the loop.
struct KnownHeads {
  /// Clients of a few kinds, each with reads and writes.
  private static let count = 8
  private static let byteLimit = 1 << 10
  /// A request line within the decoder's limit.
  private static let targetLimit = 4 << 10
  /// Bodies within every route's limit.
  private static let bodyLimit = 64 << 10

  private struct Tail {
    /// From the blank after the target to the empty line.
    var bytes: [UInt8] = []
    var bodyByteCount = 0
  }

  private var tails: [Tail] = []
  private var next = 0

  /// Keeps what `head` says after its target, where that alone tells where its request ends.
  ///
  /// - Parameter head: Of a request whose connection goes on, as decoded from `bytes`.
  mutating func learn(_ head: RequestHead, _ bytes: ByteView) {
    var bodyByteCount = 0
    switch head.framing {
    case .none: break
    case .length(let count): bodyByteCount = count
    case .chunked: return
    }
    guard bodyByteCount <= KnownHeads.bodyLimit, let target = KnownHeads.target(in: bytes),
      bytes.count - target.upperBound <= KnownHeads.byteLimit
    else { return }
    if tails.count < KnownHeads.count { tails.append(Tail()) }
    tails[next].bytes.removeAll(keepingCapacity: true)
    tails[next].bytes.append(contentsOf: bytes.dropFirst(target.upperBound).buffer)
    tails[next].bodyByteCount = bodyByteCount
    next = next + 1 == KnownHeads.count ? 0 : next + 1
  }

  /// The request at the start of `bytes`, when it is whole and like one of those.
  func request(_ bytes: ByteView) -> (route: Route, byteCount: Int)? {
    guard let target = KnownHeads.target(in: bytes),
      let method = HTTPMethod(bytes[0..<target.lowerBound - 1]), method != .head
    else { return nil }
    let rest = bytes.dropFirst(target.upperBound)
    for tail in tails {
      guard ByteView.of(tail.bytes, { rest.hasPrefix($0) }) else { continue }
      let byteCount = target.upperBound + tail.bytes.count + tail.bodyByteCount
      guard byteCount <= bytes.count else { return nil }
      let path = bytes[target]
      let route = Router.match(method, path.prefix(path.firstIndex(of: 0x3f) ?? path.count)).route
      return (route, byteCount)
    }
    return nil
  }

  /// What is between the first two blanks, when the decoder would take it.
  private static func target(in bytes: ByteView) -> Range<Int>? {
    guard let methodEnd = bytes.firstIndex(of: 0x20), methodEnd > 0 else { return nil }
    let start = methodEnd + 1
    let limit = min(bytes.count, start + KnownHeads.targetLimit)
    var end = start
    while end < limit, bytes[end] > 0x20, bytes[end] < 0x7f, bytes[end] != 0x23 { end += 1 }
    return end < limit && bytes[end] == 0x20 ? start..<end : nil
  }
}
