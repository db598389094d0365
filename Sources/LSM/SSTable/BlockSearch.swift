// Finds entries in the contents of a block without copying a key. The bytes passed their checksum
// but are not trusted further: whatever they say, nothing is read outside the block.

internal import Bytes

/// One entry's head, decoded: positions within the contents.
struct BlockEntry {
  var shared: Int
  var suffixOffset: Int
  var suffixCount: Int
  var valueCount: Int
  var kind: EntryKind

  var valueOffset: Int { suffixOffset &+ suffixCount }
  var endOffset: Int { suffixOffset &+ suffixCount &+ valueCount }
}

/// The parts of a block's contents.
struct BlockSearch {
  /// Entries only.
  let entries: ByteView
  private let restarts: ByteView
  let restartCount: Int

  /// Checks the tail of `contents`; entries are checked as they are read.
  init(_ contents: ByteView) throws(BlockDamage) {
    guard contents.count >= 8 else { throw .format("a block is too short") }
    let count = Int(contents.littleEndian32(at: contents.count - 4))
    guard count >= 1, count <= (contents.count - 4) / 4 else {
      throw .format("a block's restart points exceed it")
    }
    let end = contents.count - 4 - count * 4
    guard end >= 3 else { throw .format("a block has no entry") }
    entries = contents.prefix(end)
    restarts = contents[end..<contents.count - 4]
    restartCount = count
    guard restartOffset(0) == 0 else { throw .format("a block does not start with a whole key") }
  }

  /// Offset of a restart point; checked against the entries when it is read.
  @inline(__always)
  func restartOffset(_ index: Int) -> Int { Int(restarts.littleEndian32(at: index &* 4)) }

  /// Decodes the head of the entry at `offset`.
  @inline(__always)
  func entry(at offset: Int) throws(BlockDamage) -> BlockEntry {
    if let entry = plainEntry(at: offset) { return entry }
    return try anyEntry(at: offset)
  }

  /// The entry at `offset` if its head is one of the usual: lengths of a key in a byte each, a tag
  /// of at most two (values below 4 KiB), and more behind it. Nil for others and for damage.
  @inline(__always)
  func plainEntry(at offset: Int) -> BlockEntry? {
    guard offset >= 0, offset <= entries.count &- 4 else { return nil }
    let head = entries.littleEndian32(at: offset)
    guard head & 0x8080 == 0 else { return nil }
    let shared = Int(head & 0x7f)
    let unshared = Int((head &>> 8) & 0x7f)
    var tag = (head &>> 16) & 0xff
    var start = offset &+ 3
    if tag >= 0x80 {
      guard head < 0x8000_0000 else { return nil }
      tag = tag & 0x7f | (head &>> 24) &<< 7
      start = offset &+ 4
    }
    let valueCount = Int(tag &>> 2)
    guard unshared &+ valueCount <= entries.count &- start, tag & 3 != 0 else { return nil }
    return BlockEntry(
      shared: shared, suffixOffset: start, suffixCount: unshared, valueCount: valueCount,
      kind: tag & 1 == 0 ? .delete : tag & 2 == 0 ? .put : .merge)
  }

  @inline(never)
  private func anyEntry(at offset: Int) throws(BlockDamage) -> BlockEntry {
    guard offset >= 0, offset <= entries.count - 3 else {
      throw .format("an entry starts outside its block")
    }
    var reader = ByteReader(entries.dropFirst(offset))
    let shared: UInt64
    let unshared: UInt64
    let tag: UInt64
    do throws(ByteReadError) {
      shared = try reader.varint()
      unshared = try reader.varint()
      tag = try reader.varint()
    } catch {
      throw .format("an entry's head cannot be read")
    }
    return try checked(
      shared: shared, unshared: unshared, tag: tag, offset: offset &+ reader.offset)
  }

  @inline(__always)
  private func checked(
    shared: UInt64, unshared: UInt64, tag: UInt64, offset: Int
  ) throws(BlockDamage) -> BlockEntry {
    let room = UInt64(entries.count &- offset)
    let valueCount = tag >> 2
    guard unshared <= room, valueCount <= room &- unshared else {
      throw .format("an entry exceeds its block")
    }
    guard shared <= UInt64(Limits.keyByteCount),
      shared &+ unshared <= UInt64(Limits.keyByteCount)
    else { throw .format("a key exceeds its limit") }
    guard let kind = EntryKind(rawValue: UInt8(truncatingIfNeeded: tag & 3)) else {
      throw .format("an entry is of no known kind")
    }
    return BlockEntry(
      shared: Int(shared), suffixOffset: offset, suffixCount: Int(unshared),
      valueCount: Int(valueCount), kind: kind)
  }

