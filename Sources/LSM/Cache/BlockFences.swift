// What an index block is searched by: of each entry eight bytes of its key, behind what all keys of
// the block begin with, and where the entry lies. The words lie side by side, so a search is a
// handful of comparisons in a few lines of memory, where restart points would each be decoded.
//
// In memory only, made when the block is read. Two keys of one word are not told apart: the block
// itself is asked then.

internal import Bytes

/// Words of one index block's keys. Immutable.
final class BlockFences: @unchecked Sendable {
  // Sendable: written before it is shared and never after.
  private let words: UnsafeMutablePointer<UInt64>
  private let offsets: UnsafeMutablePointer<UInt32>
  private let count: Int
  /// What all keys begin with; in the block, which holds the fences.
  private let prefix: ByteView

  /// Where a key belongs.
  enum Place: Equatable {
    /// The first entry at or after the key is at this offset.
    case entry(Int)
    /// All entries are before.
    case end
    /// The words do not say.
    case unsure
  }

  /// - Parameters:
  ///   - entries: Words that do not descend, with the offsets of their entries.
  ///   - prefix: Valid as long as the fences.
  init(_ entries: [(word: UInt64, offset: UInt32)], behind prefix: ByteView) {
    count = entries.count
    words = .allocate(capacity: max(count, 1))
    offsets = .allocate(capacity: max(count, 1))
    for (index, entry) in entries.enumerated() {
      (words + index).initialize(to: entry.word)
      (offsets + index).initialize(to: entry.offset)
    }
    self.prefix = prefix
  }

  deinit {
    words.deallocate()
    offsets.deallocate()
  }

  var byteCount: Int { count * 12 + 96 }

  func place(of key: ByteView) -> Place {
    guard count > 0 else { return .end }
    guard prefix.isEmpty || key.hasPrefix(prefix) else {
      return key.compare(prefix) < 0 ? .entry(Int(offsets[0])) : .end
    }
    let word = key.word(from: prefix.count)
    // Halves without a branch to foresee: the step is taken or not.
    var low = 0
    var rest = count
    while rest > 1 {
      let half = rest / 2
      low &+= words[low &+ half &- 1] < word ? half : 0
      rest &-= half
    }
    if words[low] < word { low &+= 1 }
    guard low < count else { return .end }
    return words[low] == word ? .unsure : .entry(Int(offsets[low]))
  }
}
