// Index blocks: fences made of their entries, and a position among them, moving either way. What is
// asked for is the block below; no key is put together.

internal import Bytes

/// A position among the handles of one index block.
struct IndexCursor {
  private(set) var block: Block?
  /// Of the block.
  private var fences: BlockFences?
  private var rank = 0
  private(set) var isValid = false
  /// Where the block below is; meaningful while the cursor is valid.
  private(set) var handle = BlockHandle.none

  /// Goes over to `block`, without a position yet.
  mutating func open(_ block: Block) throws(BlockDamage) {
    isValid = false
    if self.block === block { return }
    close()
    fences = try block.searchable
    self.block = block
  }

  /// Forgets position and block.
  mutating func close() {
    isValid = false
    fences = nil
    block = nil
  }

  mutating func seekToFirst() throws(BlockDamage) { stand(at: 0, in: try opened()) }

  /// To the entry of the block that `key` would be in; invalid when every key is before it.
  mutating func seek(to key: ByteView) throws(BlockDamage) {
    let fences = try opened()
    guard let contents = block?.view else { return }
    stand(at: try fences.rank(of: key, in: contents), in: fences)
  }

  mutating func seekToLast() throws(BlockDamage) {
    let fences = try opened()
    stand(at: fences.count - 1, in: fences)
  }

  mutating func next() throws(BlockDamage) { try step(by: 1) }

  mutating func previous() throws(BlockDamage) { try step(by: -1) }

  private mutating func step(by count: Int) throws(BlockDamage) {
    guard isValid else { throw .format("an index cursor moves without a position") }
    stand(at: rank + count, in: try opened())
  }

  private mutating func opened() throws(BlockDamage) -> BlockFences {
    isValid = false
    guard let fences else { throw .format("an index cursor moves without a block") }
    return fences
  }

  /// At an entry, or nowhere past either end.
  private mutating func stand(at rank: Int, in fences: BlockFences) {
    guard rank >= 0, rank < fences.count else { return }
    self.rank = rank
    handle = fences.handle(rank)
    isValid = true
  }
}

// MARK: - Fences

extension Block {
  /// Makes an index block ready to be searched, before it is shared. Reads all of it.
  func fence() throws(BlockDamage) { fences = try BlockFences.make(of: view) }

  /// The fences of an index block.
  var searchable: BlockFences {
    get throws(BlockDamage) {
      guard let fences else { throw .format("an index leads to a block that is no index") }
      return fences
    }
  }
}

extension BlockFences {
  /// The block below an entry.
  ///
  /// - Precondition: `rank` is below the count.
  @inline(__always)
  func handle(_ rank: Int) -> BlockHandle {
    let below = below(rank)
    return BlockHandle(offset: below.offset, payloadByteCount: below.byteCount)
  }

  /// The first entry at or after `key`; the count where all are before.
  ///
  /// - Parameter contents: Of the block.
  func rank(of key: ByteView, in contents: ByteView) throws(BlockDamage) -> Int {
    if case .rank(let rank) = place(of: key) { return rank }
    return rank(ofEntryAt: try BlockSearch(contents).lowerBound(key).offset)
  }

  /// - Parameter contents: Of an index block; stays where it is as long as the fences.
  fileprivate static func make(of contents: ByteView) throws(BlockDamage) -> BlockFences {
    let search = try BlockSearch(contents)
    let first = try search.restartKey(0)
    var last = ByteBuffer()
    var count = 0
    try search.forEachEntry { (key, _, _) throws(BlockDamage) in
      last.clear()
      last.append(key)
      count += 1
    }
    let prefix = first.prefix(first.sharedPrefixCount(with: last.view))
    let fences = BlockFences(count: count, prefix: prefix)
    do throws(BlockDamage) {
      try fences.fill(from: search)
    } catch {
      fences.free()
      throw error
    }
    return fences
  }

  private func fill(from search: BlockSearch) throws(BlockDamage) {
    let prefix = prefix
    var rank = 0
    try search.forEachEntry { (key, entry, offset) throws(BlockDamage) in
      let word = key.word(from: prefix.count)
      guard key.hasPrefix(prefix), rank == 0 || self.word(rank - 1) <= word else {
        throw .format("keys of an index block do not ascend")
      }
      let handle = try BlockHandle.decode(search.value(entry))
      set(
        rank, word: word, offset: offset,
        below: (offset: handle.offset, byteCount: handle.payloadByteCount))
      rank += 1
    }
  }
}
