// Keys as a memtable's tree compares them: by a word of eight bytes first, which lies in the nodes.
// What the tree's keys begin with in common says nothing and is left out: behind `company#000` the
// next eight bytes tell keys apart. Keys that do not begin so are before or after all others, and
// have the least or the greatest word; those of one word are compared whole.

internal import Bytes
internal import Synchronization

/// A key and its word.
struct TreeKey {
  let bytes: ByteView
  let word: UInt64

  /// Order of this key against the entry's: negative, zero, positive.
  @inline(__always)
  func compare(_ entry: StoredEntry) -> Int { bytes.compare(entry.key) }
}

/// Where searches start. A tree gets another one when its keys turn out to begin alike.
///
///     anchor := root: address │ count: u64 │ common prefix             in memory only
struct TreeAnchor: Equatable {
  private static let fixedByteCount = 16

  let base: UnsafeMutableRawPointer

  @inline(__always) init(_ base: UnsafeMutableRawPointer) { self.base = base }

  static func make(
    root: TreeNode, commonPrefix: ByteView, in arena: borrowing Arena
  ) -> TreeAnchor {
    let base = arena.allocate(fixedByteCount + commonPrefix.count)
    base.assumingMemoryBound(to: Atomic<UInt64>.self)
      .initialize(to: Atomic<UInt64>(UInt64(UInt(bitPattern: root.base))))
    base.storeBytes(of: commonPrefix.count, toByteOffset: 8, as: Int.self)
    UnsafeMutableRawBufferPointer(start: base + fixedByteCount, count: commonPrefix.count)
      .copyMemory(from: commonPrefix.buffer)
    return TreeAnchor(base)
  }

  var root: TreeNode {
    @inline(__always) get {
      let address = base.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
        .load(ordering: .acquiring)
      // A tree has a root.
      return TreeNode(UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped)
    }
    nonmutating set {
      base.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
        .store(UInt64(UInt(bitPattern: newValue.base)), ordering: .releasing)
    }
  }

  @inline(__always) var commonPrefix: ByteView {
    ByteView(
      base + TreeAnchor.fixedByteCount, count: base.load(fromByteOffset: 8, as: Int.self))
  }

  @inline(__always)
  func key(_ bytes: ByteView) -> TreeKey { TreeKey(bytes: bytes, word: word(of: bytes)) }

  @inline(__always)
  private func word(of key: ByteView) -> UInt64 {
    let common = commonPrefix
    guard common.isEmpty || key.hasPrefix(common) else {
      return key.compare(common) < 0 ? 0 : .max
    }
    return key.word(from: common.count)
  }
}
