// One sorted level as one cursor. Stub.

package import Bytes
package import VFS

/// Entries of table files that do not overlap, in key order; files are opened as they are reached.
package final class LevelCursor: EntryCursor {
  /// - Parameter handles: Sorted by key, not overlapping.
  package init(_ handles: [TableHandle], purpose: CursorPurpose) {}
  package var isValid: Bool { false }
  package var key: ByteView { ByteView() }
  package var kind: EntryKind { .put }
  package var value: ByteView { ByteView() }
  package var wait: ReadWait = .allowed
  package var hasUniqueKeys: Bool { true }
  package func seek(to key: ByteView) throws(EngineError) {}
  package func seekToFirst() throws(EngineError) {}
  package func seek(before key: ByteView) throws(EngineError) {}
  package func seekToLast() throws(EngineError) {}
  package func next() throws(EngineError) {}
  package func previousKey() throws(EngineError) {}
}
