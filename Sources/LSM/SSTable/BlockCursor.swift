// A position in one block, moving either way. Keys are put together in a buffer that is reused;
// values are views into the block, which the cursor holds.
//
// Backwards, prefix compression would mean to decode from the restart point for every step; so a
// step back over a restart interval's edge decodes the whole interval once into `window`, and the
// steps after it are taken from there.

internal import Bytes

/// A position in one block.
struct BlockCursor: ~Copyable {
  /// An entry decoded for the way back.
  private struct Passed {
    var offset: Int
    var keyOffset: Int
    var keyCount: Int
  }

  private(set) var block: Block?
  private var search: BlockSearch?
  private var keyBuffer = ByteBuffer(capacity: 64)
  private(set) var isValid = false
  private(set) var kind = EntryKind.put
  private(set) var value = ByteView()
  private var offset = 0
  private var nextOffset = 0
  private var window: [Passed] = []
  private var windowKeys = ByteBuffer(capacity: 0)
  /// How many of `window` are before the current entry; 0 when it must be filled anew.
  private var windowCount = 0

  init() {}

  /// The current key; valid until the next move.
  var key: ByteView { keyBuffer.view }

  /// Goes over to `block`, without a position yet.
  mutating func open(_ block: Block) throws(BlockDamage) {
    isValid = false
    windowCount = 0
    if self.block === block, search != nil { return }
    search = nil
    self.block = block
    search = try BlockSearch(block.view)
  }

  /// Forgets position and block.
  mutating func close() {
    isValid = false
    windowCount = 0
    value = ByteView()
    search = nil
    block = nil
  }

  mutating func seekToFirst() throws(BlockDamage) {
    let search = try opened()
    windowCount = 0
    keyBuffer.clear()
    try take(search, at: 0)
  }

  mutating func seek(to key: ByteView) throws(BlockDamage) {
    let search = try opened()
    windowCount = 0
    isValid = false
    let found = try search.lowerBound(key)
    guard found.offset < search.entries.count else { return }
    try rebuild(search, restart: found.restart, upTo: found.offset)
    try take(search, at: found.offset)
  }

  mutating func seekToLast() throws(BlockDamage) {
    let search = try opened()
    isValid = false
    try fillWindow(search, before: search.entries.count)
    try takeFromWindow(search)
  }

  /// To the last entry before `key`; invalid when there is none.
  mutating func seek(before key: ByteView) throws(BlockDamage) {
    let search = try opened()
    isValid = false
    let found = try search.lowerBound(key)
    guard found.offset > 0 else { return }
    try fillWindow(search, before: found.offset)
    try takeFromWindow(search)
  }

  @inline(__always)
  mutating func next() throws(BlockDamage) {
    guard let search, isValid else { throw .format("a block cursor moves without a position") }
    windowCount = 0
    guard nextOffset < search.entries.count else {
      isValid = false
      return
    }
    try take(search, at: nextOffset)
  }

  /// Moves past entries, from the current one to the block's last or as many as the batch takes.
  /// Their values are views into the block.
  mutating func take(into batch: inout EntryBatch) throws(BlockDamage) {
    guard let search, isValid else { throw .format("a block cursor moves without a position") }
    windowCount = 0
    isValid = false
    guard batch.append(key: key, ByteView(), kind, value) else {
      preconditionFailure("an empty batch takes an entry")
    }
    while nextOffset < search.entries.count {
      let entry = try search.entry(at: nextOffset)
      guard entry.shared <= batch.lastKey.count else {
        throw .format("an entry shares more than the key before it has")
      }
      guard
        batch.append(
          key: batch.lastKey.prefix(entry.shared), search.suffix(entry), entry.kind,
          search.value(entry))
      else {
        keyBuffer.clear()
        keyBuffer.append(batch.lastKey)
        return try take(search, at: nextOffset)
      }
      nextOffset = entry.endOffset
    }
  }

  mutating func previous() throws(BlockDamage) {
    let search = try opened()
    isValid = false
    guard offset > 0 else { return }
    if windowCount == 0 { try fillWindow(search, before: offset) }
    try takeFromWindow(search)
  }

  // MARK: - Decoding

  private func opened() throws(BlockDamage) -> BlockSearch {
    guard let search else { throw .format("a block cursor moves without a block") }
    return search
  }

  /// Takes the entry at `offset`; the key buffer holds the key before it.
  @inline(__always)
  private mutating func take(_ search: BlockSearch, at offset: Int) throws(BlockDamage) {
    isValid = false
    let entry = try search.entry(at: offset)
    guard entry.shared <= keyBuffer.count else {
      throw .format("an entry shares more than the key before it has")
    }
    keyBuffer.truncate(to: entry.shared)
    keyBuffer.append(search.suffix(entry))
    kind = entry.kind
    value = search.value(entry)
    self.offset = offset
    nextOffset = entry.endOffset
    isValid = true
  }

  /// Makes the key buffer hold the key before the entry at `end`.
  private mutating func rebuild(
    _ search: BlockSearch, restart: Int, upTo end: Int
  ) throws(BlockDamage) {
    keyBuffer.clear()
    var at = search.restartOffset(restart)
    while at < end {
      let entry = try search.entry(at: at)
      guard entry.shared <= keyBuffer.count else {
        throw .format("an entry shares more than the key before it has")
      }
      keyBuffer.truncate(to: entry.shared)
      keyBuffer.append(search.suffix(entry))
      at = entry.endOffset
    }
  }

  /// Decodes the restart interval that ends with the entry before offset `end`.
  private mutating func fillWindow(_ search: BlockSearch, before end: Int) throws(BlockDamage) {
    var low = 1
    var high = search.restartCount
    while low < high {
      let middle = (low + high) / 2
      if search.restartOffset(middle) < end { low = middle + 1 } else { high = middle }
    }
    window.removeAll(keepingCapacity: true)
    windowKeys.clear()
    var at = search.restartOffset(low - 1)
    var previous = Passed(offset: 0, keyOffset: 0, keyCount: 0)
    while at < end {
      let entry = try search.entry(at: at)
      guard entry.shared <= previous.keyCount else {
        throw .format("an entry shares more than the key before it has")
      }
      let start = windowKeys.count
      windowKeys.reserve(entry.shared + entry.suffixCount)
      windowKeys.append(
        windowKeys.view[previous.keyOffset..<previous.keyOffset + entry.shared])
      windowKeys.append(search.suffix(entry))
      previous = Passed(offset: at, keyOffset: start, keyCount: entry.shared + entry.suffixCount)
      window.append(previous)
      at = entry.endOffset
    }
    windowCount = window.count
  }

  /// Takes the last entry of the window and leaves those before it.
  private mutating func takeFromWindow(_ search: BlockSearch) throws(BlockDamage) {
    guard windowCount > 0 else { throw .format("a restart interval is empty") }
    let passed = window[windowCount - 1]
    windowCount -= 1
    let entry = try search.entry(at: passed.offset)
    keyBuffer.clear()
    keyBuffer.append(
      windowKeys.view[passed.keyOffset..<passed.keyOffset + passed.keyCount])
    kind = entry.kind
    value = search.value(entry)
    offset = passed.offset
    nextOffset = entry.endOffset
    isValid = true
  }
}
