// The order of commits in one engine: each entry of each batch takes the next number.

/// A position in the commit order; 0 is before the first entry.
package struct SequenceNumber: Comparable, Hashable, Sendable {
  package let rawValue: UInt64
  package init(_ rawValue: UInt64) { self.rawValue = rawValue }
  package static let zero = SequenceNumber(0)
  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
