// A B-link tree (Lehman and Yao 1981) of a memtable's keys, each with its newest entry, which leads
// to the older ones. One writer inserts while any number of readers look, without locks; nothing is
// ever removed. A search touches one node a level, a dozen keys each: some six nodes of which the
// last one or two miss the processor's caches, where a skip list misses at every other step.
//
// A split makes a right neighbour of a node's upper half, links it, tells the parent, and only then
// takes the half out of the node. So a reader never misses a key:
//
// - on its way down it looks at the parent again once it has read the child: if the parent has not
//   changed, the child had lost nothing to a neighbour that the parent did not name;
// - along the leaves it may meet the upper half twice, and skips what it has seen.

internal import Bytes
internal import Synchronization

/// The tree. All calls but those under "Inserting" are safe beside one inserting thread.
struct BLinkTree: ~Copyable {
  let arena: Arena
  private let anchorAddress: Atomic<UInt>
  /// Of the writer: places it has found and not yet inserted at.
  let searches: UnsafeMutablePointer<TreeSearch>

  /// - Parameter commonPrefix: What most keys are expected to begin with.
  init(memory: MemoryBudget, commonPrefix: ByteView) {
    arena = Arena(memory: memory)
    let root = TreeNode.make(level: 0, low: nil, right: nil, in: arena)
    let anchor = TreeAnchor.make(root: root, commonPrefix: commonPrefix, in: arena)
    anchorAddress = Atomic(UInt(bitPattern: anchor.base))
    searches = .allocate(capacity: BLinkTree.searchCount + 1)
    searches.initialize(
      repeating: TreeSearch(TreeKey(bytes: ByteView(), word: 0), from: root),
      count: BLinkTree.searchCount + 1)
  }

  deinit {
    searches.deinitialize(count: BLinkTree.searchCount + 1)
    searches.deallocate()
  }

  /// Bytes taken from the budget. For the writer, or once it has stopped.
  var allocatedByteCount: Int { arena.allocatedByteCount }
  /// Bytes of entries and nodes.
  var byteCount: Int { arena.usedByteCount }

  @inline(__always) var anchor: TreeAnchor {
    let address = anchorAddress.load(ordering: .acquiring)
    // A tree has an anchor.
    return TreeAnchor(UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped)
  }

  // MARK: Searching

  /// The newest entry of `key`, if there is any.
  func find(_ bytes: ByteView) -> StoredEntry? {
    let anchor = anchor
    let key = anchor.key(bytes)
    while true {
      let leaf = BLinkTree.leaf(of: key, under: anchor)
      let (rank, isFound) = leaf.entryRank(of: key)
      let entry = isFound ? leaf.entry(rank) : nil
      if leaf.isUnsplit { return entry }
    }
  }

  /// The leaf that may hold `key`, or, if `isBefore`, the last key before it.
  static func leaf(
    of key: TreeKey, isBefore: Bool = false, under anchor: TreeAnchor
  ) -> NodeView {
    descend(under: anchor) { $0.childRank(of: key, isBefore: isBefore) }
  }

  static func firstLeaf(under anchor: TreeAnchor) -> NodeView { descend(under: anchor) { _ in 0 } }

  static func lastLeaf(under anchor: TreeAnchor) -> NodeView {
    descend(under: anchor) { $0.count - 1 }
  }

  @inline(__always)
  private static func descend(
    under anchor: TreeAnchor, _ rank: (NodeView) -> Int
  ) -> NodeView {
    while true {
      let root = anchor.root
      var view = NodeView(root)
      // A root that has been split lacks what its parent has by now.
      guard anchor.root == root else { continue }
      while !view.isLeaf {
        let child = NodeView(view.child(rank(view)))
        if view.isCurrent {
          view = child
        } else if view.isUnsplit {
          view = NodeView(view.node)
        } else {
          break
        }
      }
      if view.isLeaf { return view }
    }
  }

  /// The last key before `bytes`, or of all; its newest entry.
  func last(before bytes: ByteView?) -> StoredEntry? {
    let anchor = anchor
    while true {
      let leaf: NodeView
      let count: Int
      if let bytes {
        let key = anchor.key(bytes)
        leaf = BLinkTree.leaf(of: key, isBefore: true, under: anchor)
        count = leaf.entryRank(of: key).rank
      } else {
        leaf = BLinkTree.lastLeaf(under: anchor)
        count = leaf.count
      }
      let entry = count > 0 ? leaf.entry(count - 1) : nil
      if leaf.isUnsplit { return entry }
    }
  }

  // MARK: Inserting

