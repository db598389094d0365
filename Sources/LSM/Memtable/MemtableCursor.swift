// Walks a memtable as one snapshot sees it: entries with higher numbers are not there, and a key
// ends at the first entry that stands for, or hides, what is older.

package import Bytes
package import VFS

/// A cursor over a memtable, safe beside its writer. Never waits and never throws.
package final class MemtableCursor: EntryCursor {
  private let memtable: Memtable
  private let newestOrder: UInt64
  private var node: SkipListNode?
  package var wait: ReadWait = .allowed

  init(_ memtable: Memtable, at sequence: SequenceNumber) {
    self.memtable = memtable
    newestOrder = Memtable.newestOrder(sequence)
  }

  package var isValid: Bool { node != nil }
  package var key: ByteView { current.key }
  package var kind: EntryKind { current.kind }
  package var value: ByteView { current.value }

  private var current: SkipListNode {
    guard let node else { preconditionFailure("read of a cursor that is at no entry") }
    return node
  }

  package func seek(to key: ByteView) {
    node = newestVisible(memtable.list.firstNode(atOrAfter: SkipListKey(key), order: newestOrder))
  }

  package func seekToFirst() { node = newestVisible(memtable.list.first) }

  package func seek(before key: ByteView) {
    node = newestVisible(before: memtable.list.lastNode(before: SkipListKey(key)))
  }

  package func seekToLast() { node = newestVisible(before: memtable.list.last) }

  package func next() {
    let entry = current
    if entry.kind.hidesOlder || entry.isFold {
      node = newestVisible(firstBehindKey(of: entry))
    } else {
      // Older entries of the key are visible too; another key's newest perhaps not.
      node = newestVisible(entry.next(0))
    }
    // What comes after it arrives while the caller looks at this one.
    if let following = node?.next(0) { following.prefetch() }
  }

  package func previousKey() {
    node = newestVisible(before: memtable.list.lastNode(before: SkipListKey(current.key)))
  }

  /// The first visible entry at or behind `start`, which is a key's newest or any older one.
  private func newestVisible(_ start: SkipListNode?) -> SkipListNode? {
    var node = start
    while let entry = node, entry.order > newestOrder { node = entry.next(0) }
    return node
  }

  /// The newest visible entry of the last key at or before that of `start`, an oldest entry.
  private func newestVisible(before start: SkipListNode?) -> SkipListNode? {
    var node = start
    while let entry = node {
      let key = SkipListKey(entry.key)
      // The oldest entry of a key is visible if any is.
      if entry.order <= newestOrder {
        return memtable.list.firstNode(atOrAfter: key, order: newestOrder)
      }
      node = memtable.list.lastNode(before: key)
    }
    return nil
  }

  /// Past all entries of the key: a few steps, then a search.
  private func firstBehindKey(of entry: SkipListNode) -> SkipListNode? {
    let key = SkipListKey(entry.key)
    var node = entry.next(0)
    for _ in 0..<8 {
      guard let candidate = node, key.compare(candidate) == 0 else { return node }
      node = candidate.next(0)
    }
    // No entry of the key has order 0.
    return memtable.list.firstNode(atOrAfter: key, order: 0)
  }
}
