// A position in one index block or top index, moving either way. What is asked for is the block
// below; keys are compared where they lie and never put together.

internal import Bytes

/// A position among the handles of one index block.
struct IndexCursor {
  private(set) var block: Block?
  private var search: BlockSearch?
  private(set) var isValid = false
  /// Where the block below is; meaningful while the cursor is valid.
  private(set) var handle = BlockHandle.none
  private var offset = 0
  private var nextOffset = 0

  /// Goes over to `block`, without a position yet.
  mutating func open(_ block: Block) throws(BlockDamage) {
    isValid = false
    if self.block === block, search != nil { return }
    search = nil
    self.block = block
    search = try BlockSearch(block.view)
  }

  /// Forgets position and block.
  mutating func close() {
    isValid = false
    search = nil
    block = nil
  }

  mutating func seekToFirst() throws(BlockDamage) {
    let search = try opened()
    try take(search, at: 0)
  }

  /// To the entry of the block that `key` would be in; invalid when every key is before it.
  mutating func seek(to key: ByteView) throws(BlockDamage) {
    let search = try opened()
    let found = try search.lowerBound(key, by: block?.fences)
    guard let entry = found.entry else { return }
    try take(search, entry, at: found.offset)
  }

  mutating func seekToLast() throws(BlockDamage) {
    let search = try opened()
    try takeLast(search, before: search.entries.count)
  }

  mutating func next() throws(BlockDamage) {
    guard let search, isValid else { throw .format("an index cursor moves without a position") }
    isValid = false
    guard nextOffset < search.entries.count else { return }
    try take(search, at: nextOffset)
  }

  mutating func previous() throws(BlockDamage) {
    let search = try opened()
    guard offset > 0 else { return }
    try takeLast(search, before: offset)
  }

  private mutating func opened() throws(BlockDamage) -> BlockSearch {
    isValid = false
    guard let search else { throw .format("an index cursor moves without a block") }
    return search
  }

  private mutating func take(_ search: BlockSearch, at offset: Int) throws(BlockDamage) {
    try take(search, try search.entry(at: offset), at: offset)
  }

  private mutating func take(
    _ search: BlockSearch, _ entry: BlockEntry, at offset: Int
  ) throws(BlockDamage) {
    handle = try BlockHandle.decode(search.value(entry))
    self.offset = offset
    nextOffset = entry.endOffset
    isValid = true
  }

  /// Takes the entry that ends where the one at `end` begins: an interval is short.
  private mutating func takeLast(_ search: BlockSearch, before end: Int) throws(BlockDamage) {
    var at = search.restartOffset(search.lastRestart(before: end))
    guard at < end else { throw .format("a restart interval is empty") }
    while true {
      let entry = try search.entry(at: at)
      guard entry.endOffset < end else { return try take(search, entry, at: at) }
      at = entry.endOffset
    }
  }
}
