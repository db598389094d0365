// A table file that a version names: its key range in memory, its reader opened when first needed.

package import Bytes
internal import Synchronization
package import VFS

/// A table file's key range and its reader, opened when first needed. Safe for concurrent use.
package final class TableHandle: Sendable {
  private let smallest: Block
  private let largest: Block
  private let openFile: @Sendable () throws(EngineError) -> TableReader
  private let opened = AtomicLazyReference<TableReader>()

  /// - Parameters:
  ///   - reader: Of a file that is open already.
  ///   - open: Opens the file; when threads race it may be called more than once, and one reader is
  ///     kept.
  package init(
    smallestKey: [UInt8], largestKey: [UInt8], reader: TableReader? = nil,
    open: @escaping @Sendable () throws(EngineError) -> TableReader
  ) {
    smallest = ByteView.of(smallestKey) { Block(copying: $0) }
    largest = ByteView.of(largestKey) { Block(copying: $0) }
    openFile = open
    if let reader { _ = opened.storeIfNil(reader) }
  }

  /// Valid as long as the handle.
  package var smallestKey: ByteView { smallest.view }
  /// Valid as long as the handle.
  package var largestKey: ByteView { largest.view }

  /// The reader if somebody has opened the file.
  package var openReader: TableReader? { opened.load() }

  /// The open reader. Throws `.wouldBlock` when it is not open yet and `wait` is `.forbidden`.
  package func reader(wait: ReadWait) throws(EngineError) -> TableReader {
    if let reader = opened.load() { return reader }
    guard wait == .allowed else { throw .wouldBlock }
    return opened.storeIfNil(try openFile())
  }

  /// Index of the first of `handles` (sorted, not overlapping) whose largest key is at or after
  /// `key`; `handles.count` when there is none.
  package static func firstIndex(reaching key: ByteView, in handles: [TableHandle]) -> Int {
    var low = 0
    var high = handles.count
    while low < high {
      let middle = (low + high) / 2
      if handles[middle].largestKey < key { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
