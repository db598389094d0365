// Ranges of row keys.

package import Bytes

/// A range of row keys: `lower` inclusive, `upper` exclusive, nil for open. Other forms are
/// brought to this one: the key after k is k followed by a zero byte.
package struct RowRange: Sendable, Hashable {
  package var lower: [UInt8]?
  package var upper: [UInt8]?

  package init(from lower: [UInt8]? = nil, to upper: [UInt8]? = nil) {
    self.lower = lower
    self.upper = upper
  }

  package static let all = RowRange()

  /// Every key that begins with `prefix`.
  package init(prefix: [UInt8]) {
    lower = prefix.isEmpty ? nil : prefix
    var end = prefix
    while let last = end.last, last == 0xff { end.removeLast() }
    if let last = end.popLast() {
      end.append(last + 1)
      upper = end
    } else {
      upper = nil
    }
  }

  /// The one key.
  package init(only key: [UInt8]) {
    lower = key
    upper = key + [0]
  }

  /// No key but `lower` is in the range.
  package var isOneKey: Bool {
    guard let lower, let upper, upper.count == lower.count + 1, upper.last == 0 else {
      return false
    }
    return !lower.isEmpty && upper.starts(with: lower)
  }

  package func contains(_ key: ByteView) -> Bool {
    if let lower, ByteView.of(lower, { key.compare($0) < 0 }) { return false }
    if let upper, ByteView.of(upper, { key.compare($0) >= 0 }) { return false }
    return true
  }

  /// What is in both.
  package func intersection(_ other: RowRange) -> RowRange {
    var both = self
    if let lower = other.lower, both.lower?.lexicographicallyPrecedes(lower) ?? true {
      both.lower = lower
    }
    if let upper = other.upper, both.upper.map(upper.lexicographicallyPrecedes) ?? true {
      both.upper = upper
    }
    return both
  }

  package var isEmpty: Bool {
    guard let lower, let upper else { return false }
    return ByteView.of(lower) { low in ByteView.of(upper) { low.compare($0) >= 0 } }
  }
}
