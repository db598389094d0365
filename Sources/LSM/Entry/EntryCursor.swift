// The contract that every cursor over sorted entries passes: memtables, blocks, table files,
// levels and the merge of them all.

package import Bytes
package import VFS

/// A position among sorted entries of one source. Keys ascend; entries of one key come newest
/// first (a table file has one entry a key). Not safe for concurrent use.
///
/// After a step that throws `.wouldBlock` the cursor is invalid; seek again where waiting is
/// allowed. Views stay valid until the next move.
package protocol EntryCursor: AnyObject {
  var isValid: Bool { get }
  var key: ByteView { get }
  var kind: EntryKind { get }
  var value: ByteView { get }
  /// May later steps wait for the disk? A cursor may change hands between an event loop and a
  /// worker, one at a time.
  var wait: ReadWait { get set }
  /// True when the source has one entry a key (table files). Otherwise its views must stay valid
  /// as long as the source itself (memtables).
  var hasUniqueKeys: Bool { get }
  /// Appends what keeps the current entry's value valid past the next move.
  func pinCurrent(into pins: inout [AnyObject])

  /// To the first entry with a key at or after `key`, at its newest entry.
  func seek(to key: ByteView) throws(EngineError)
  func seekToFirst() throws(EngineError)
  /// To the newest entry of the last key before `key`.
  func seek(before key: ByteView) throws(EngineError)
  /// To the newest entry of the last key.
  func seekToLast() throws(EngineError)
  /// To the next entry (perhaps an older one of the same key).
  func next() throws(EngineError)
  /// To the newest entry of the previous key. Only from a key's newest entry.
  func previousKey() throws(EngineError)
}

/// A cursor over many entries a key, of which a sequence number sees some: a memtable's. Merges
/// call it by this type: without a witness table and without counting references.
package class SequencedCursor {
  package internal(set) final var isValid = false
  /// Of the entry, while the cursor is at one.
  package internal(set) final var key = ByteView()
  package internal(set) final var kind = EntryKind.put
  package internal(set) final var value = ByteView()

  /// To the first entry with a key at or after `key`, at its newest entry.
  package func seek(to key: ByteView) { preconditionFailure("a source has its own order") }

  /// To the newest entry of the next key, from any entry of this one.
  func nextKey() { preconditionFailure("a source moves its own cursor") }

  /// Forgets the position, and sees entries up to another sequence number.
  func see(upTo sequence: SequenceNumber) { preconditionFailure("a source has its own entries") }
}

extension EntryCursor {
  package var hasUniqueKeys: Bool { false }
  /// For sources whose views stay valid as long as they themselves.
  package func pinCurrent(into pins: inout [AnyObject]) {
    if let last = pins.last, last === self { return }
    pins.append(self)
  }
}
