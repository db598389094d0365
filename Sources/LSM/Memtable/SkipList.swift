// An arena skip list (Pugh 1990): entries by key up, then newest first. One writer inserts while
// any number of readers walk, without locks: a node is complete before the release store that
// links it, and readers follow links with acquire loads. Nodes are never changed or removed.
//
//   node  := prefix: u64 │ order: u64 │ valueCount: u32 │ keyCount: u16 │ height: u8 │ zero: u8
//            │ link × height │ chain, where flagged in order │ key │ value        in memory only
//   link  := next: address │ nextPrefix: u64
//   order := sequence: 56 bits │ isFold: 1 │ hasChain: 1 │ zero: 4 │ kind: 2, low bits last
//   chain := count: u32 │ byteCount: u32 │ baseByteCount: u32 │ zero: u32
//
// `prefix` is the key's first 8 bytes as a big-endian word: most comparisons end there. A link
// has that of the node it leads to, so that a node is touched only when a search goes on from it.
// The two words of a link are not changed together. The writer stores the address, then the prefix;
// readers load the prefix, then the address. As nodes only come in between, the address loaded is
// never behind the node whose prefix was loaded: a smaller prefix is always a right to go on.

internal import Bytes
internal import CLinux
internal import Synchronization

/// What a merge entry knows of the unfolded entries of its key in the same memtable.
struct MergeChain {
  /// Merges since the last fold or whole value, this one included.
  var count: UInt32
  /// Bytes of their values.
  var byteCount: UInt32
  /// Bytes of the fold or whole value below them; 0 for none.
  var baseByteCount: UInt32
}

/// The address of a node; as long as the list lives.
struct SkipListNode: Equatable {
  static let fixedByteCount = 24
  static let linkByteCount = 16
  static let chainByteCount = 16
  static let foldFlag: UInt64 = 0x80
  static let chainFlag: UInt64 = 0x40

  let base: UnsafeMutableRawPointer

  @inline(__always) init(_ base: UnsafeMutableRawPointer) { self.base = base }

  @inline(__always) var prefix: UInt64 { base.load(as: UInt64.self) }
  @inline(__always) var order: UInt64 { base.load(fromByteOffset: 8, as: UInt64.self) }
  @inline(__always) var valueCount: Int {
    Int(base.load(fromByteOffset: 16, as: UInt32.self))
  }
  @inline(__always) var keyCount: Int { Int(base.load(fromByteOffset: 20, as: UInt16.self)) }
  @inline(__always) var height: Int { Int(base.load(fromByteOffset: 22, as: UInt8.self)) }

  @inline(__always) var sequence: UInt64 { order &>> 8 }
  @inline(__always) var isFold: Bool { order & SkipListNode.foldFlag != 0 }
  @inline(__always) var hasChain: Bool { order & SkipListNode.chainFlag != 0 }
  var kind: EntryKind {
    @inline(__always) get {
      switch order & 3 {
      case 1: .put
      case 2: .delete
      default: .merge
      }
    }
  }

  @inline(__always) private var keyOffset: Int {
    SkipListNode.fixedByteCount &+ height &* SkipListNode.linkByteCount
      &+ (hasChain ? SkipListNode.chainByteCount : 0)
  }
  @inline(__always) var key: ByteView { ByteView(base + keyOffset, count: keyCount) }
  @inline(__always) var value: ByteView {
    ByteView(base + (keyOffset &+ keyCount), count: valueCount)
  }

  /// Asks for the node's first lines: links, key and a short value.
  @inline(__always) func prefetch() {
    strata_prefetch(base)
    strata_prefetch(base + 64)
    strata_prefetch(base + 128)
  }

  var chain: MergeChain? {
    guard hasChain else { return nil }
    return base.load(
      fromByteOffset: SkipListNode.fixedByteCount &+ height &* SkipListNode.linkByteCount,
      as: MergeChain.self)
  }

