// How long what arrives on a connection has waited, as far as a server can see: in the loop's turn,
// and in the socket of a peer that sends faster than it is served.

internal import CLinux
internal import Glibc
internal import Runtime

/// The waits of one connection's input. Confined to its loop.
struct InputBacklog {
  /// Since when every read has left something behind; 0: it has not.
  private var since: UInt64 = 0
  private var byteCount = 0
  private var queue: StandingQueue

  init(limitNanoseconds: UInt64) { queue = StandingQueue(limitNanoseconds: limitNanoseconds) }

  /// Notes a read.
  ///
  /// - Parameters:
  ///   - age: Nanoseconds for which there was something to be read, unless more was left then.
  ///   - isFull: It filled its buffer: there is probably more.
  /// - Returns: True when what waits has waited too long for too long.
  mutating func stands(
    _ descriptor: Int32, read count: Int, age: UInt64, isFull: Bool, now: UInt64
  ) -> Bool {
    guard isFull else {
      since = 0
      return queue.mustShed(waited: age, now: now)
    }
    if since == 0 {
      since = now
      byteCount = 0
      return false
    }
    byteCount += count
    var waiting: Int32 = 0
    guard ioctl(descriptor, UInt(FIONREAD), &waiting) == 0, waiting > 0 else { return false }
    // At the pace of the reads so far.
    let waited = Double(now &- since) / Double(byteCount) * Double(waiting)
    return queue.mustShed(waited: UInt64(waited), now: now)
  }
}
