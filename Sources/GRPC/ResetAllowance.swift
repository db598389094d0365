// Streams that a peer opens and resets cost it nothing and the server a call each (CVE-2023-44487):
// so many a second are taken, and then the connection is closed.

internal import Runtime

/// A bucket of resets that fills with time.
struct ResetAllowance {
  /// Clients cancel scans: bursts are fine.
  private static let burst: Double = 1_000
  private static let perSecond: Double = 200

  private let time: any TimeSource
  private var left = ResetAllowance.burst
  private var last: UInt64

  init(_ time: any TimeSource) {
    self.time = time
    last = time.monotonicNanoseconds
  }

  var isExceeded: Bool { left < 0 }

  mutating func note() {
    let now = time.monotonicNanoseconds
    let refill = Double(now &- last) / 1e9 * ResetAllowance.perSecond
    left = min(ResetAllowance.burst, left + refill) - 1
    last = now
  }
}
