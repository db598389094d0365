// Cell timestamps: microseconds since 1970-01-01 UTC, in whole milliseconds (Bigtable's MILLIS
// granularity).

/// A cell's version.
@frozen @usableFromInline
package struct Timestamp: Comparable, Hashable, Sendable {
  @usableFromInline package let microseconds: Int64
  @inlinable @inline(__always)
  package init(microseconds: Int64) { self.microseconds = microseconds }
  /// In a mutation: the server's clock at commit, cut to milliseconds.
  package static let server = Timestamp(microseconds: -1)
  /// The largest whole millisecond that fits (Bigtable's maximum).
  package static let max = Timestamp(microseconds: 9_223_372_036_854_775_000)
  @inlinable package static func < (left: Self, right: Self) -> Bool {
    left.microseconds < right.microseconds
  }
}
