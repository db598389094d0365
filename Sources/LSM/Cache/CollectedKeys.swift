// The keys of which a merge has dropped values that a read could have shown: what the row cache has
// of them is out of date once the merge's files are in force.

/// Hashes of keys, as many as are worth keeping.
package struct CollectedKeys: Sendable {
  /// 4 MiB of them. A merge that has collected more has left little of the cache as it was.
  private static let limit = 512 << 10

  /// `persistedHash` of each key, in the order of the merge.
  private(set) var hashes: ContiguousArray<UInt64> = []
  /// There were more than `hashes` holds.
  private(set) var isOverflown = false

  /// Any key may be among them.
  static var everything: CollectedKeys {
    var keys = CollectedKeys()
    keys.isOverflown = true
    return keys
  }

  package var isEmpty: Bool { hashes.isEmpty && !isOverflown }

  mutating func add(_ hash: UInt64) {
    guard !isOverflown else { return }
    if hashes.count < CollectedKeys.limit {
      hashes.append(hash)
    } else {
      hashes = []
      isOverflown = true
    }
  }
}
