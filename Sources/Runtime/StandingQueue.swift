// Tells a standing queue from a burst, by how long its head has waited (CoDel: Nichols and
// Jacobson, "Controlling Queue Delay", ACM Queue 10/5, 2012): a wait that stays above the limit for
// a whole interval will not go away by itself, and whoever joins the queue should rather be told at
// once.

/// Watches the waits in one queue. Confined to whoever owns the queue.
package struct StandingQueue: Sendable {
  /// A burst may be above the limit for this long.
  package static let intervalNanoseconds: UInt64 = 100_000_000

  /// Wait that is taken for no harm; 0 for any.
  package let limitNanoseconds: UInt64
  private var aboveSince: UInt64?

  package init(limitNanoseconds: UInt64) { self.limitNanoseconds = limitNanoseconds }

  /// Notes how long the queue makes one wait now; true when it has been too long for too long.
  package mutating func mustShed(waited: UInt64, now: UInt64) -> Bool {
    guard limitNanoseconds > 0, waited >= limitNanoseconds else {
      aboveSince = nil
      return false
    }
    guard let since = aboveSince else {
      aboveSince = now
      return false
    }
    return now &- since >= StandingQueue.intervalNanoseconds
  }
}
