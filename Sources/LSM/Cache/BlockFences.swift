// What an index block is searched and walked by: of each entry eight bytes of its key, behind what
// all keys of the block begin with, and where the block below is. The words lie side by side, so a
// search is a handful of comparisons in a few lines of memory, where restart points would each be
// decoded; the block's own bytes are looked at only where two keys have one word.
//
//   fences := count: u64 │ prefixCount: u64 │ prefix: address
//             │ word: u64 × count │ place: (offset: u64, byteCount: u64) × count
//             │ entry offset: u32 × count                                           in memory only
//
// `place` is where the block below is in its file. Made when the block is read; the prefix lies in
// the block, which owns the fences.

internal import Bytes

/// Words and places of one index block; as long as the block.
struct BlockFences: @unchecked Sendable {
  // Sendable: written before the block is shared and never after.
  private static let wordsOffset = 24

  private let base: UnsafeMutableRawPointer

  /// Where a key belongs.
  enum Place: Equatable {
    /// The first entry at or after the key has this rank; the count where all are before.
    case rank(Int)
    /// The words do not say.
    case unsure
  }

  /// Fences that are still to be filled.
  ///
  /// - Parameter prefix: Stays where it is as long as they.
  init(count: Int, prefix: ByteView) {
    base = .allocate(byteCount: BlockFences.byteCount(count), alignment: 16)
    base.storeBytes(of: count, as: Int.self)
    base.storeBytes(of: prefix.count, toByteOffset: 8, as: Int.self)
    base.storeBytes(
      of: prefix.buffer.baseAddress ?? UnsafeRawPointer(base), toByteOffset: 16,
      as: UnsafeRawPointer.self)
  }

  func free() { base.deallocate() }

  // MARK: - Parts

  var count: Int { base.load(as: Int.self) }
  /// Bytes of memory.
  var byteCount: Int { BlockFences.byteCount(count) }

  private static func byteCount(_ count: Int) -> Int { wordsOffset + 28 * count }

  private var words: UnsafeMutablePointer<UInt64> {
    (base + BlockFences.wordsOffset).assumingMemoryBound(to: UInt64.self)
  }

  private var offsets: UnsafeMutablePointer<UInt32> {
    (base + (BlockFences.wordsOffset + 24 * count)).assumingMemoryBound(to: UInt32.self)
  }

  private func place(_ rank: Int) -> UnsafeMutableRawPointer {
    base + (BlockFences.wordsOffset + 8 * count + 16 * rank)
  }

  /// What all keys begin with.
  var prefix: ByteView {
    ByteView(
      base.load(fromByteOffset: 16, as: UnsafeRawPointer.self),
      count: base.load(fromByteOffset: 8, as: Int.self))
  }

  func word(_ rank: Int) -> UInt64 { words[rank] }

  /// Where the block below is.
  @inline(__always)
  func below(_ rank: Int) -> (offset: UInt64, byteCount: UInt64) {
    let place = place(rank)
    return (place.load(as: UInt64.self), place.load(fromByteOffset: 8, as: UInt64.self))
  }

  /// Fills in one entry.
  ///
  /// - Parameters:
  ///   - word: Of its key, behind the prefix.
  ///   - offset: Where the entry begins in the block.
  func set(
    _ rank: Int, word: UInt64, offset: Int, below: (offset: UInt64, byteCount: UInt64)
  ) {
    (words + rank).initialize(to: word)
    (offsets + rank).initialize(to: UInt32(truncatingIfNeeded: offset))
    place(rank).storeBytes(of: below.offset, as: UInt64.self)
    place(rank).storeBytes(of: below.byteCount, toByteOffset: 8, as: UInt64.self)
  }

  // MARK: - Searching

  /// The first entry at or after `key`, as far as words say.
  func place(of key: ByteView) -> Place {
    let count = count
    let prefix = prefix
    guard prefix.isEmpty || key.hasPrefix(prefix) else {
      return .rank(key.compare(prefix) < 0 ? 0 : count)
    }
    let word = key.word(from: prefix.count)
    let words = words
    // Halves without a branch to foresee: the step is taken or not.
    var low = 0
    var rest = count
    while rest > 1 {
      let half = rest / 2
      low &+= words[low &+ half &- 1] < word ? half : 0
      rest &-= half
    }
    if words[low] < word { low &+= 1 }
    return low < count && words[low] == word ? .unsure : .rank(low)
  }

  /// How many entries begin before an offset in the block.
  func rank(ofEntryAt offset: Int) -> Int {
    let offsets = offsets
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) / 2
      if Int(offsets[middle]) < offset { low = middle &+ 1 } else { high = middle }
    }
    return low
  }
}
