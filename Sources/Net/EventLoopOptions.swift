// What can be set on event loops: each with unit, default and reason.

/// How a loop waits, and when it has too much to do.
package struct EventLoopOptions: Sendable {
  /// Nanoseconds for which a loop that is often asked looks again before it sleeps; 0: never.
  /// Waking a sleeping core takes about 35 µs each way; twice that and a bit catches a peer that
  /// answers at once.
  package var spinNanoseconds: UInt64 = 80_000
  /// Wait of input from which on, once it lasts, `Connection.mustShed` says so; 0: never.
  package var shedNanoseconds: UInt64 = 0
  /// How long a peer may leave a full output as it is; then it is closed.
  package var unreadNanoseconds: UInt64 = 60_000_000_000
  package init() {}
}
