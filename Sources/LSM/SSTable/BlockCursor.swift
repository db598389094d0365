// A position in one block, moving either way. Keys are put together in a buffer that is reused;
// values are views into the block, which the cursor holds.
//
// Backwards, prefix compression would mean to decode from the restart point for every step; so a
// step back over a restart interval's edge decodes the whole interval once into `window`, and the
// steps after it are taken from there.

internal import Bytes

/// A position in one block.
struct BlockCursor: ~Copyable {
  /// A restart interval decoded for the way back.
  private final class Window {
    struct Passed {
      var offset = 0
      var keyOffset = 0
      var keyCount = 0
    }

    var passed: [Passed] = []
    var keys = ByteBuffer()
  }

  private(set) var block: Block?
  private var search: BlockSearch?
  private var keyBuffer = ByteBuffer(capacity: 64)
  private(set) var isValid = false
  private(set) var kind = EntryKind.put
  private(set) var value = ByteView()
  private var offset = 0
  private var nextOffset = 0
  /// Made by the first step back.
  private var window: Window?
  /// How many of its entries are before the current one; 0 when it must be filled anew.
  private var windowCount = 0

  init() {}

  /// The current key; valid until the next move.
  var key: ByteView { keyBuffer.view }

  /// Goes over to `block`, without a position yet.
  mutating func open(_ block: Block) throws(BlockDamage) {
    leave()
    if self.block === block, search != nil { return }
    search = nil
    self.block = block
    search = try BlockSearch(block.view)
  }

  /// Forgets the position.
  mutating func leave() {
    isValid = false
    windowCount = 0
  }

  /// Forgets position and block.
  mutating func close() {
    leave()
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
    guard let entry = found.entry else { return }
    keyBuffer.clear()
    keyBuffer.append(key.prefix(entry.shared))
    take(search, entry, at: found.offset)
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

  /// To the next entry, where it is in the block and can be told at a glance; else nothing moves.
  @inline(__always)
  mutating func stepWithin() -> Bool {
    guard isValid, let search, let entry = search.plainEntry(at: nextOffset),
      entry.shared <= keyBuffer.count
    else { return false }
    windowCount = 0
    take(search, entry, at: nextOffset)
    return true
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
    take(search, entry, at: offset)
  }

  /// - Precondition: The key buffer begins with what the entry shares.
  @inline(__always)
  private mutating func take(_ search: BlockSearch, _ entry: BlockEntry, at offset: Int) {
    keyBuffer.truncate(to: entry.shared)
    keyBuffer.append(short: search.suffix(entry))
    kind = entry.kind
    value = search.value(entry)
    self.offset = offset
    nextOffset = entry.endOffset
    isValid = true
  }

  /// Decodes the restart interval that ends with the entry before offset `end`.
  private mutating func fillWindow(_ search: BlockSearch, before end: Int) throws(BlockDamage) {
    let window = self.window ?? Window()
    self.window = window
    window.passed.removeAll(keepingCapacity: true)
    window.keys.clear()
    var at = search.restartOffset(search.lastRestart(before: end))
    var previous = Window.Passed()
    while at < end {
      let entry = try search.entry(at: at)
      guard entry.shared <= previous.keyCount else {
        throw .format("an entry shares more than the key before it has")
      }
      let start = window.keys.count
      window.keys.reserve(entry.shared + entry.suffixCount)
      window.keys.append(
        window.keys.view[previous.keyOffset..<previous.keyOffset + entry.shared])
      window.keys.append(search.suffix(entry))
      previous = Window.Passed(
        offset: at, keyOffset: start, keyCount: entry.shared + entry.suffixCount)
      window.passed.append(previous)
      at = entry.endOffset
    }
    windowCount = window.passed.count
  }

  /// Takes the last entry of the window and leaves those before it.
  private mutating func takeFromWindow(_ search: BlockSearch) throws(BlockDamage) {
    guard let window, windowCount > 0 else { throw .format("a restart interval is empty") }
    let passed = window.passed[windowCount - 1]
    windowCount -= 1
    let entry = try search.entry(at: passed.offset)
    keyBuffer.clear()
    keyBuffer.append(
      window.keys.view[passed.keyOffset..<passed.keyOffset + passed.keyCount])
    kind = entry.kind
    value = search.value(entry)
    offset = passed.offset
    nextOffset = entry.endOffset
    isValid = true
  }
}
