// What cursors over one view are made of, kept for the next one: a seek is over in a microsecond or
// two, of which making and freeing a cursor's twenty objects would be a third.
//
// Parts in the pool hold no block: those stay with the block cache, which counts them. The pool
// lives and dies with its view, so parts never outlast the files and memtables they were made for.

internal import Bytes
internal import Synchronization

/// What a `KeyCursor` needs besides its bounds.
package final class CursorParts {
  let merged: MergingCursor
  /// Of a key with several, newest first.
  var operands: [Operand] = []
  /// The key that the last step out of a block has left; only such a step can fail.
  var leftKey = ByteBuffer(capacity: 64)

  package init(_ sources: [any EntryCursor]) { merged = MergingCursor(sources) }

  func setOperands(to only: Operand) {
    operands.removeAll(keepingCapacity: true)
    operands.append(only)
  }

  /// Lets go of blocks and of what an unusual cursor has made large.
  func close() {
    merged.close()
    if operands.capacity > 64 { operands = [] } else { operands.removeAll(keepingCapacity: true) }
  }
}

/// A few parts that nobody uses. Safe for concurrent use.
package final class CursorPool: Sendable {
  /// More threads than that seldom seek at the same moment; their parts are made anew.
  private static let slotCount = 4

  /// Addresses of parts, each retained; 0 for none. `nonisolated(unsafe)`: atomics.
  private nonisolated(unsafe) let slots: UnsafeMutablePointer<Atomic<UInt>>

  package init() {
    slots = .allocate(capacity: CursorPool.slotCount)
    for index in 0..<CursorPool.slotCount { (slots + index).initialize(to: Atomic(0)) }
  }

  deinit {
    while take() != nil {}
    slots.deinitialize(count: CursorPool.slotCount).deallocate()
  }

  /// Parts that somebody has given back; nil when there are none.
  func take() -> CursorParts? {
    for index in 0..<CursorPool.slotCount where slots[index].load(ordering: .relaxed) != 0 {
      let address = slots[index].exchange(0, ordering: .acquiring)
      if let parts = UnsafeRawPointer(bitPattern: address) {
        return Unmanaged<CursorParts>.fromOpaque(parts).takeRetainedValue()
      }
    }
    return nil
  }

  /// Takes parts over; lets them go when there are enough.
  func give(_ parts: CursorParts) {
    parts.close()
    let kept = Unmanaged.passRetained(parts)
    let address = UInt(bitPattern: kept.toOpaque())
    for index in 0..<CursorPool.slotCount where slots[index].load(ordering: .relaxed) == 0 {
      let isKept = slots[index].compareExchange(
        expected: 0, desired: address, ordering: .releasing
      ).exchanged
      if isKept { return }
    }
    kept.release()
  }
}
