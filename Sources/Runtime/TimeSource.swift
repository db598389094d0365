// Time as the store asks for it; a test hands in its own.

/// Where the time comes from.
package protocol TimeSource: Sendable {
  /// Nanoseconds since some start, never going back.
  var monotonicNanoseconds: UInt64 { get }
  /// Microseconds since 1970-01-01 UTC; may be set back by the operator.
  var wallMicroseconds: Int64 { get }
}
