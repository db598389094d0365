// One budget for everything that grows: memtables and the block cache with its filters and
// indexes. Memtables take what they need up to their share; the cache lives in the rest. When the
// share runs short, the largest memtable of all engines is written out.

internal import CLinux
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
  /// Mapped chunks of freed memtables: fresh memory costs a fault and the clearing of each page.
  private let spares = Mutex<[UInt]>([])

  package init(byteCount: Int) { self.byteCount = byteCount }

  package var memtableBytesInUse: Int { memtables.load(ordering: .relaxed) }
  /// Called by arenas as they grow (positive) and are freed (negative).
  package func memtablesChanged(by delta: Int) {
    memtables.wrappingAdd(delta, ordering: .relaxed)
  }

  /// Bytes of memtables that are on their way out.
  package func sealedChanged(by delta: Int) { sealed.wrappingAdd(delta, ordering: .relaxed) }

  // MARK: Chunks that are used again

  /// Bytes of a chunk: a huge page.
  static let spareByteCount = 2 << 20
  /// As much as one memtable.
  private var spareLimit: Int { memtableByteCount / 5 / MemoryBudget.spareByteCount }

  /// A chunk of `spareByteCount` bytes with unspecified contents; nil when there is none.
  func takeSpare() -> UnsafeMutableRawPointer? {
    spares.withLock { $0.popLast() }.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
  }

  /// Takes a mapped chunk over; false when there are enough.
  func keepSpare(_ chunk: UnsafeMutableRawPointer) -> Bool {
    spares.withLock { spares in
      guard spares.count < spareLimit else { return false }
      spares.append(UInt(bitPattern: chunk))
      return true
    }
  }

  /// Gives them back to the system: nobody writes now.
  func dropSpares() {
    while let chunk = takeSpare() {
      strata_unmap_memory(chunk, MemoryBudget.spareByteCount)
    }
  }

  deinit { dropSpares() }

  // MARK: Running short

  /// Half of the share: the other half holds what is being written out meanwhile.
  package var isShort: Bool {
    memtableBytesInUse - sealed.load(ordering: .relaxed) > memtableByteCount / 2
  }

  /// What is being written out is wanted back.
  package var isCrowded: Bool { memtableBytesInUse > memtableByteCount / 4 * 3 }

  /// The whole share is in use: writers are slowed.
  package var isFull: Bool { memtableBytesInUse >= memtableByteCount }

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
