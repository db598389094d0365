// Walks a memtable as one snapshot sees it: entries with higher numbers are not there, and a key
// ends at the first entry that stands for, or hides, what is older.

package import Bytes
package import VFS

/// A cursor over a memtable, safe beside its writer. Never waits and never throws.
package final class MemtableCursor: SequencedCursor, EntryCursor {
  private let memtable: Memtable
  private var newestOrder: UInt64
  private var entry: StoredEntry?
  private var walk = KeyWalk()
  /// Is the walk at the entry's key? Not after a step backwards.
  private var isWalking = false
  package var wait: ReadWait = .allowed

  init(_ memtable: Memtable, at sequence: SequenceNumber) {
    self.memtable = memtable
    newestOrder = Memtable.newestOrder(sequence)
  }

  override func see(upTo sequence: SequenceNumber) {
    newestOrder = Memtable.newestOrder(sequence)
    stand(at: nil)
  }

  private var current: StoredEntry {
    guard let entry else { preconditionFailure("read of a cursor that is at no entry") }
    return entry
  }

  @inline(__always)
  private func stand(at entry: StoredEntry?) {
    self.entry = entry
    isValid = entry != nil
    guard let entry else { return }
    key = entry.key
    kind = entry.kind
    value = entry.value
  }

  package override func seek(to key: ByteView) { seek(to: key, isPast: false) }

  package func seekToFirst() { seek(to: ByteView(), isPast: false) }

  private func seek(to key: ByteView, isPast: Bool) {
    // Whatever comes into an empty one from now on is above what is seen here.
    guard !memtable.isEmpty else { return }
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
      stand(at: older)
    } else {
      nextKey()
    }
  }

  override func nextKey() {
    if isWalking {
      walk.advance()
      settle()
    } else {
      seek(to: current.key, isPast: true)
    }
  }

  /// From the walk's key on to the first of which an entry is visible.
  @inline(__always)
  private func settle() {
    isWalking = true
    while let newest = walk.entry {
      if let visible = newest.newest(notAbove: newestOrder) {
        return stand(at: visible)
      }
      walk.advance()
    }
    stand(at: nil)
  }

  /// To the last key before `key`, or of all, of which an entry is visible.
  private func seekToLast(before key: ByteView?) {
    isWalking = false
    var newest = memtable.tree.last(before: key)
    while let candidate = newest {
      if let visible = candidate.newest(notAbove: newestOrder) {
        return stand(at: visible)
      }
      newest = memtable.tree.last(before: candidate.key)
    }
    stand(at: nil)
  }
}