  // In bounds: every caller's level is below the node's height. A link does not cross a cache line:
  // nodes lie at 8 behind a multiple of 16.
  @inline(__always)
  private func word(_ level: Int, _ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    (base + (SkipListNode.fixedByteCount &+ level &* SkipListNode.linkByteCount &+ offset))
      .assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// Where the level's link lies.
  @inline(__always) func link(_ level: Int) -> UnsafeMutableRawPointer {
    base + (SkipListNode.fixedByteCount &+ level &* SkipListNode.linkByteCount)
  }

  @inline(__always) func next(_ level: Int) -> SkipListNode? {
    let address = word(level, 0).pointee.load(ordering: .acquiring)
    guard let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address)) else { return nil }
    return SkipListNode(pointer)
  }

  /// Not below the prefix of the node that `next` returns when it is called after this.
  @inline(__always) func nextPrefix(_ level: Int) -> UInt64 {
    word(level, 8).pointee.load(ordering: .acquiring)
  }

  @inline(__always) func setNext(_ level: Int, _ node: SkipListNode?, prefix: UInt64) {
    word(level, 0).pointee.store(
      node.map { UInt64(UInt(bitPattern: $0.base)) } ?? 0, ordering: .releasing)
    word(level, 8).pointee.store(prefix, ordering: .releasing)
  }

  @inline(__always) func initializeLink(_ level: Int) {
    word(level, 0).initialize(to: Atomic<UInt64>(0))
    word(level, 8).initialize(to: Atomic<UInt64>(.max))
  }
}

/// A key with its prefix word, as searches compare it.
struct SkipListKey {
  let bytes: ByteView
  let prefix: UInt64

  @inline(__always)
  init(_ bytes: ByteView) {
    self.bytes = bytes
    if bytes.count >= 8 {
      prefix = bytes.bigEndian64(at: 0)
    } else {
      var word: UInt64 = 0
      for index in 0..<bytes.count { word |= UInt64(bytes[index]) &<< UInt64(56 &- 8 &* index) }
      prefix = word
    }
  }

  /// Order of this key against the node's: negative, zero, positive.
  @inline(__always)
  func compare(_ node: SkipListNode) -> Int {
    let other = node.prefix
    if prefix != other { return prefix < other ? -1 : 1 }
    return compareBehindPrefix(node.key)
  }

  @inline(__always)
  private func compareBehindPrefix(_ other: ByteView) -> Int {
    guard bytes.count > 8, other.count > 8 else { return bytes.count &- other.count }
    return bytes.dropFirst(8).compare(other.dropFirst(8))
  }
}

/// The list. All calls but `insert` are safe beside one inserting thread.
struct SkipList: ~Copyable {
  /// With every other node reaching the next level, enough for a million entries. One in four takes
  /// less memory, but its searches touch three nodes a level, these one.
  static let maxHeight = 20

  /// What only the writer touches.
  private struct WriterState {
    var random: UInt64
  }

  private let arena: Arena
  let head: SkipListNode
  private let writer: UnsafeMutablePointer<WriterState>
  /// Of the writer: places it has found and not yet inserted at.
  let searches: UnsafeMutablePointer<SkipListSearch>
  let heightInUse = Atomic<Int>(1)

  init(memory: MemoryBudget, randomSeed: UInt64) {
    arena = Arena(memory: memory)
    let count =
      SkipListNode.fixedByteCount + SkipList.maxHeight * SkipListNode.linkByteCount
    let base = arena.allocate(count)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    base.storeBytes(of: UInt8(SkipList.maxHeight), toByteOffset: 22, as: UInt8.self)
    head = SkipListNode(base)
    for level in 0..<SkipList.maxHeight { head.initializeLink(level) }
    writer = .allocate(capacity: 1)
    writer.initialize(to: WriterState(random: randomSeed | 1))
    searches = .allocate(capacity: SkipList.searchCount + 1)
    searches.initialize(
      repeating: SkipListSearch(SkipListKey(ByteView()), order: 0, from: head, height: 1),
      count: SkipList.searchCount + 1)
  }

  deinit {
    writer.deinitialize(count: 1)
    writer.deallocate()
    searches.deinitialize(count: SkipList.searchCount + 1)
    searches.deallocate()
  }

  /// Bytes taken from the budget. For the writer, or once it has stopped.
  var allocatedByteCount: Int { arena.allocatedByteCount }
  /// Bytes of the nodes.
  var byteCount: Int { arena.usedByteCount }

  // MARK: Searching

  @inline(__always) var first: SkipListNode? { head.next(0) }

