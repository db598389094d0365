// Reads one table file. Stub.

package import Bytes
package import VFS

/// An open table file. Safe for concurrent use.
package final class TableReader: Sendable {
  package let properties = TableProperties()

  /// Reads and checks header, footer, properties and top index. May wait for the disk.
  package static func open(
    _ file: any ReadableFile, id: CachedFileID, cache: BlockCache
  ) throws(EngineError) -> TableReader { throw .closed }

  /// Appends the entry of `key`, if the file has one, to `operands`.
  ///
  /// - Parameter hash: `key.persistedHash`, computed once for all files of a read.
  /// - Returns: True when there was one.
  package func get(
    _ key: ByteView, hash: UInt64, wait: ReadWait, into operands: OperandList
  ) throws(EngineError) -> Bool { throw .closed }

  package func cursor(_ purpose: CursorPurpose) -> TableCursor { TableCursor() }
}

/// What a cursor over table files is for.
package enum CursorPurpose: Sendable {
  /// Serving a read: blocks go through the cache.
  case serving
  /// Rewriting everything: the cache is left alone, the file is read ahead in large pieces.
  case compaction
}

/// Entries of one table file.
package final class TableCursor: EntryCursor {
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
