// The limit of a row, for changes that do not know what their row holds.
//
// Rows that are seen to be large, when a memtable, a flush or a compaction merges them, are
// remembered with an upper bound of their bytes. A change of a remembered row, and one that is
// large itself, is decided at its turn: it adds to the bound, and where that passes the limit it
// looks at what the row holds. All other changes are small changes of rows that are not known to be
// large: what those add up to before a merge sees it is far below what the engine can store.

internal import Bytes
internal import DataModel
internal import LSM
internal import Synchronization

/// Large rows of one table. Safe for concurrent use; bounds change with the right to commit only.
final class RowSizes: Sendable {
  /// Rows remembered: with the longest keys 16 MiB. Beyond it only rows of a quarter of the limit.
  private static let countLimit = 4_096

  /// Bytes of a row.
  let rowByteCount: Int
  /// Bytes of a change that looks.
  let largeChangeByteCount: Int
  /// Bytes of a row that is remembered.
  private let largeRowByteCount: Int
  private let bounds = Mutex<[[UInt8]: Int]>([:])
  private let count = Atomic<Int>(0)

  init(rowByteCount: Int) {
    self.rowByteCount = rowByteCount
    largeChangeByteCount = rowByteCount / 256
    largeRowByteCount = rowByteCount / 64
  }

  /// A merge has made this much of some or all changes of a row.
  func merged(_ key: ByteView, byteCount: Int) {
    guard byteCount >= largeRowByteCount else { return }
    bounds.withLock { bounds in
      guard bounds[key.array] == nil, mayRemember(byteCount, among: bounds.count) else { return }
      // What else the row holds is not known: the next change looks.
      bounds[key.array] = rowByteCount
      count.store(bounds.count, ordering: .relaxed)
    }
  }

  private func mayRemember(_ byteCount: Int, among count: Int) -> Bool {
    count < RowSizes.countLimit || byteCount >= rowByteCount / 4
  }

  /// Is one of the rows' changes large? Known before any of them is encoded: a row packs to hardly
  /// more than its part of the list.
  func mustDecide(_ list: borrowing MutationList) -> Bool {
    guard list.byteCount >= largeChangeByteCount else { return false }
    var reader = MutationListReader(list.encoded)
    while !reader.isAtEnd {
      let start = reader.offset
      reader.skipRow()
      if reader.offset - start >= largeChangeByteCount { return true }
    }
    return false
  }

  /// Is one of the changes large, or of a large row?
  ///
  /// - Parameters:
  ///   - entries: Encoded as in a `WriteBatch`.
  ///   - largest: Bytes of the largest change.
  func mustDecide(_ entries: ByteView, largest: Int) -> Bool {
    if largest >= largeChangeByteCount { return true }
    if count.load(ordering: .relaxed) == 0 { return false }
    return bounds.withLock { bounds in
      var reader = WriteBatchReader(entries)
      // The batch was written by this process: it ends where it should.
      while let entry = try? reader.next() {
        if bounds[entry.key.array] != nil { return true }
      }
      return false
    }
  }

  func bound(of key: ByteView) -> Int? { bounds.withLock { $0[key.array] } }

  /// The row has at most this many bytes. With the right to commit.
  func set(_ key: ByteView, to byteCount: Int) {
    bounds.withLock { bounds in
      let isKnown = bounds[key.array] != nil
      let isLarge =
        byteCount >= largeRowByteCount && (isKnown || mayRemember(byteCount, among: bounds.count))
      guard isKnown || isLarge else { return }
      bounds[key.array] = isLarge ? byteCount : nil
      count.store(bounds.count, ordering: .relaxed)
    }
  }
}

/// What a deciding commit asks of each change before it takes it.
final class RowAdmission {
  private let sizes: RowSizes
  private let merger: RowMerger
  private let reader: any CommitReader
  /// Bytes that this commit has added to rows that it has looked at: the reader does not see them.
  private var added: [[UInt8]: Int] = [:]

  init(_ sizes: RowSizes, _ merger: RowMerger, _ reader: any CommitReader) {
    self.sizes = sizes
    self.merger = merger
    self.reader = reader
  }

  /// Does the row stay within its limit?
  func check(_ kind: EntryKind, _ key: ByteView, _ change: ByteView) throws(TableServiceError) {
    guard kind == .merge else { return sizes.set(key, to: change.count) }
    let known = sizes.bound(of: key)
    guard known != nil || change.count >= sizes.largeChangeByteCount else { return }
    if let known, known <= sizes.rowByteCount - change.count {
      added[key.array, default: 0] += change.count
      return sizes.set(key, to: known + change.count)
    }
    let byteCount = try byteCount(of: key, with: change)
    guard byteCount <= sizes.rowByteCount else {
      throw .invalid(
        code: "row_too_large",
        message: "row \"\(key)\" would come to \(byteCount) bytes; the limit is "
          + "\(sizes.rowByteCount)")
    }
    added[key.array, default: 0] += change.count
    sizes.set(key, to: byteCount)
  }

  /// Bytes of the row with the change, merged where the sum alone would be too much.
  private func byteCount(
    of key: ByteView, with change: ByteView
  ) throws(TableServiceError) -> Int {
    let operands: [Operand]
    do throws(EngineError) {
      operands = try reader.operands(of: key)
    } catch {
      throw TableServiceError(error)
    }
    let earlier = added[key.array] ?? 0
    let sum = operands.reduce(earlier + change.count) { $0 + $1.value.count }
    if sum <= sizes.rowByteCount { return sum }
    return earlier
      + merger.byteCount(ofMerging: [Operand(kind: .merge, value: change)] + operands)
  }
}
