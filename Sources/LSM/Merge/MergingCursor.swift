// The merge of sources in key order. Stub.

package import Bytes
package import VFS

/// Entries of several sources in order: keys ascend, entries of one key come newest first.
package final class MergingCursor: EntryCursor {
  /// - Parameter sources: Newest first. A source that is not `hasUniqueKeys` must keep the bytes
  ///   of its entries valid for its whole life (a memtable's arena does).
  package init(_ sources: [any EntryCursor]) {}
  package var isValid: Bool { false }
  package var key: ByteView { ByteView() }
  package var kind: EntryKind { .put }
  package var value: ByteView { ByteView() }
  package var wait: ReadWait = .allowed
  package func seek(to key: ByteView) throws(EngineError) {}
  package func seekToFirst() throws(EngineError) {}
  package func seek(before key: ByteView) throws(EngineError) {}
  package func seekToLast() throws(EngineError) {}
  /// To the next entry; the same as `nextEntryOfKey`, else `nextKey`.
  package func next() throws(EngineError) {}
  /// To the newest entry of the previous key, from any entry of the current one.
  package func previousKey() throws(EngineError) {}
  /// To the next older entry of the current key. Views of the key's newer entries stay valid.
  ///
  /// - Returns: False when there is none; then `key` still stands and only `nextKey` and
  ///   `previousKey` may follow.
  package func nextEntryOfKey() throws(EngineError) -> Bool { false }
  /// To the newest entry of the next key, from any entry of the current one.
  package func nextKey() throws(EngineError) {}
}