  /// The first entry at or behind (`key`, `order`); entries of a key run from high order to low.
  @inline(__always)
  func firstNode(atOrAfter key: SkipListKey, order: UInt64) -> SkipListNode? {
    var node = head
    var level = heightInUse.load(ordering: .relaxed) &- 1
    while true {
      let prefix = node.nextPrefix(level)
      // Loaded once: a second load may find a newer entry of the key, linked in between.
      let next = node.next(level)
      if let next,
        prefix < key.prefix
          || (prefix == key.prefix || level == 0) && SkipList.isBefore(next, key, order)
      {
        node = next
      } else if level == 0 {
        return next
      } else {
        level &-= 1
      }
    }
  }

  /// The last entry whose key is before `key`.
  func lastNode(before key: SkipListKey) -> SkipListNode? {
    var node = head
    var level = heightInUse.load(ordering: .relaxed) &- 1
    while true {
      let prefix = node.nextPrefix(level)
      if let next = node.next(level),
        prefix < key.prefix || prefix == key.prefix && key.compare(next) > 0
      {
        node = next
      } else if level == 0 {
        return node == head ? nil : node
      } else {
        level &-= 1
      }
    }
  }

  var last: SkipListNode? {
    var node = head
    var level = heightInUse.load(ordering: .relaxed) &- 1
    while true {
      if let next = node.next(level) {
        node = next
      } else if level == 0 {
        return node == head ? nil : node
      } else {
        level &-= 1
      }
    }
  }

  /// Does the node sort before (`key`, `order`)?
  @inline(__always)
  static func isBefore(_ node: SkipListNode, _ key: SkipListKey, _ order: UInt64) -> Bool {
    let comparison = key.compare(node)
    return comparison > 0 || (comparison == 0 && node.order > order)
  }

  // MARK: Inserting

  /// Inserts what `search` has looked for; entries inserted since then are walked over. One writer.
  func insert(
    _ search: UnsafeMutablePointer<SkipListSearch>, value: ByteView, chain: MergeChain?
  ) {
    let key = search.pointee.key
    let order = search.pointee.order
    let height = randomHeight()
    let chainCount = chain == nil ? 0 : SkipListNode.chainByteCount
    let linksEnd = SkipListNode.fixedByteCount + height * SkipListNode.linkByteCount
    let keyOffset = linksEnd + chainCount
    let base = arena.allocate(keyOffset + key.bytes.count + value.count)
    base.storeBytes(of: key.prefix, as: UInt64.self)
    base.storeBytes(
      of: order | (chain == nil ? 0 : SkipListNode.chainFlag), toByteOffset: 8, as: UInt64.self)
    base.storeBytes(of: UInt32(value.count), toByteOffset: 16, as: UInt32.self)
    base.storeBytes(of: UInt16(key.bytes.count), toByteOffset: 20, as: UInt16.self)
    base.storeBytes(of: UInt8(height), toByteOffset: 22, as: UInt8.self)
    base.storeBytes(of: 0, toByteOffset: 23, as: UInt8.self)
    if let chain {
      base.storeBytes(of: chain, toByteOffset: linksEnd, as: MergeChain.self)
    }
    UnsafeMutableRawBufferPointer(start: base + keyOffset, count: key.bytes.count)
      .copyMemory(from: key.bytes.buffer)
    UnsafeMutableRawBufferPointer(
      start: base + (keyOffset + key.bytes.count), count: value.count
    ).copyMemory(from: value.buffer)
    let node = SkipListNode(base)
    for level in 0..<height {
      let before = search.pointee.advance(level)
      let prefix = before.nextPrefix(level)
      node.initializeLink(level)
      node.setNext(level, before.next(level), prefix: prefix)
      before.setNext(level, node, prefix: key.prefix)
    }
    if height > heightInUse.load(ordering: .relaxed) {
      // A reader that sees the old height misses only a shortcut.
      heightInUse.store(height, ordering: .relaxed)
    }
  }

  private func randomHeight() -> Int {
    // xorshift64 (Marsaglia 2003), from the engine's seed.
    var word = writer.pointee.random
    word ^= word &<< 13
    word ^= word &>> 7
    word ^= word &<< 17
    writer.pointee.random = word
    return 1 + Swift.min((word &>> 16).trailingZeroBitCount, SkipList.maxHeight - 1)
  }
}
