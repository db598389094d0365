// A node of a memtable's tree: four cache lines, changed in place by one writer while any number of
// readers look at it.
//
//   node        := version: u64 │ permutation: u64 │ right: address │ low: address
//                  │ word: u64 × 14 │ pointer: address × 14                          in memory only
//   version     := splits of this node: 56 bits │ level: 8, low bits last; leaves are level 0
//   permutation := slot numbers: 4 bits × 14, the one of rank 0 lowest │ count: 4, low bits last
//   word        := of a slot that is in use; all ones in others, if nobody fills them just now
//
// The permutation says which slots are in use, and their order: a new pair of word and pointer is
// written to a slot that nobody looks at, then one store of the permutation puts it in its place
// (Mao, Kohler and Morris, "Cache Craftiness for Fast Multicore Key-Value Storage", EuroSys 2012).
// A slot is used again only when a split has moved its pair to another node and has raised the
// version: whoever finds the version unchanged after it has read slots has read what they held.
// All stores release and all loads acquire, which costs nothing on x86-64.

internal import CLinux
internal import Synchronization

/// The order of a node's slots, and how many are in use. Slots behind `count` are the free ones.
struct Permutation: Equatable {
  static let slotCount = 14

  var word: UInt64

  /// The first `count` slots in their own order.
  init(count: Int) { word = 0xdc_ba98_7654_3210 &<< 4 | UInt64(count) }

  @inline(__always) init(word: UInt64) { self.word = word }

  @inline(__always) var count: Int { Int(word & 15) }
  @inline(__always) var isFull: Bool { count == Permutation.slotCount }

  /// The slot at a rank, or, from `count` on, a free one.
  @inline(__always) func slot(_ rank: Int) -> Int {
    Int(truncatingIfNeeded: word &>> UInt64(truncatingIfNeeded: 4 &+ 4 &* rank) & 15)
  }

  /// With the first free slot at `rank`, which is at most `count`.
  @inline(__always) func inserting(at rank: Int) -> Permutation {
    let start = UInt64(truncatingIfNeeded: 4 &+ 4 &* rank)
    let end = UInt64(truncatingIfNeeded: 4 &+ 4 &* count)
    let below: UInt64 = (1 &<< start) &- 1
    let through: UInt64 = (1 &<< (end &+ 4)) &- 1
    let free = word &>> end & 15
    let moved = (word & (through &>> 4) & ~below) &<< 4
    return Permutation(word: (word & ~through | moved | free &<< start | word & below) &+ 1)
  }

  /// The first `count` of the slots in use; the others are free.
  @inline(__always) func prefix(_ count: Int) -> Permutation {
    Permutation(word: word & ~15 | UInt64(count))
  }
}

/// The address of a node; as long as the arena lives.
struct TreeNode: Equatable {
  static let byteCount = 256
  private static let wordsOffset = 32
  private static let pointersOffset = 32 + 8 * Permutation.slotCount

  let base: UnsafeMutableRawPointer

  @inline(__always) init(_ base: UnsafeMutableRawPointer) { self.base = base }

  @inline(__always)
  private func atomic(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inline(__always) private func load(_ offset: Int) -> UInt64 {
    atomic(offset).pointee.load(ordering: .acquiring)
  }

  @inline(__always) private func store(_ value: UInt64, _ offset: Int) {
    atomic(offset).pointee.store(value, ordering: .releasing)
  }

  @inline(__always) private func address(_ offset: Int) -> UnsafeMutableRawPointer? {
    UnsafeMutableRawPointer(bitPattern: UInt(load(offset)))
  }

  @inline(__always) var version: UInt64 { load(0) }
  @inline(__always) var level: Int { Int(version & 0xff) }
  @inline(__always) var permutation: Permutation { Permutation(word: load(8)) }
  /// The next node of the level.
  @inline(__always) var right: TreeNode? { address(16).map { TreeNode($0) } }
  /// An entry of the least key that may ever be here; nil for the level's first node.
  @inline(__always) var low: StoredEntry? { address(24).map { StoredEntry($0) } }

  // In bounds: slot numbers come from a permutation of fourteen.
  @inline(__always) func word(_ slot: Int) -> UInt64 { load(TreeNode.wordsOffset &+ 8 &* slot) }
  @inline(__always) func pointer(_ slot: Int) -> UnsafeMutableRawPointer {
    // Only slots that a permutation names are read, and they lead somewhere.
    address(TreeNode.pointersOffset &+ 8 &* slot).unsafelyUnwrapped
  }

  /// In how many slots a word is not above `word`, of those in use and of others.
  @inline(__always)
  func slotCount(ofWordsNotAbove word: UInt64) -> Int {
    // How many there are does not depend on their order, and words of free slots are the greatest:
    // so all are compared, and nothing branches on what cannot be foreseen. Written like this the
    // compiler makes three instructions a slot of it.
    var count = 0
    var slot = 0
    repeat {
      count &+= self.word(slot) <= word ? 1 : 0
      slot &+= 1
    } while slot != Permutation.slotCount
    return count
  }

  /// Asks for all of the node.
  @inline(__always) func prefetch() {
    strata_prefetch(base)
    strata_prefetch(base + 64)
    strata_prefetch(base + 128)
    strata_prefetch(base + 192)
  }

  // MARK: Writing

  /// A node without pairs.
  static func make(
    level: Int, low: StoredEntry?, right: TreeNode?, in arena: borrowing Arena
  ) -> TreeNode {
    let node = TreeNode(arena.allocate(lines: byteCount / 64))
    for offset in stride(from: 0, to: byteCount, by: 8) {
      let isWord = offset >= wordsOffset && offset < pointersOffset
      node.atomic(offset).initialize(to: Atomic<UInt64>(isWord ? .max : 0))
    }
    node.store(UInt64(level), 0)
    node.store(Permutation(count: 0).word, 8)
    node.setRight(right)
    node.store(low.map { UInt64(UInt(bitPattern: $0.base)) } ?? 0, 24)
    return node
  }

  func setRight(_ node: TreeNode?) {
    store(node.map { UInt64(UInt(bitPattern: $0.base)) } ?? 0, 16)
  }

  @inline(__always) func setPointer(_ slot: Int, _ pointer: UnsafeMutableRawPointer) {
    store(UInt64(UInt(bitPattern: pointer)), TreeNode.pointersOffset &+ 8 &* slot)
  }

  /// Puts a pair at a rank. Not into a full node.
  @inline(__always)
  func insert(_ word: UInt64, _ pointer: UnsafeMutableRawPointer, at rank: Int) {
    let old = permutation
    let slot = old.slot(old.count)
    store(word, TreeNode.wordsOffset &+ 8 &* slot)
    setPointer(slot, pointer)
    store(old.inserting(at: rank).word, 8)
  }

  /// Ends a split: what lies from `rank` on is in the right node, and whoever looks for it there.
  func truncate(to rank: Int) {
    let kept = permutation.prefix(rank)
    store(kept.word, 8)
    store(version &+ 0x100, 0)
    for rank in kept.count..<Permutation.slotCount {
      store(.max, TreeNode.wordsOffset &+ 8 &* kept.slot(rank))
    }
  }
}

/// A node as it was at one moment, to be confirmed after use.
struct NodeView {
  let node: TreeNode
  let version: UInt64
  let permutation: Permutation

