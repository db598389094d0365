// A range of keys that a job leaves out, and how table files lie to it.

package import Bytes

/// [`lower`, `upper`); nil for open.
package struct KeyRange: Sendable, Equatable {
  package let lower: [UInt8]?
  package let upper: [UInt8]?

  package init(from lower: [UInt8]?, to upper: [UInt8]?) {
    self.lower = lower
    self.upper = upper
  }

  package func contains(_ key: ByteView) -> Bool {
    if let lower, ByteView.of(lower, { key.compare($0) < 0 }) { return false }
    if let upper, ByteView.of(upper, { key.compare($0) >= 0 }) { return false }
    return true
  }

  /// Is every key of the file in the range?
  func covers(_ table: TableMetadata) -> Bool {
    ByteView.of(table.smallestKey, contains) && ByteView.of(table.largestKey, contains)
  }

  /// May a key of the file be in the range?
  func meets(_ table: TableMetadata) -> Bool {
    if let lower, ByteView.of(lower, { table.compareLargest(to: $0) < 0 }) { return false }
    if let upper, ByteView.of(upper, { table.compareSmallest(to: $0) >= 0 }) { return false }
    return true
  }
}
