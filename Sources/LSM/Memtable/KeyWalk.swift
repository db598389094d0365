// Walks the keys of a memtable's tree in order. A leaf is copied as a whole, so that what the
// writer does to it meanwhile does not matter: whatever a snapshot may see was there before.

internal import Bytes

/// The entries of a leaf at one moment, and where to go on.
struct LeafCopy {
  private var entries: InlineArray<14, StoredEntry?>
  private(set) var count: Int
  private(set) var right: TreeNode?

  /// Nothing.
  init() {
    entries = InlineArray(repeating: nil)
    count = 0
    right = nil
  }

  /// Nil when a split has come between.
  init?(_ leaf: NodeView) {
    entries = InlineArray(repeating: nil)
    count = leaf.count
    // Behind the permutation: if that lacks what a split took, this leads to it.
    right = leaf.node.right
    for rank in 0..<count { entries[rank] = leaf.entry(rank) }
    guard leaf.isUnsplit else { return nil }
  }

  @inline(__always) func entry(_ rank: Int) -> StoredEntry? {
    rank < count ? entries[rank] : nil
  }
}

/// A position among the keys, at a key's newest entry.
struct KeyWalk {
  private var leaf = LeafCopy()
  private var rank = 0
  /// Entries ahead that are asked for.
  private static let distance = 4

  /// The key's newest entry, published or not; nil behind the last key.
  var entry: StoredEntry? { @inline(__always) get { leaf.entry(rank) } }

  /// To the first key at or after `bytes`, or only after it.
  mutating func seek(to bytes: ByteView, isPast: Bool = false, under anchor: TreeAnchor) {
    let key = anchor.key(bytes)
    while true {
      let view = BLinkTree.leaf(of: key, under: anchor)
      let (first, isFound) = view.entryRank(of: key)
      guard let copy = LeafCopy(view) else { continue }
      leaf = copy
      rank = isFound && isPast ? first + 1 : first
      break
    }
    if rank == leaf.count { moveRight(to: bytes, isPast: isPast) } else { prefetch() }
  }

  /// To the next key. Only from one.
  @inline(__always)
  mutating func advance() {
    guard let entry else { return }
    rank &+= 1
    if rank == leaf.count {
      moveRight(to: entry.key, isPast: true)
    } else {
      prefetch(rank &+ KeyWalk.distance)
    }
  }

  /// To the first leaf on the right with keys at or after `bound`: of a leaf that has been split
  /// since, the next one holds again what has been seen.
  private mutating func moveRight(to bound: ByteView, isPast: Bool) {
    while rank == leaf.count, let node = leaf.right {
      guard let copy = LeafCopy(NodeView(node)) else { continue }
      leaf = copy
      rank = 0
      while let entry = leaf.entry(rank) {
        let comparison = entry.key.compare(bound)
        if comparison > 0 || comparison == 0 && !isPast { break }
        rank += 1
      }
    }
    prefetch()
  }

  private func prefetch() {
    leaf.right?.prefetch()
    for ahead in rank..<rank + KeyWalk.distance { prefetch(ahead) }
  }

  /// Asks for an entry of this leaf, or of the next one, which was asked for before.
  @inline(__always)
  private func prefetch(_ ahead: Int) {
    if let entry = leaf.entry(ahead) {
      entry.prefetch()
    } else if ahead >= leaf.count, let right = leaf.right {
      let view = NodeView(right)
      // What is there at this moment: a guess that costs nothing if it is wrong.
      if ahead - leaf.count < view.count { view.entry(ahead - leaf.count).prefetch() }
    }
  }
}