  /// Inserts what `search` has looked for. One writer.
  func insert(
    _ search: UnsafeMutablePointer<TreeSearch>, value: ByteView, order: UInt64, chain: MergeChain
  ) {
    let key = search.pointee.key
    let older = search.pointee.newestEntry(in: self)
    let entry = StoredEntry.make(
      key: key.bytes, value: value, order: order, older: older, chain: chain, in: arena)
    let place = search.pointee
    if older != nil {
      place.leaf.node.setPointer(place.leaf.permutation.slot(place.rank), entry.base)
    } else {
      add(
        Pair(word: key.word, pointer: entry.base, low: entry), at: place.rank,
        of: place.leaf.node, under: anchor)
    }
  }

  /// What a node holds of something below it: an entry, or a node whose least key is `low`.
  private struct Pair {
    let word: UInt64
    let pointer: UnsafeMutableRawPointer
    let low: StoredEntry
  }

  private func add(_ pair: Pair, at rank: Int, of node: TreeNode, under anchor: TreeAnchor) {
    guard node.permutation.isFull else { return node.insert(pair.word, pair.pointer, at: rank) }
    let count = Permutation.slotCount
    // Keys that only grow leave full nodes behind.
    if rank == count, node.right == nil {
      let right = TreeNode.make(level: node.level, low: pair.low, right: nil, in: arena)
      right.insert(pair.word, pair.pointer, at: 0)
      node.setRight(right)
      tellParent(of: node, pair.word, right, under: anchor)
      // It loses nothing, but searches that ended here must look again.
      return node.truncate(to: count)
    }
    let half = count / 2
    let view = NodeView(node)
    let low = view.isLeaf ? view.entry(half) : view.child(half).low
    let right = TreeNode.make(level: view.level, low: low, right: node.right, in: arena)
    for moved in half..<count {
      let slot = view.permutation.slot(moved)
      right.insert(node.word(slot), node.pointer(slot), at: moved - half)
    }
    node.setRight(right)
    tellParent(of: node, node.word(view.permutation.slot(half)), right, under: anchor)
    node.truncate(to: half)
    if rank <= half {
      node.insert(pair.word, pair.pointer, at: rank)
    } else {
      right.insert(pair.word, pair.pointer, at: rank - half)
    }
  }

  /// Names a node's new right neighbour, whose least key has `word`, in the level above.
  private func tellParent(
    of node: TreeNode, _ word: UInt64, _ right: TreeNode, under anchor: TreeAnchor
  ) {
    guard node != anchor.root else {
      let root = TreeNode.make(level: node.level + 1, low: nil, right: nil, in: arena)
      root.insert(0, node.base, at: 0)
      root.insert(word, right.base, at: 1)
      return anchor.root = root
    }
    guard let low = right.low else { preconditionFailure("a right neighbour has a least key") }
    let key = TreeKey(bytes: low.key, word: word)
    var parent = NodeView(anchor.root)
    while parent.level > node.level + 1 {
      parent = NodeView(parent.child(parent.childRank(of: key)))
    }
    // The parent still takes the key for the node's own.
    let rank = parent.childRank(of: key) + 1
    add(
      Pair(word: word, pointer: right.base, low: low), at: rank, of: parent.node, under: anchor)
  }

  /// Builds the tree once more where its keys turned out to begin with more, or less, in common
  /// than was expected. Readers of the old one go on in it: it holds what they may see. One writer,
  /// and no search under way.
  func learnCommonPrefix() {
    let common = commonKeyPrefix
    let old = anchor
    guard common.count != old.commonPrefix.count else { return }
    let root = TreeNode.make(level: 0, low: nil, right: nil, in: arena)
    let new = TreeAnchor.make(root: root, commonPrefix: common, in: arena)
    var walk = KeyWalk()
    walk.seek(to: ByteView(), under: old)
    while let entry = walk.entry {
      let key = new.key(entry.key)
      let last = BLinkTree.lastLeaf(under: new)
      add(
        Pair(word: key.word, pointer: entry.base, low: entry), at: last.count, of: last.node,
        under: new)
      walk.advance()
    }
    anchorAddress.store(UInt(bitPattern: new.base), ordering: .releasing)
  }

  /// What all keys begin with; lives as long as the tree.
  var commonKeyPrefix: ByteView {
    var walk = KeyWalk()
    walk.seek(to: ByteView(), under: anchor)
    guard let first = walk.entry?.key, let last = last(before: nil)?.key else { return ByteView() }
    return first.prefix(first.sharedPrefixCount(with: last))
  }
}
