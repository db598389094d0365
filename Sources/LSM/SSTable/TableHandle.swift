// A table file that a version names: its key range in memory, its reader opened when first needed.

package import Bytes
internal import Synchronization
package import VFS

/// A table file's key range and its reader, opened when first needed. Safe for concurrent use.
package final class TableHandle: Sendable {
  private let smallest: Block
  private let largest: Block
  private let openFile: @Sendable () throws(EngineError) -> TableReader
  /// Address of the reader, retained; 0 until the file is opened. A load of it costs a load, where
  /// that of a reference would count.
  private let opened = Atomic<UInt>(0)

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
    if let reader { _ = keep(reader) }
  }

  deinit { borrowedReader?.release() }

  /// The reader if somebody has opened the file; valid as long as the handle.
  @inline(__always)
  var borrowedReader: Unmanaged<TableReader>? {
    UnsafeRawPointer(bitPattern: opened.load(ordering: .acquiring)).map {
      Unmanaged<TableReader>.fromOpaque($0)
    }
  }

  /// Keeps a reader for as long as the handle lives, unless another was quicker.
  private func keep(_ reader: TableReader) -> TableReader {
    let kept = Unmanaged.passRetained(reader)
    let isFirst = opened.compareExchange(
      expected: 0, desired: UInt(bitPattern: kept.toOpaque()), ordering: .acquiringAndReleasing
    ).exchanged
    if isFirst { return reader }
    kept.release()
    return borrowedReader?.takeUnretainedValue() ?? reader
  }

  /// Valid as long as the handle.
  package var smallestKey: ByteView { smallest.view }
  /// Valid as long as the handle.
  package var largestKey: ByteView { largest.view }

  /// The reader if somebody has opened the file.
  package var openReader: TableReader? { borrowedReader?.takeUnretainedValue() }

  /// The open reader. Throws `.wouldBlock` when it is not open yet and `wait` is `.forbidden`.
  package func reader(wait: ReadWait) throws(EngineError) -> TableReader {
    if let reader = openReader { return reader }
    guard wait == .allowed else { throw .wouldBlock }
    return keep(try openFile())
  }

  /// As `TableReader.get`, of the file opened if need be.
  func get(
    _ key: ByteView, hash: UInt64, wait: ReadWait, into operands: OperandList
  ) -> Result<Bool, EngineError> {
    do throws(EngineError) {
      if let borrowedReader {
        return .success(
          try borrowedReader.borrowed { (reader) throws(EngineError) in
            try reader.get(key, hash: hash, wait: wait, into: operands)
          })
      }
      return .success(
        try reader(wait: wait).get(key, hash: hash, wait: wait, into: operands))
    } catch {
      return .failure(error)
    }
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

/// Key ranges of a view's files, level after level, side by side: what a point read looks through.
final class FileRanges: Sendable {
  private struct Range {
    let smallest: ByteView
    let largest: ByteView
    let handle: Unmanaged<TableHandle>
  }

  /// Keeps what `ranges` point to.
  private let levels: [[TableHandle]]
  /// `nonisolated(unsafe)`: never changed.
  private nonisolated(unsafe) let ranges: UnsafeMutablePointer<Range>
  /// Index of the first file of each level but the lowest, then the count of all.
  private nonisolated(unsafe) let bounds: UnsafeMutablePointer<Int>

  /// - Parameter levels: The first may overlap, newest first; in each other one files ascend.
  init(_ levels: [[TableHandle]]) {
    let levels = levels.prefix(1) + levels.dropFirst().filter { !$0.isEmpty }
    self.levels = Array(levels)
    let files = levels.joined()
    ranges = .allocate(capacity: max(files.count, 1))
    for (index, file) in files.enumerated() {
      (ranges + index).initialize(
        to: Range(
          smallest: file.smallestKey, largest: file.largestKey,
          handle: Unmanaged.passUnretained(file)))
    }
    bounds = .allocate(capacity: max(levels.count, 1))
    var end = 0
    for (index, level) in levels.enumerated() {
      end += level.count
      (bounds + index).initialize(to: end)
    }
  }

  deinit {
    ranges.deallocate()
    bounds.deallocate()
  }

  /// Collects the operands of `key` from new files to old ones, until one hides what is older.
  func collect(
    _ key: ByteView, hash: UInt64, wait: ReadWait, into list: OperandList
  ) throws(EngineError) {
    for level in 0..<levels.count {
      if level == 0 {
        for file in 0..<bounds[0]
        where ranges[file].smallest.compare(key) <= 0 && key.compare(ranges[file].largest) <= 0 {
          if try collect(key, hash: hash, from: file, wait: wait, into: list) { return }
        }
      } else {
        let file = firstIndex(reaching: key, bounds[level &- 1], bounds[level])
        guard file < bounds[level], ranges[file].smallest.compare(key) <= 0 else { continue }
        if try collect(key, hash: hash, from: file, wait: wait, into: list) { return }
      }
    }
  }

  /// - Returns: True when nothing older matters.
  @inline(__always)
  private func collect(
    _ key: ByteView, hash: UInt64, from file: Int, wait: ReadWait, into list: OperandList
  ) throws(EngineError) -> Bool {
    let found = ranges[file].handle._withUnsafeGuaranteedRef {
      $0.get(key, hash: hash, wait: wait, into: list)
    }
    return try found.get() && list.isComplete
  }

  private func firstIndex(reaching key: ByteView, _ start: Int, _ end: Int) -> Int {
    var low = start
    var high = end
    while low < high {
      let middle = (low &+ high) / 2
      if ranges[middle].largest.compare(key) < 0 { low = middle &+ 1 } else { high = middle }
    }
    return low
  }
}
