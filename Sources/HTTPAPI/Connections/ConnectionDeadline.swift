// How long a connection may take for what it is doing, counted in ticks of the loop's timer so
// that no request pays for a timer of its own.
//
//   idle ─▶ head (from its first byte; more bytes give no more time) ─▶ body (they do) ─▶ idle

internal import HTTP1

struct ConnectionDeadline: Sendable {
  private enum Phase: Sendable { case idle, head, body }

  private var phase = Phase.head
  private var lastTick: UInt64
  /// Body bytes that had arrived when the time was last extended.
  private var bodyByteCount = 0

  /// A new connection has the time of a head for its first request.
  init(atTick tick: UInt64, options: HTTPOptions) { lastTick = tick + options.headerTicks }

  mutating func update(_ decoder: borrowing RequestDecoder, options: HTTPOptions, tick: UInt64) {
    if decoder.isInsideHead {
      guard phase != .head else { return }
      phase = .head
      lastTick = tick + options.headerTicks
    } else if decoder.isInsideBody {
      let progress = decoder.bodyByteCount - bodyByteCount
      guard phase != .body || progress < 0 || progress >= options.bodyProgressByteCount else {
        return
      }
      phase = .body
      bodyByteCount = decoder.bodyByteCount
      lastTick = tick + options.bodyTicks
    } else {
      phase = .idle
      lastTick = tick + options.idleTicks
    }
  }

  func isOver(atTick tick: UInt64) -> Bool { tick > lastTick }
}
