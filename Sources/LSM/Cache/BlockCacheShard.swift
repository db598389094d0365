// One shard of the block cache: S3-FIFO (Yang et al., SOSP 2023) in bytes.
//
//   insert ─► small (10 %) ──read twice?──► main ──read since?──► main again, one point poorer
//                   └─ no ─► ghost (keys only) ─ asked again ─► main         └─ no ─► gone
//
// A short range fills the small queue only, so it cannot push out what is read again and again; a
// long one pushes nothing out at all (`offer`). Departure
// from the paper: blocks of high priority (filters, indexes) start in main with full frequency.
// Queues are doubly linked lists through one pool of nodes. A table finds a node by key:
//
//   slot    low half of the key's hash: u32 │ node plus 1: u32; 0 for none
//
// A key's slot is the first free one from the place its hash says, half of all are free, so that
// most look-ups wait for two lines of memory: the slot's and the node's.

internal import CLinux

/// Where a block is in a file; a file is numbered by `CachedFileID`.
struct BlockKey: Equatable {
  var file: UInt64
  var offset: UInt64

  init(file: UInt64, offset: UInt64) {
    self.file = file
    self.offset = offset
  }

  init(_ file: CachedFileID, at offset: UInt64) {
    self.init(file: file.rawValue, offset: offset)
  }

  /// Spreads over shards (high bits) and buckets (low bits).
  var hash: UInt64 {
    let product = (file ^ 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(
      by: (offset &+ 1) &* 0xd6e8_feb8_6659_fd93)
    return product.high ^ product.low
  }
}

/// How long a block is worth keeping.
enum BlockPriority {
  /// Data: earns its place by being read again.
  case normal
  /// Filters and indexes: every read of the file needs them.
  case high
}

/// State of one shard; the cache guards it with a lock.
struct BlockCacheShard: ~Copyable {
  private enum Queue: UInt8 { case free, small, main, ghost }

  private struct Node {
    var key = BlockKey(file: 0, offset: 0)
    /// Retained while it is here.
    var block: Unmanaged<Block>?
    /// Within the block's contents: where a search begins.
    var end: UnsafeRawPointer?
    var newer: Int32 = -1
    var older: Int32 = -1
    var frequency: UInt8 = 0
    var queue = Queue.free
  }

  /// A queue's ends and totals.
  private struct Ends {
    var newest: Int32 = -1
    var oldest: Int32 = -1
    var count = 0
    var byteCount = 0
  }

  /// Bytes of bookkeeping a cached block: its node, the object, malloc's rounding.
  private static let overheadByteCount = 176
  private static let highestFrequency: UInt8 = 3

  private var nodes: ContiguousArray<Node> = []
  /// A power of two.
  private var slots = ContiguousArray<UInt64>(repeating: 0, count: 128)
  private var freeNode: Int32 = -1
  private var small = Ends()
  private var main = Ends()
  private var ghost = Ends()
  private(set) var byteCountLimit: Int
  private(set) var hits: UInt64 = 0
  private(set) var misses: UInt64 = 0

  init(byteCountLimit: Int) { self.byteCountLimit = byteCountLimit }

  deinit {
    for node in nodes { node.block?.release() }
  }

  var byteCount: Int { small.byteCount + main.byteCount }
  var blockCount: Int { small.count + main.count }

  mutating func block(for key: BlockKey, hash: UInt64) -> Block? {
    let found = node(for: key, hash: hash)
    guard found >= 0, let block = nodes[Int(found)].block else {
      misses &+= 1
      return nil
    }
    hits &+= 1
    // The block's reference count and its end arrive together.
    if let end = nodes[Int(found)].end { strata_prefetch(end) }
    if nodes[Int(found)].frequency < Self.highestFrequency { nodes[Int(found)].frequency &+= 1 }
    return block.takeUnretainedValue()
  }

  func prefetchSlot(_ hash: UInt64) {
    slots.withUnsafeBufferPointer { slots in
      if let base = slots.baseAddress { strata_prefetch(base + home(hash)) }
    }
  }

  /// The node that the first slot names, which is the key's but for one in some.
  func prefetchNode(_ hash: UInt64) {
    let slot = slots[home(hash)]
    guard slot != 0 else { return }
    nodes.withUnsafeBufferPointer { nodes in
      let node = Int(UInt32(truncatingIfNeeded: slot &- 1))
      if let base = nodes.baseAddress, node < nodes.count { strata_prefetch(base + node) }
    }
  }

