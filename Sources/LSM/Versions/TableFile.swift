// A table file in use: its facts, its reader, and the hold that keeps it on disk. Versions share
// these objects; when the last version, cursor or job lets go of a file that compaction has
// replaced, the file is removed in the background.

internal import Synchronization

/// One table file, shared by all versions that hold it.
package final class TableFile: Sendable {
  package let metadata: TableMetadata
  /// Opens the file when it is first read, if nobody has prepared it. The file stays as long as
  /// this object, not the handle.
  package let handle: TableHandle
  private let store: TableStore?
  private let isObsolete = Atomic<Bool>(false)

  /// A file that exists in `store`; nil for pure code, which never reads it.
  package init(_ metadata: TableMetadata, in store: TableStore? = nil) {
    self.metadata = metadata
    self.store = store
    handle = TableHandle(
      smallestKey: metadata.smallestKey, largestKey: metadata.largestKey,
      reader: store?.takePrepared(metadata.number)
    ) { () throws(EngineError) -> TableReader in
      guard let store else { throw .closed }
      return try store.open(metadata)
    }
  }

  deinit {
    if isObsolete.load(ordering: .acquiring) { store?.remove(metadata, handle) }
  }

  package var number: FileNumber { metadata.number }

  /// The manifest no longer names the file: it goes when nobody holds it.
  func markObsolete() { isObsolete.store(true, ordering: .releasing) }
}
