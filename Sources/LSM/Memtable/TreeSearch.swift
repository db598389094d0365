// Searches of the tree's writer, many side by side. A search is a chain of loads of which the last
// ones miss the processor's cache; alone it waits for one after the other. Here each search takes
// one step, asks for the node it will look at next, and lets the others step meanwhile (as in
// Kocberber et al., Asynchronous Memory Access Chaining, VLDB 2015).

internal import Bytes

/// A search for the place of one entry: on its way down, then done.
struct TreeSearch {
  let key: TreeKey
  /// At the end: the leaf, and the rank of the key there or of the first one behind it.
  private(set) var leaf: NodeView
  private(set) var rank = 0
  private var isFound = false
  private var node: TreeNode
  /// Have entries been asked for whose word is the key's?
  private var isTied = false

  @inline(__always)
  init(_ key: TreeKey, from root: TreeNode) {
    self.key = key
    node = root
    leaf = NodeView(root)
  }

  /// One step: looks at what has been asked for, and asks for the next.
  ///
  /// - Returns: True at the end.
  @inline(__always)
  mutating func step() -> Bool {
    let view = NodeView(node)
    if !view.isLeaf {
      node = view.child(view.childRank(of: key))
      node.prefetch()
      return false
    }
    if !isTied {
      let (below, notAbove) = view.ranks(of: key.word)
      if below < notAbove {
        for rank in below..<notAbove { view.entry(rank).prefetch() }
        isTied = true
        return false
      }
      rank = below
    } else {
      (rank, isFound) = view.entryRank(of: key)
    }
    leaf = view
    return true
  }

  /// The key's newest entry until now; looks again where something has been inserted since.
  @inline(__always)
  mutating func newestEntry(in tree: borrowing BLinkTree) -> StoredEntry? {
    if !leaf.isCurrent {
      leaf = BLinkTree.leaf(of: key, under: tree.anchor)
      (rank, isFound) = leaf.entryRank(of: key)
    }
    return isFound ? leaf.entry(rank) : nil
  }
}

extension BLinkTree {
  /// Searches that go side by side: about as many misses as a core has in flight.
  static var searchCount: Int { 16 }

  /// The place for what goes in alone, beside those of `findPlaces`.
  private var loneSearch: UnsafeMutablePointer<TreeSearch> { searches + BLinkTree.searchCount }

  /// Begins the search `index` of the next `findPlaces`. One writer.
  @inline(__always)
  func begin(_ index: Int, _ key: ByteView) {
    let anchor = anchor
    searches[index] = TreeSearch(anchor.key(key), from: anchor.root)
  }

  /// Finds the places of the first `count` searches.
  func findPlaces(count: Int) {
    var unfinished = InlineArray<16, Int>(repeating: 0)
    for index in 0..<count { unfinished[index] = index }
    var rest = count
    while rest > 0 {
      var turn = 0
      while turn < rest {
        if searches[unfinished[turn]].step() {
          rest &-= 1
          unfinished[turn] = unfinished[rest]
        } else {
          turn &+= 1
        }
      }
    }
  }

  /// Finds the place of one entry.
  func findPlace(_ key: ByteView) -> UnsafeMutablePointer<TreeSearch> {
    let anchor = anchor
    loneSearch.pointee = TreeSearch(anchor.key(key), from: anchor.root)
    while !loneSearch.pointee.step() {}
    return loneSearch
  }
}
