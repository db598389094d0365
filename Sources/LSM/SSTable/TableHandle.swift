// A table file that a version names, opened when first needed.

package import Bytes
package import VFS

/// A table file's key range and its reader, opened when first needed. Safe for concurrent use.
package final class TableHandle: Sendable {
  /// - Parameter open: Opens the file; may be called more than once when threads race.
  package init(
    smallestKey: [UInt8], largestKey: [UInt8],
    open: @escaping @Sendable () throws(EngineError) -> TableReader
  ) {}
  /// Valid as long as the handle.
  package var smallestKey: ByteView { ByteView() }
  /// Valid as long as the handle.
  package var largestKey: ByteView { ByteView() }
  /// The open reader. Throws `.wouldBlock` when it is not open yet and `wait` is `.forbidden`.
  package func reader(wait: ReadWait) throws(EngineError) -> TableReader { throw .closed }

  /// Index of the first of `handles` (sorted, not overlapping) whose largest key is at or after
  /// `key`; `handles.count` when there is none.
  package static func firstIndex(reaching key: ByteView, in handles: [TableHandle]) -> Int { 0 }
}
