// The block cache: blocks of table files in memory, bounded in bytes, shared by all engines of the
// process. Split into shards with a lock each; a lock is held for a table lookup, never for I/O.

internal import Synchronization

/// A table file as the cache knows it: unique over all engines of the process.
package struct CachedFileID: Hashable, Sendable {
  let rawValue: UInt64
  /// - Parameters:
  ///   - namespace: From `BlockCache.makeNamespace`, one an engine.
  ///   - number: The file's number in its engine, below 2^40.
  package init(namespace: UInt32, number: UInt64) {
    precondition(number < 1 << 40, "file numbers fit forty bits")
    precondition(namespace < 1 << 24, "namespaces fit twenty-four bits")
    rawValue = UInt64(namespace) << 40 | number
  }
}

/// What a cache did since it was made, and what it holds.
package struct BlockCacheStatistics: Sendable, Equatable {
  package var hits: UInt64 = 0
  package var misses: UInt64 = 0
  /// Bytes held, bookkeeping included.
  package var byteCount = 0
  package var blockCount = 0
}

/// Blocks in memory. Safe for concurrent use.
package final class BlockCache: Sendable {
  private final class Shard: Sendable {
    let state: Mutex<BlockCacheShard>
    init(byteCountLimit: Int) { state = Mutex(BlockCacheShard(byteCountLimit: byteCountLimit)) }
  }

  private static let shardLimit = 16
  /// Below this a shard would be emptied by a few large blocks.
  private static let shardByteCount = 1 << 20

  private let shards: [Shard]
  /// The same, for look-ups that count no references. `nonisolated(unsafe)`: never changed.
  private nonisolated(unsafe) let places: UnsafeMutablePointer<Unmanaged<Shard>>
  private let limit: Atomic<Int>
  /// Bytes that table files hold by themselves.
  private let lentByteCount = Atomic<Int>(0)
  private let namespaces = Atomic<UInt32>(0)

  /// - Parameter byteCount: Most bytes to hold, bookkeeping included; may be changed later.
  package init(byteCount: Int) {
    precondition(byteCount >= 0, "a cache has a size")
    var count = 1
    while count < Self.shardLimit, byteCount / (count * 2) >= Self.shardByteCount { count *= 2 }
    let share = byteCount / count
    shards = (0..<count).map { _ in Shard(byteCountLimit: share) }
    places = .allocate(capacity: count)
    for (index, shard) in shards.enumerated() {
      (places + index).initialize(to: Unmanaged.passUnretained(shard))
    }
    limit = Atomic(byteCount)
  }

  deinit { places.deallocate() }

  /// A number that no other engine of the process uses with this cache.
  package func makeNamespace() -> UInt32 {
    namespaces.add(1, ordering: .relaxed).newValue
  }

  /// Most bytes the cache may hold; blocks go at once when it is lowered.
  package var byteCountLimit: Int {
    get { limit.load(ordering: .relaxed) }
    set {
      precondition(newValue >= 0, "a cache has a size")
      limit.store(newValue, ordering: .relaxed)
      divide()
    }
  }

  /// Gives each shard its share of what is not lent.
  private func divide() {
    let rest = limit.load(ordering: .relaxed) - lentByteCount.load(ordering: .relaxed)
    let share = max(0, rest) / shards.count
    for shard in shards { shard.state.withLock { $0.setLimit(share) } }
  }

  // MARK: Filters held by their files

  /// What every point read of a file needs is worth more than any block, up to this part of all.
  private static let lendableDivisor = 4

  /// Gives up room for something that a table file holds by itself; false where too much is lent.
  func lend(_ byteCount: Int) -> Bool {
    let lent = lentByteCount.add(byteCount, ordering: .relaxed).newValue
    guard lent <= limit.load(ordering: .relaxed) / Self.lendableDivisor else {
      lentByteCount.subtract(byteCount, ordering: .relaxed)
      return false
    }
    divide()
    return true
  }

  func giveBack(_ byteCount: Int) {
    lentByteCount.subtract(byteCount, ordering: .relaxed)
    divide()
  }

  // MARK: Blocks

  func block(for key: BlockKey) -> Block? {
    let hash = key.hash
    return withShard(hash) { $0.block(for: key, hash: hash) }
  }

  /// Brings what a `block` will touch first into the processor's cache.
  func prefetchSlot(_ key: BlockKey) {
    let hash = key.hash
    withShard(hash) { $0.prefetchSlot(hash) }
  }

  /// The same for what it touches next; a moment later.
  func prefetchNode(_ key: BlockKey) {
    let hash = key.hash
    withShard(hash) { $0.prefetchNode(hash) }
  }

  /// Offers a block that was read; returns the one to use, which is another reader's when that
  /// was quicker.
  func insert(_ block: Block, for key: BlockKey, priority: BlockPriority) -> Block {
    let hash = key.hash
    return withShard(hash) {
      $0.insert(block, for: key, hash: hash, priority: priority)
    }
  }

  /// The block without the mark of having been asked for: a scan reads everything once.
  func peek(at key: BlockKey) -> Block? {
    let hash = key.hash
    return withShard(hash) { $0.peek(at: key, hash: hash) }
  }

  /// The block, and what readers make of it, with nothing counted: for merges.
  func look(at key: BlockKey) -> (block: Block, use: BlockUse)? {
    let hash = key.hash
    return withShard(hash) { $0.look(at: key, hash: hash) }
  }

  /// Keeps a block that stands for blocks which were read again and again.
  func replace(_ block: Block, for key: BlockKey) {
    let hash = key.hash
    withShard(hash) { $0.replace(block, for: key, hash: hash) }
  }

  /// Whether `offer` would keep a block of so many bytes now.
  func hasRoom(for key: BlockKey, byteCount: Int) -> Bool {
    withShard(key.hash) { $0.hasRoom(byteCount: byteCount) }
  }

  /// Keeps a block where there is room, and lets nothing go for it.
  func offer(_ block: Block, for key: BlockKey) {
    let hash = key.hash
    withShard(hash) { $0.offer(block, for: key, hash: hash) }
  }

  /// Forgets all blocks of a file that was removed.
  ///
  /// - Complexity: O(blocks held), one shard locked at a time.
  package func removeFile(_ file: CachedFileID) {
    for shard in shards { shard.state.withLock { $0.removeFile(file.rawValue) } }
  }

  package var statistics: BlockCacheStatistics {
    var sum = BlockCacheStatistics()
    sum.byteCount = lentByteCount.load(ordering: .relaxed)
    for shard in shards {
      shard.state.withLock {
        sum.hits &+= $0.hits
        sum.misses &+= $0.misses
        sum.byteCount += $0.byteCount
        sum.blockCount += $0.blockCount
      }
    }
    return sum
  }

  @inline(__always)
  private func withShard<Result: Sendable>(
    _ hash: UInt64, _ body: (inout BlockCacheShard) -> Result
  ) -> Result {
    let place = Int(truncatingIfNeeded: hash >> 56) & (shards.count - 1)
    return places[place]._withUnsafeGuaranteedRef { shard in
      shard.state.withLock { body(&$0) }
    }
  }
}