  @inline(__always) init(_ node: TreeNode) {
    self.node = node
    // In this order: a permutation from before a split must come with the version from before.
    version = node.version
    permutation = node.permutation
  }

  @inline(__always) var isLeaf: Bool { version & 0xff == 0 }
  @inline(__always) var level: Int { Int(version & 0xff) }
  @inline(__always) var count: Int { permutation.count }

  /// Did the slots read through this view hold what it says?
  @inline(__always) var isUnsplit: Bool { node.version == version }
  /// Is the node still as it was?
  @inline(__always) var isCurrent: Bool { node.permutation == permutation && isUnsplit }

  @inline(__always) func entry(_ rank: Int) -> StoredEntry {
    StoredEntry(node.pointer(permutation.slot(rank)))
  }

  @inline(__always) func child(_ rank: Int) -> TreeNode {
    TreeNode(node.pointer(permutation.slot(rank)))
  }

  /// How many words are below `word`, and how many not above it.
  @inline(__always)
  func ranks(of word: UInt64) -> (below: Int, notAbove: Int) {
    var notAbove = min(node.slotCount(ofWordsNotAbove: word), count)
    // A slot may have been filled that this view does not name.
    while notAbove > 0, self.word(notAbove &- 1) > word { notAbove &-= 1 }
    while notAbove < count, self.word(notAbove) <= word { notAbove &+= 1 }
    var below = notAbove
    while below > 0, self.word(below &- 1) == word { below &-= 1 }
    return (below, notAbove)
  }

  /// The word at a rank.
  @inline(__always) private func word(_ rank: Int) -> UInt64 { node.word(permutation.slot(rank)) }

  /// Of an inner node: the rank of the child that may hold `key`, or, if `isBefore`, the last key
  /// before it.
  @inline(__always)
  func childRank(of key: TreeKey, isBefore: Bool = false) -> Int {
    let (below, notAbove) = ranks(of: key.word)
    return below == notAbove
      ? max(below &- 1, 0) : tiedChildRank(of: key, below..<notAbove, isBefore: isBefore)
  }

  private func tiedChildRank(of key: TreeKey, _ tied: Range<Int>, isBefore: Bool) -> Int {
    for rank in tied.reversed() {
      guard let low = child(rank).low else { return rank }
      let comparison = key.compare(low)
      if comparison > 0 || comparison == 0 && !isBefore { return rank }
    }
    return max(tied.lowerBound - 1, 0)
  }

  /// Of a leaf: the rank of the first key at or after `key`, and whether that is `key` itself.
  @inline(__always)
  func entryRank(of key: TreeKey) -> (rank: Int, isFound: Bool) {
    let (below, notAbove) = ranks(of: key.word)
    return below == notAbove ? (below, false) : tiedEntryRank(of: key, below..<notAbove)
  }

  private func tiedEntryRank(of key: TreeKey, _ tied: Range<Int>) -> (rank: Int, isFound: Bool) {
    for rank in tied {
      let comparison = key.compare(entry(rank))
      if comparison <= 0 { return (rank, comparison == 0) }
    }
    return (tied.upperBound, false)
  }
}
