// One budget for everything that grows: memtables and the block cache with its filters and
// indexes. Memtables take what they need up to their share; the cache lives in the rest. When the
// share runs short, the largest memtable of all engines is written out.
//
// What memtables leave of their share is lent while nobody writes, and called back before one of
// them takes it: lent and memtables together are never more than the share, or memtables alone.

internal import CLinux
internal import Synchronization

/// Whoever has an active memtable that can be written out.
package protocol MemtableOwner: AnyObject, Sendable {
  var activeMemtableByteCount: Int { get }
  /// Seals the active memtable soon and writes it out; must not wait.
  func relieveMemory()
}

/// Whoever makes use of what memtables leave, and lets go of it at once.
package protocol MemoryBorrower: AnyObject, Sendable {
  /// Holds at most so many bytes of what is lent, and returns how many that may be. One call at a
  /// time; must not wait.
  func borrow(atMost byteCount: Int) -> Int
}

/// Bytes in use against bytes allowed, over all engines of the process.
package final class MemoryBudget: Sendable {
  private struct WeakOwner {
    weak var owner: (any MemtableOwner)?
  }

  package let byteCount: Int
  /// Bytes that memtables, active and sealed, may hold together.
  package var memtableByteCount: Int { byteCount / 3 }
  /// Bytes of the row cache, beside what memtables leave: a fifth of the caches. A row that is
  /// missing there costs a microsecond, a block that is missing ten and more.
  package var rowCacheByteCount: Int { (byteCount - memtableByteCount) / 5 }
  /// Bytes of the block cache.
  package var blockCacheByteCount: Int { byteCount - memtableByteCount - rowCacheByteCount }
  private let memtables = Atomic<Int>(0)
  private let sealed = Atomic<Int>(0)
  private let owners = Mutex<[WeakOwner]>([])
  private struct Loan {
    weak var borrower: (any MemoryBorrower)?
  }
  private let loan = Mutex(Loan())
  private let lent = Atomic<Int>(0)
  /// Mapped chunks of freed memtables: fresh memory costs a fault and the clearing of each page.
  private let spares = Mutex<[UInt]>([])

  package init(byteCount: Int) { self.byteCount = byteCount }

  package var memtableBytesInUse: Int { memtables.load(ordering: .relaxed) }
  /// Called by arenas as they grow (positive) and are freed (negative).
  package func memtablesChanged(by delta: Int) {
    let inUse = memtables.wrappingAdd(delta, ordering: .relaxed).newValue
    let lent = lent.load(ordering: .relaxed)
    if delta > 0, lent > 0, inUse + lent > memtableByteCount {
      lend { min($0, memtableByteCount - memtableBytesInUse) }
    }
  }

  // MARK: Lending

  package var lentByteCount: Int { lent.load(ordering: .relaxed) }
  /// Most that is ever lent: memtables that begin to grow need not call it back at once, and what
  /// no budget counts (connections, holes in the heap) has room while they are small.
  package var lendableByteCount: Int { memtableByteCount / 8 * 5 }

  /// Lends to `borrower`, from now on as long as it lives.
  package func lend(to borrower: any MemoryBorrower) {
    loan.withLock { $0.borrower = borrower }
    lendWhatIsFree()
  }

  /// Beside writers half of the share stays free: memtables come and go in it, and the borrower
  /// would have to let go of what it has just filled.
  private func lendWhatIsFree() {
    lend { lent in
      let inUse = memtableBytesInUse
      let free =
        inUse <= memtableByteCount / 8
        ? lendableByteCount - inUse : memtableByteCount / 2 - inUse
      return max(lent, free)
    }
  }

  /// - Parameter wanted: How much may be lent, from what is.
  private func lend(_ wanted: (Int) -> Int) {
    loan.withLock { loan in
      let now = lent.load(ordering: .relaxed)
      let byteCount = max(0, wanted(now))
      guard byteCount != now, let borrower = loan.borrower else { return }
      lent.store(borrower.borrow(atMost: byteCount), ordering: .relaxed)
    }
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

  /// Nobody writes now: spare chunks go back to the system, and what is free is lent.
  func writersRest() {
    dropSpares()
    lendWhatIsFree()
  }

  private func dropSpares() {
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
