// A table file in use: its facts, and the hold that keeps it on disk. Versions share these
// objects; when the last version, cursor or job lets go of a file that compaction has replaced,
// the file is removed in the background.

internal import Synchronization

/// Where the file of a released, obsolete `TableFile` goes. Called from whichever thread released
/// it last, so it must hand the removal on.
package protocol TableDisposal: AnyObject, Sendable {
  func dispose(of number: FileNumber)
}

/// One table file, shared by all versions that hold it.
package final class TableFile: Sendable {
  package let metadata: TableMetadata
  private let disposal: (any TableDisposal)?
  private let isObsolete = Atomic<Bool>(false)

  /// - Parameter disposal: nil for a file that is never removed (tests of pure code).
  package init(_ metadata: TableMetadata, disposal: (any TableDisposal)? = nil) {
    self.metadata = metadata
    self.disposal = disposal
  }

  deinit {
    if isObsolete.load(ordering: .acquiring) { disposal?.dispose(of: metadata.number) }
  }

  package var number: FileNumber { metadata.number }

  /// The manifest no longer names the file: it goes when nobody holds it.
  func markObsolete() { isObsolete.store(true, ordering: .releasing) }
}