  @inline(__always)
  func suffix(_ entry: BlockEntry) -> ByteView {
    entries[entry.suffixOffset..<entry.valueOffset]
  }

  @inline(__always)
  func value(_ entry: BlockEntry) -> ByteView { entries[entry.valueOffset..<entry.endOffset] }

  /// The whole key at a restart point.
  @inline(__always)
  func restartKey(_ index: Int) throws(BlockDamage) -> ByteView {
    let entry = try entry(at: restartOffset(index))
    guard entry.shared == 0 else { throw .format("a restart point shares a prefix") }
    return suffix(entry)
  }

  /// The last restart point before offset `end`; the first where none is.
  func lastRestart(before end: Int) -> Int {
    var low = 1
    var high = restartCount
    while low < high {
      let middle = (low &+ high) / 2
      if restartOffset(middle) < end { low = middle &+ 1 } else { high = middle }
    }
    return low &- 1
  }

  /// Where the first entry at or after a key is.
  struct Found {
    /// Offset of the entry; the count of `entries` when all keys are before.
    var offset: Int
    var isEqual: Bool
    /// The entry at `offset`; nil at the end. What it shares with the entry before it shares with
    /// the key that was looked for.
    var entry: BlockEntry?
  }

  /// The first entry at or after `key`.
  ///
  /// - Complexity: O(log restart points + restart interval).
  func lowerBound(_ key: ByteView) throws(BlockDamage) -> Found {
    // Rightmost restart point whose key is at or before `key`.
    var low = 0
    var high = restartCount
    while low < high {
      let middle = (low &+ high) / 2
      if try restartKey(middle).compare(key) <= 0 { low = middle &+ 1 } else { high = middle }
    }
    guard low > 0 else { return try firstOfInterval(at: 0) }
    let end = low < restartCount ? min(restartOffset(low), entries.count) : entries.count
    return try scan(for: key, from: restartOffset(low &- 1), to: end)
  }

  /// The entry at a restart point, as one that is after the key looked for.
  private func firstOfInterval(at offset: Int) throws(BlockDamage) -> Found {
    let entry = try entry(at: offset)
    guard entry.shared == 0 else { throw .format("a restart point shares a prefix") }
    return Found(offset: offset, isEqual: false, entry: entry)
  }

  /// Walks one interval. `matched` bytes of `key` equal those of the entry before, which is less;
  /// an entry that shares more with its predecessor is less too, one that shares less is greater,
  /// so most entries are decided without a look at their suffix.
  private func scan(
    for key: ByteView, from start: Int, to end: Int
  ) throws(BlockDamage) -> Found {
    var offset = start
    var matched = 0
    while offset < end {
      let entry = try entry(at: offset)
      if entry.shared == matched {
        let suffix = suffix(entry)
        let rest = key.dropFirst(matched)
        let common = suffix.sharedPrefixCount(with: rest)
        if common == suffix.count {
          if common == rest.count {
            return Found(offset: offset, isEqual: true, entry: entry)
          }
          matched += common
        } else if common == rest.count || suffix[common] > rest[common] {
          return Found(offset: offset, isEqual: false, entry: entry)
        } else {
          matched += common
        }
      } else if entry.shared < matched {
        return Found(offset: offset, isEqual: false, entry: entry)
      }
      offset = entry.endOffset
    }
    guard offset < entries.count else {
      return Found(offset: entries.count, isEqual: false, entry: nil)
    }
    return try firstOfInterval(at: offset)
  }
}

extension BlockSearch {
  /// Calls `body` with each key, its entry and the entry's offset. The key is valid for the call.
  func forEachEntry(
    _ body: (ByteView, BlockEntry, Int) throws(BlockDamage) -> Void
  ) throws(BlockDamage) {
    var key = ByteBuffer()
    var offset = 0
    while offset < entries.count {
      let entry = try entry(at: offset)
      guard entry.shared <= key.count else {
        throw .format("an entry shares more than the key before it has")
      }
      key.truncate(to: entry.shared)
      key.append(suffix(entry))
      try body(key.view, entry, offset)
      offset = entry.endOffset
    }
  }
}
