// One budget for everything that grows: memtables and the block cache with its filters and
// indexes. Memtables take what they need up to their share; the cache lives in the rest. When the
// share runs short, the largest memtable of all engines is written out.

internal import Synchronization

/// Whoever has an active memtable that can be written out.
package protocol MemtableOwner: AnyObject, Sendable {
  var activeMemtableByteCount: Int { get }
  /// Seals the active memtable soon and writes it out; must not wait.
  func relieveMemory()
}

/// Bytes in use against bytes allowed, over all engines of the process.
package final class MemoryBudget: Sendable {
  private struct WeakOwner {
    weak var owner: (any MemtableOwner)?
  }

  package let byteCount: Int
  /// Bytes that memtables, active and sealed, may hold together.
  package var memtableByteCount: Int { byteCount / 3 }
  private let memtables = Atomic<Int>(0)
  private let sealed = Atomic<Int>(0)
  private let owners = Mutex<[WeakOwner]>([])

  package init(byteCount: Int) { self.byteCount = byteCount }

  package var memtableBytesInUse: Int { memtables.load(ordering: .relaxed) }
  /// Called by arenas as they grow (positive) and are freed (negative).
  package func memtablesChanged(by delta: Int) {
    memtables.wrappingAdd(delta, ordering: .relaxed)
  }

  /// Bytes of memtables that are on their way out.
  package func sealedChanged(by delta: Int) { sealed.wrappingAdd(delta, ordering: .relaxed) }

  /// Half of the share: the other half holds what is being written out meanwhile.
  package var isShort: Bool {
    memtableBytesInUse - sealed.load(ordering: .relaxed) > memtableByteCount / 2
  }

  package func register(_ owner: any MemtableOwner) {
    owners.withLock { owners in
      owners.removeAll { $0.owner == nil }
      owners.append(WeakOwner(owner: owner))
    }
  }

  /// Asks the owner of the largest active memtable to write it out, if memory is short.
  package func relieveIfShort() {
    guard isShort else { return }
    let candidates = owners.withLock { owners in owners.compactMap(\.owner) }
    candidates.max { $0.activeMemtableByteCount < $1.activeMemtableByteCount }?.relieveMemory()
  }
}
