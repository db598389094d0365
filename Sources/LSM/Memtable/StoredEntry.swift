// An entry as it lies in a memtable's arena. It is complete before it can be found, and never
// changed; entries of one key hang together, newest first.
//
//   entry   := order: u64 │ valueCount: u32 │ keyCount: u16 │ zero: u16
//              │ history, where flagged in order │ key │ value                       in memory only
//   order   := sequence: 56 bits │ isFold: 1 │ hasOlder: 1 │ zero: 4 │ kind: 2, low bits last
//   history := older: address │ shortcut: address │ depth: u32
//              │ mergeCount: u32 │ mergeByteCount: u32 │ baseByteCount: u32
//
// `shortcut` leads to an entry further back, chosen by depth so that any older entry of a key is
// found in a number of steps that grows with the logarithm of theirs (Myers, "An Applicative
// Random-Access Stack", 1983): a snapshot finds its place in a key that was written over and over.

internal import Bytes
internal import CLinux

/// What a merge entry knows of the unfolded entries of its key in the same memtable.
struct MergeChain {
  /// Merges since the last fold or whole value, this one included; 0 where there is no chain.
  var count: UInt32
  /// Bytes of their values.
  var byteCount: UInt32
  /// Bytes of the fold or whole value below them; 0 for none.
  var baseByteCount: UInt32

  static var none: MergeChain { MergeChain(count: 0, byteCount: 0, baseByteCount: 0) }
}

/// The address of an entry; as long as the arena lives.
struct StoredEntry: Equatable {
  static let foldFlag: UInt64 = 0x80
  private static let olderFlag: UInt64 = 0x40
  private static let fixedByteCount = 16
  private static let historyByteCount = 32

  let base: UnsafeMutableRawPointer

  @inline(__always) init(_ base: UnsafeMutableRawPointer) { self.base = base }

  @inline(__always) var order: UInt64 { base.load(as: UInt64.self) }
  @inline(__always) var valueCount: Int { Int(base.load(fromByteOffset: 8, as: UInt32.self)) }
  @inline(__always) private var keyCount: Int {
    Int(base.load(fromByteOffset: 12, as: UInt16.self))
  }

  @inline(__always) var sequence: UInt64 { order &>> 8 }
  @inline(__always) var isFold: Bool { order & StoredEntry.foldFlag != 0 }
  @inline(__always) private var hasOlder: Bool { order & StoredEntry.olderFlag != 0 }
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
    StoredEntry.fixedByteCount &+ (hasOlder ? StoredEntry.historyByteCount : 0)
  }
  @inline(__always) var key: ByteView { ByteView(base + keyOffset, count: keyCount) }
  @inline(__always) var value: ByteView {
    ByteView(base + (keyOffset &+ keyCount), count: valueCount)
  }

  /// Asks for the entry's first lines: key and a short value.
  @inline(__always) func prefetch() {
    strata_prefetch(base)
    strata_prefetch(base + 64)
    strata_prefetch(base + 128)
  }

  // MARK: Older entries of the key

  /// The next older entry of the key.
  @inline(__always) var older: StoredEntry? { hasOlder ? link(StoredEntry.fixedByteCount) : nil }

  private var depth: UInt32 {
    hasOlder ? base.load(fromByteOffset: StoredEntry.fixedByteCount + 16, as: UInt32.self) : 0
  }

  /// Some older entry; the oldest one's is itself.
  private var shortcut: StoredEntry {
    hasOlder ? link(StoredEntry.fixedByteCount + 8) : self
  }

  @inline(__always) private func link(_ offset: Int) -> StoredEntry {
    StoredEntry(base.load(fromByteOffset: offset, as: UnsafeMutableRawPointer.self))
  }

  /// What the merges of the key come to down from this one; nil where it is no chain of merges.
  var chain: MergeChain? {
    guard hasOlder else { return nil }
    let chain = base.load(fromByteOffset: StoredEntry.fixedByteCount + 20, as: MergeChain.self)
    return chain.count > 0 ? chain : nil
  }

  /// This entry or the newest older one of the key whose order word is at most `limit`.
  @inline(__always)
  func newest(notAbove limit: UInt64) -> StoredEntry? {
    order <= limit ? self : olderEntry(notAbove: limit)
  }

  private func olderEntry(notAbove limit: UInt64) -> StoredEntry? {
    var entry = self
    while entry.order > limit {
      guard let older = entry.older else { return nil }
      let shortcut = entry.shortcut
      entry = shortcut.order > limit ? shortcut : older
    }
    return entry
  }

  // MARK: Writing

  /// Writes an entry into the arena.
  ///
  /// - Parameters:
  ///   - order: Without flags but that of a fold.
  ///   - older: The key's newest entry until now.
  @inline(__always)
  static func make(
    key: ByteView, value: ByteView, order: UInt64, older: StoredEntry?, chain: MergeChain,
    in arena: borrowing Arena
  ) -> StoredEntry {
    let keyOffset = fixedByteCount + (older == nil ? 0 : historyByteCount)
    let base = arena.allocate(keyOffset + key.count + value.count)
    base.storeBytes(of: order | (older == nil ? 0 : olderFlag), as: UInt64.self)
    base.storeBytes(of: UInt32(value.count), toByteOffset: 8, as: UInt32.self)
    base.storeBytes(of: UInt32(key.count), toByteOffset: 12, as: UInt32.self)
    if let older { writeHistory(older, chain, to: base + fixedByteCount) }
    UnsafeMutableRawBufferPointer(start: base + keyOffset, count: key.count)
      .copyMemory(from: key.buffer)
    UnsafeMutableRawBufferPointer(start: base + (keyOffset + key.count), count: value.count)
      .copyMemory(from: value.buffer)
    return StoredEntry(base)
  }

  private static func writeHistory(
    _ older: StoredEntry, _ chain: MergeChain, to base: UnsafeMutableRawPointer
  ) {
    let far = older.shortcut
    // Two leaps of one length make one of twice and one.
    let isPair = older.depth &- far.depth == far.depth &- far.shortcut.depth
    base.storeBytes(of: older.base, as: UnsafeMutableRawPointer.self)
    base.storeBytes(
      of: (isPair ? far.shortcut : older).base, toByteOffset: 8, as: UnsafeMutableRawPointer.self)
    base.storeBytes(of: older.depth &+ 1, toByteOffset: 16, as: UInt32.self)
    base.storeBytes(of: chain, toByteOffset: 20, as: MergeChain.self)
  }
}
