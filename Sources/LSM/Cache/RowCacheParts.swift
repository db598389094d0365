// One shard of the row cache and its memory: a part of its own, and a lent one while there is that.
//
//   hash    bits 24…39 below `lentShare`: the lent part while there is one, else the own part
//
// An entry is in the part that its hash says or nowhere, so that a commit looks in one place: what
// the own part has of the other share goes when the lent part comes.
//
// Memory that nobody has touched is cleared by the system when somebody does, a huge page in a
// millisecond or two: too long for a read that leaves something here. So a part takes entries only
// when its pages have been brought in (`RowCache.bringPages`).

internal import Bytes
internal import CLinux

/// Memory of one part of all shards, each as large.
final class RowCacheMemory: @unchecked Sendable {
  // Sendable: the shards' locks guard what lies in it.
  private let base: UnsafeMutableRawPointer?
  /// Of one shard; whole pages.
  let shardByteCount: Int
  private let shardCount: Int
  let layout: RowCacheShard.Layout

  /// Nothing where a shard's share is below what a shard needs.
  init(byteCount: Int, shardCount: Int) {
    let share = shardCount > 0 ? byteCount / shardCount & ~4_095 : 0
    self.shardCount = shardCount
    shardByteCount = share
    layout = RowCacheShard.Layout(byteCount: share)
    base = share >= RowCacheMemory.leastByteCount ? strata_map_memory(share * shardCount) : nil
  }

  deinit {
    if let base { strata_unmap_memory(base, shardByteCount * shardCount) }
  }

  private static let leastByteCount = 64 << 10

  var isMapped: Bool { base != nil }

  /// Where a shard's part begins.
  func part(_ shard: Int) -> UnsafeMutableRawPointer? { base.map { $0 + shard * shardByteCount } }

  func bucket(_ hash: UInt64, of shard: Int) -> UnsafeMutableRawPointer? {
    part(shard).map { $0 + layout.bucketOffset(hash) }
  }

  /// The shard's pages are there, as if they had been written to; takes some milliseconds.
  func bringPages(_ shard: Int) {
    if let part = part(shard) { strata_bring_pages(part, shardByteCount) }
  }

  /// The shard's memory is zeros again, and the system's until it is used.
  func drop(_ shard: Int) {
    if let part = part(shard) { strata_drop_pages(part, shardByteCount) }
  }
}

/// One shard; the cache guards it with a lock.
struct RowCacheParts: ~Copyable {
  private let index: Int
  private let ownMemory: RowCacheMemory
  private let lentMemory: RowCacheMemory
  private var own: RowCacheShard
  private var lent: RowCacheShard
  private var isLent = false
  /// Whether a new part waits for its pages.
  private let awaitsPages: Bool
  private var ownIsReady: Bool
  private var lentIsReady: Bool

  /// - Parameter awaitsPages: Somebody will say that pages have come.
  /// - Precondition: The own memory is mapped.
  init(
    _ index: Int, _ ownMemory: RowCacheMemory, _ lentMemory: RowCacheMemory, awaitsPages: Bool
  ) {
    guard let part = ownMemory.part(index) else {
      preconditionFailure("a shard has memory of its own")
    }
    self.index = index
    self.ownMemory = ownMemory
    self.lentMemory = lentMemory
    self.awaitsPages = awaitsPages
    ownIsReady = !awaitsPages
    lentIsReady = !awaitsPages
    own = RowCacheShard(part, ownMemory.layout)
    // Looked into only while it is lent.
    lent = RowCacheShard(lentMemory.part(index) ?? part, lentMemory.layout)
  }

  /// Whether a hash is of the share that a lent part takes.
  @inline(__always)
  static func isOfLent(
    _ hash: UInt64, _ own: RowCacheMemory, _ lent: RowCacheMemory
  ) -> Bool {
    let lentShare = UInt64(lent.shardByteCount) << 16
    let all = UInt64(own.shardByteCount + lent.shardByteCount)
    return (hash >> 24 & 0xffff) * all < lentShare
  }

  @inline(__always)
  private func isOfLent(_ hash: UInt64) -> Bool {
    isLent && RowCacheParts.isOfLent(hash, ownMemory, lentMemory)
  }

  // MARK: - Entries

  var entryCount: Int { own.entryCount + lent.entryCount }

  @inline(__always)
  mutating func find(
    _ key: ByteView, hash: UInt64, owner: UInt32, into list: OperandList
  ) -> Bool {
    isOfLent(hash)
      ? lent.find(key, hash: hash, owner: owner, into: list)
      : own.find(key, hash: hash, owner: owner, into: list)
  }

  /// - Returns: False where the part has no pages yet: nothing is inserted.
  mutating func insert(
    _ key: ByteView, hash: UInt64, owner: UInt32, _ operands: [Operand]
  ) -> Bool {
    if isOfLent(hash) {
      guard lentIsReady else { return false }
      lent.insert(key, hash: hash, owner: owner, operands)
    } else {
      guard ownIsReady else { return false }
      own.insert(key, hash: hash, owner: owner, operands)
    }
    return true
  }

  mutating func remove(_ hash: UInt64, owner: UInt32) {
    if isOfLent(hash) {
      lent.remove(hash, owner: owner)
    } else {
      own.remove(hash, owner: owner)
    }
  }

  func prefetchEntry(_ hash: UInt64) {
    if isOfLent(hash) { lent.prefetchEntry(hash) } else { own.prefetchEntry(hash) }
  }

  // MARK: - Lending

  mutating func borrow() {
    guard !isLent else { return }
    isLent = true
    own.removeAll { RowCacheParts.isOfLent($0, ownMemory, lentMemory) }
  }

  mutating func giveBack() {
    guard isLent else { return }
    isLent = false
    lentIsReady = !awaitsPages
    lent.begin()
    lentMemory.drop(index)
  }

  // MARK: - Pages

  /// Which parts have none yet.
  var lackingPages: (own: Bool, lent: Bool) { (!ownIsReady, isLent && !lentIsReady) }

  mutating func ownPagesCame() { ownIsReady = true }

  /// A part that was given back meanwhile has them for nothing.
  mutating func lentPagesCame() {
    if isLent { lentIsReady = true } else { lentMemory.drop(index) }
  }
}
