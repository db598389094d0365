// What the row cache holds of the memory that memtables leave. It is not the cache itself because
// the budget refers to it weakly, and references to what is referred to weakly are counted several
// times as slowly: a read counts some to the cache.

internal import Synchronization

/// The lent parts of a row cache's shards. Safe for concurrent use.
final class RowCacheLoan: MemoryBorrower {
  private let shards: [RowCache.Shard]
  private let memory: RowCacheMemory
  /// Shards that have their lent part, a bit each: the first ones.
  private let holders = Atomic<UInt64>(0)

  init(_ shards: [RowCache.Shard], _ memory: RowCacheMemory) {
    self.shards = shards
    self.memory = memory
  }

  /// Whether the shard has its lent part; by the time this is looked at, perhaps no more.
  @inline(__always)
  func holds(_ shard: Int) -> Bool {
    holders.load(ordering: .relaxed) >> UInt64(shard) & 1 == 1
  }

  func borrow(atMost byteCount: Int) -> Int {
    guard !shards.isEmpty, memory.isMapped else { return 0 }
    let wanted = min(byteCount / memory.shardByteCount, shards.count)
    var bits = holders.load(ordering: .relaxed)
    while bits.nonzeroBitCount > wanted {
      let shard = bits.nonzeroBitCount - 1
      bits &= ~(1 << UInt64(shard))
      holders.store(bits, ordering: .relaxed)
      shards[shard].withLock { $0.giveBack() }
    }
    while bits.nonzeroBitCount < wanted {
      let shard = bits.nonzeroBitCount
      shards[shard].withLock { $0.borrow() }
      bits |= 1 << UInt64(shard)
      holders.store(bits, ordering: .relaxed)
    }
    return wanted * memory.shardByteCount
  }
}
