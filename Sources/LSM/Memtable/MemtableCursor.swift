// Walks a memtable as one snapshot sees it: entries with higher numbers are not there, and a key
// ends at the first entry that stands for, or hides, what is older.

package import Bytes
package import VFS

/// A cursor over a memtable, safe beside its writer. Never waits and never throws.
package final class MemtableCursor: EntryCursor {
  private let memtable: Memtable
  private let newestOrder: UInt64
  private var entry: StoredEntry?
  private var walk = KeyWalk()
  /// Is the walk at the entry's key? Not after a step backwards.
  private var isWalking = false
  package var wait: ReadWait = .allowed

  init(_ memtable: Memtable, at sequence: SequenceNumber) {
    self.memtable = memtable
    newestOrder = Memtable.newestOrder(sequence)
  }

  package var isValid: Bool { entry != nil }
  package var key: ByteView { current.key }
  package var kind: EntryKind { current.kind }
  package var value: ByteView { current.value }

  private var current: StoredEntry {
    guard let entry else { preconditionFailure("read of a cursor that is at no entry") }
    return entry
  }

  package func seek(to key: ByteView) { seek(to: key, isPast: false) }

  package func seekToFirst() { seek(to: ByteView(), isPast: false) }

  private func seek(to key: ByteView, isPast: Bool) {
    walk.seek(to: key, isPast: isPast, under: memtable.tree.anchor)
    settle()
  }

  package func seek(before key: ByteView) { seekToLast(before: key) }

  package func seekToLast() { seekToLast(before: nil) }

  package func previousKey() { seekToLast(before: current.key) }

  package func next() {
    let entry = current
    if !entry.kind.hidesOlder, !entry.isFold, let older = entry.older {
      // Visible too.
      self.entry = older
    } else if isWalking {
      walk.advance()
      settle()
    } else {
      seek(to: entry.key, isPast: true)
    }
  }

  /// From the walk's key on to the first of which an entry is visible.
  @inline(__always)
  private func settle() {
    isWalking = true
    while let newest = walk.entry {
      if let visible = newest.newest(notAbove: newestOrder) {
        entry = visible
        return
      }
      walk.advance()
    }
    entry = nil
  }

  /// To the last key before `key`, or of all, of which an entry is visible.
  private func seekToLast(before key: ByteView?) {
    isWalking = false
    var newest = memtable.tree.last(before: key)
    while let candidate = newest {
      if let visible = candidate.newest(notAbove: newestOrder) {
        entry = visible
        return
      }
      newest = memtable.tree.last(before: candidate.key)
    }
    entry = nil
  }
}