  /// Keeps `block`, or finds that another reader was first: returns the block to use.
  mutating func insert(
    _ block: Block, for key: BlockKey, hash: UInt64, priority: BlockPriority
  ) -> Block {
    var wasGhost = false
    let found = node(for: key, hash: hash)
    if found >= 0 {
      if let existing = nodes[Int(found)].block { return existing.takeUnretainedValue() }
      remove(found)
      wasGhost = true
    }
    // What would empty half of the shard is not worth it.
    guard Self.cost(block) <= byteCountLimit / 2 else { return block }
    hold(
      block, for: key, hash: hash, in: wasGhost || priority == .high ? .main : .small,
      frequency: priority == .high ? Self.highestFrequency : 0)
    trim()
    return block
  }

  /// As `block`, but the block is not the likelier to stay for it.
  mutating func peek(at key: BlockKey, hash: UInt64) -> Block? {
    let found = node(for: key, hash: hash)
    guard found >= 0, let block = nodes[Int(found)].block else {
      misses &+= 1
      return nil
    }
    hits &+= 1
    return block.takeUnretainedValue()
  }

  mutating func look(at key: BlockKey, hash: UInt64) -> (block: Block, use: BlockUse)? {
    let found = node(for: key, hash: hash)
    guard found >= 0, let block = nodes[Int(found)].block else { return nil }
    let isAsked = nodes[Int(found)].frequency > 0 || nodes[Int(found)].queue == .main
    return (block.takeUnretainedValue(), isAsked ? .asked : .kept)
  }

  /// Keeps `block` among those that were read again and again, for one round at least.
  mutating func replace(_ block: Block, for key: BlockKey, hash: UInt64) {
    guard node(for: key, hash: hash) < 0, Self.cost(block) <= byteCountLimit / 2 else { return }
    hold(block, for: key, hash: hash, in: .main, frequency: 1)
    trim()
  }

  /// Keeps `block` if nothing has to go for it, to be the first to go itself.
  mutating func offer(_ block: Block, for key: BlockKey, hash: UInt64) {
    guard node(for: key, hash: hash) < 0, hasRoom(byteCount: block.allocatedByteCount) else {
      return
    }
    hold(block, for: key, hash: hash, in: .small)
  }

  /// Whether nothing has to go for a block of so many bytes, which is no half of the shard either.
  func hasRoom(byteCount: Int) -> Bool {
    let cost = byteCount + Self.overheadByteCount
    return self.byteCount + cost <= byteCountLimit && cost <= byteCountLimit / 2
  }

  /// Puts a block that the shard does not have at a queue's newest end.
  private mutating func hold(
    _ block: Block, for key: BlockKey, hash: UInt64, in queue: Queue, frequency: UInt8 = 0
  ) {
    let node = makeNode(key, hash: hash)
    nodes[Int(node)].block = Unmanaged.passRetained(block)
    nodes[Int(node)].end = block.lastByte
    nodes[Int(node)].frequency = frequency
    push(node, to: queue)
  }

  mutating func removeFile(_ file: UInt64) {
    for index in nodes.indices where nodes[index].queue != .free && nodes[index].key.file == file {
      remove(Int32(index))
    }
  }

  mutating func setLimit(_ byteCount: Int) {
    byteCountLimit = byteCount
    trim()
  }

  // MARK: - Eviction

  private mutating func trim() {
    while byteCount > byteCountLimit {
      if small.count > 0, small.byteCount * 10 >= byteCountLimit || main.count == 0 {
        evictFromSmall()
      } else {
        evictFromMain()
      }
    }
  }

  private mutating func evictFromSmall() {
    let node = small.oldest
    unlink(node)
    if nodes[Int(node)].frequency > 1 {
      nodes[Int(node)].frequency = 0
      push(node, to: .main)
      return
    }
    letGo(node)
    push(node, to: .ghost)
    // As many keys are remembered as blocks are held.
    while ghost.count > max(main.count + small.count, 16) { remove(ghost.oldest) }
  }

  private mutating func evictFromMain() {
    let node = main.oldest
    guard nodes[Int(node)].frequency > 0 else { return remove(node) }
    unlink(node)
    nodes[Int(node)].frequency -= 1
    push(node, to: .main)
  }

