// One budget for everything that grows: memtables and the block cache with its filters and
// indexes. Memtables take what they need up to their share; the cache lives in the rest.

internal import Synchronization

/// Bytes in use against bytes allowed, over all engines of the process.
package final class MemoryBudget: Sendable {
  package let byteCount: Int
  /// Bytes that memtables, active and sealed, may hold together.
  package var memtableByteCount: Int { byteCount / 3 }
  private let memtables = Atomic<Int>(0)

  package init(byteCount: Int) { self.byteCount = byteCount }

  package var memtableBytesInUse: Int { memtables.load(ordering: .relaxed) }
  /// Called by arenas as they grow (positive) and are freed (negative).
  package func memtablesChanged(by delta: Int) { memtables.add(delta, ordering: .relaxed) }
}
