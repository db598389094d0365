// Storage of large outputs. A connection keeps little of it while it is idle, and what it needs for
// much output would be allocated anew with every wake-up: above some size the allocator then asks
// the system for it each time, which clears every page. So the connections of a loop share some.

internal import Bytes

/// What a loop has in store for its connections' output. Used on the loop only.
struct OutputStorage {
  private final class Piece { var bytes = ByteBuffer() }

  /// Large, for whoever comes next; the last one was used last.
  private var large: [Piece] = []
  /// The own ones of connections that have a large one now.
  private var small: [Piece] = []

  private static let keptPieceCount = 8
  private static let keptByteCount = 512 << 10

  /// Gives a connection that has nothing to send yet a large one, if there is one.
  @inline(__always)
  mutating func lend(to output: inout ByteBuffer) {
    guard !large.isEmpty, output.isEmpty,
      output.allocatedByteCount <= Connection.idleBufferByteCount
    else { return }
    let piece = large.removeLast()
    swap(&piece.bytes, &output)
    // A connection may close and never give back.
    if small.count < OutputStorage.keptPieceCount { small.append(piece) }
  }

  /// Takes a large one of a connection that has nothing to send.
  @inline(__always)
  mutating func takeBack(from output: inout ByteBuffer) {
    if output.allocatedByteCount > Connection.idleBufferByteCount { keep(&output) }
  }

  private mutating func keep(_ output: inout ByteBuffer) {
    guard large.count < OutputStorage.keptPieceCount,
      output.allocatedByteCount <= OutputStorage.keptByteCount
    else { return output.clear(keepingAtMost: Connection.idleBufferByteCount) }
    let piece = small.popLast() ?? Piece()
    swap(&piece.bytes, &output)
    large.append(piece)
  }
}

extension Connection {
  /// Enough to send at once: larger output leaves the processor's caches before it is sent.
  private static let earlyByteCount = 128 << 10

  /// Should the handler, which has more to say, let `sendEarly` send what there is?
  package var isWorthSending: Bool {
    output.count > Connection.earlyByteCount && !isBlocked && isOpen && tls == nil
  }

  /// Sends what there is before the wake-up ends.
  package func sendEarly() {
    if isWorthSending { send() }
  }

  /// So many bytes of `output` have left.
  func noteTaken(_ count: Int) {
    sentByteCount += count
    if sentByteCount == output.count {
      output.clear()
      sentByteCount = 0
    } else if sentByteCount > output.count / 2 {
      // Moving the smaller half costs less than it has cost to send the larger.
      output.removeFirst(sentByteCount)
      sentByteCount = 0
    }
  }

  func dropOutput() {
    output.clear(keepingAtMost: 0)
    sentByteCount = 0
  }
}