  // MARK: - Queues

  private static func cost(_ block: Block) -> Int { block.heldByteCount + overheadByteCount }

  private func cost(_ node: Int32) -> Int {
    nodes[Int(node)].block?._withUnsafeGuaranteedRef { Self.cost($0) } ?? 0
  }

  /// Of the block of a node that is in no queue.
  private mutating func letGo(_ node: Int32) {
    nodes[Int(node)].block?.release()
    nodes[Int(node)].block = nil
    nodes[Int(node)].end = nil
  }

  private mutating func push(_ node: Int32, to queue: Queue) {
    let byteCount = cost(node)
    nodes[Int(node)].queue = queue
    withEnds(of: queue) { nodes, ends in
      nodes[Int(node)].older = ends.newest
      nodes[Int(node)].newer = -1
      if ends.newest >= 0 { nodes[Int(ends.newest)].newer = node } else { ends.oldest = node }
      ends.newest = node
      ends.count += 1
      ends.byteCount += byteCount
    }
  }

  private mutating func unlink(_ node: Int32) {
    let byteCount = cost(node)
    let newer = nodes[Int(node)].newer
    let older = nodes[Int(node)].older
    withEnds(of: nodes[Int(node)].queue) { nodes, ends in
      if newer >= 0 { nodes[Int(newer)].older = older } else { ends.newest = older }
      if older >= 0 { nodes[Int(older)].newer = newer } else { ends.oldest = newer }
      ends.count -= 1
      ends.byteCount -= byteCount
    }
  }

  private mutating func withEnds(
    of queue: Queue, _ body: (inout ContiguousArray<Node>, inout Ends) -> Void
  ) {
    switch queue {
    case .small: body(&nodes, &small)
    case .main: body(&nodes, &main)
    case .ghost: body(&nodes, &ghost)
    case .free: preconditionFailure("a free node is in no queue")
    }
  }

  // MARK: - Table

  private static func slot(_ hash: UInt64, _ node: Int32) -> UInt64 {
    hash << 32 | UInt64(UInt32(node) &+ 1)
  }

  /// Where the slot of a hash would be if all were free.
  @inline(__always)
  private func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (slots.count &- 1) }

  @inline(__always)
  private func following(_ place: Int) -> Int { (place &+ 1) & (slots.count &- 1) }

  private func node(for key: BlockKey, hash: UInt64) -> Int32 {
    var place = home(hash)
    while slots[place] != 0 {
      if slots[place] >> 32 == hash & 0xffff_ffff {
        let node = Int32(truncatingIfNeeded: slots[place] &- 1)
        if nodes[Int(node)].key == key { return node }
      }
      place = following(place)
    }
    return -1
  }

  private mutating func makeNode(_ key: BlockKey, hash: UInt64) -> Int32 {
    let node: Int32
    if freeNode >= 0 {
      node = freeNode
      freeNode = nodes[Int(node)].older
      nodes[Int(node)] = Node(key: key)
    } else {
      node = Int32(nodes.count)
      nodes.append(Node(key: key))
      if nodes.count * 2 > slots.count { grow() }
    }
    put(Self.slot(hash, node), at: home(hash))
    return node
  }

  private mutating func put(_ slot: UInt64, at home: Int) {
    var place = home
    while slots[place] != 0 { place = following(place) }
    slots[place] = slot
  }

  private mutating func grow() {
    let old = slots
    slots = ContiguousArray(repeating: 0, count: old.count * 2)
    for slot in old where slot != 0 { put(slot, at: home(slot >> 32)) }
  }

  private mutating func remove(_ node: Int32) {
    unlink(node)
    let hash = nodes[Int(node)].key.hash
    var hole = home(hash)
    while slots[hole] != Self.slot(hash, node) { hole = following(hole) }
    // What was put behind the hole because of it moves up.
    var place = following(hole)
    while slots[place] != 0 {
      let home = home(slots[place] >> 32)
      if (place &- home) & (slots.count &- 1) >= (place &- hole) & (slots.count &- 1) {
        slots[hole] = slots[place]
        hole = place
      }
      place = following(place)
    }
    slots[hole] = 0
    letGo(node)
    nodes[Int(node)] = Node(older: freeNode)
    freeNode = node
  }
}
