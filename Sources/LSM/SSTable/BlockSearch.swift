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
    guard offset >= 0, offset <= entries.count - 3 else {
      throw .format("an entry starts outside its block")
    }
    let shared = entries[offset]
    let unshared = entries[offset &+ 1]
    let tag = UInt64(entries[offset &+ 2])
    guard (shared | unshared) < 0x80 else { return try longEntry(at: offset) }
    if tag < 0x80 {
      return try checked(
        shared: UInt64(shared), unshared: UInt64(unshared), tag: tag, offset: offset &+ 3)
    }
    // Values of 32 bytes to 4 KiB: a tag of two bytes.
    guard offset <= entries.count - 4, entries[offset &+ 3] < 0x80 else {
      return try longEntry(at: offset)
    }
    return try checked(
      shared: UInt64(shared), unshared: UInt64(unshared),
      tag: tag & 0x7f | UInt64(entries[offset &+ 3]) << 7, offset: offset &+ 4)
  }

  @inline(never)
  private func longEntry(at offset: Int) throws(BlockDamage) -> BlockEntry {
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

  /// Where the first entry at or after a key is.
  struct Found {
    /// Offset of the entry; the count of `entries` when all keys are before.
    var offset: Int
    /// The last restart point at or before the entry.
    var restart: Int
    var isEqual: Bool
    /// The entry at `offset`; nil at the end.
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
      let middle = (low + high) / 2
      if try restartKey(middle).compare(key) <= 0 { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else {
      return Found(offset: 0, restart: 0, isEqual: false, entry: try entry(at: 0))
    }
    let restart = low - 1
    let end = low < restartCount ? min(restartOffset(low), entries.count) : entries.count
    return try scan(for: key, from: restart, to: end)
  }

  /// Walks one interval. `matched` bytes of `key` equal those of the entry before, which is less;
  /// an entry that shares more with its predecessor is less too, one that shares less is greater,
  /// so most entries are decided without a look at their suffix.
  private func scan(
    for key: ByteView, from restart: Int, to end: Int
  ) throws(BlockDamage) -> Found {
    var offset = restartOffset(restart)
    var matched = 0
    while offset < end {
      let entry = try entry(at: offset)
      if entry.shared == matched {
        let suffix = suffix(entry)
        let rest = key.dropFirst(matched)
        let common = suffix.sharedPrefixCount(with: rest)
        if common == suffix.count {
          if common == rest.count {
            return Found(offset: offset, restart: restart, isEqual: true, entry: entry)
          }
          matched += common
        } else if common == rest.count || suffix[common] > rest[common] {
          return Found(offset: offset, restart: restart, isEqual: false, entry: entry)
        } else {
          matched += common
        }
      } else if entry.shared < matched {
        return Found(offset: offset, restart: restart, isEqual: false, entry: entry)
      }
      offset = entry.endOffset
    }
    guard offset < entries.count else {
      return Found(offset: entries.count, restart: restart, isEqual: false, entry: nil)
    }
    return Found(
      offset: offset, restart: min(restart + 1, restartCount - 1), isEqual: false,
      entry: try entry(at: offset))
  }
}
