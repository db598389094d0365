// Request bodies held in memory, over all connections.

internal import Synchronization

/// Bytes of request bodies in flight against bytes allowed.
final class BodyBudget: Sendable {
  let byteCount: Int
  private let held = Atomic<Int>(0)

  init(byteCount: Int) { self.byteCount = byteCount }

  var heldByteCount: Int { held.load(ordering: .relaxed) }

  /// Takes `count` bytes; false when that would be too many.
  func reserve(_ count: Int) -> Bool {
    let now = held.add(count, ordering: .relaxed).newValue
    if now <= byteCount { return true }
    held.subtract(count, ordering: .relaxed)
    return false
  }

  func release(_ count: Int) { held.subtract(count, ordering: .relaxed) }
}
