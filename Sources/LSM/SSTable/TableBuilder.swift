// Writes one table file. Stub.

package import Bytes
package import VFS

/// Writes one table file from entries in key order. Confined to one thread.
package final class TableBuilder {
  package init(file: any WritableFile, options: TableOptions) {}
  package private(set) var entryCount: UInt64 = 0
  /// Bytes the file would have if finished now; never less than what is written.
  package var estimatedByteCount: UInt64 { 0 }
  /// - Precondition: keys strictly ascend; key and value are within `Limits`.
  package func add(key: ByteView, kind: EntryKind, value: ByteView) throws(EngineError) {}
  /// Writes what is left, syncs and closes the file.
  ///
  /// - Precondition: at least one entry was added.
  package func finish(_ attributes: TableAttributes) throws(EngineError) -> TableSummary {
    throw .closed
  }
}
