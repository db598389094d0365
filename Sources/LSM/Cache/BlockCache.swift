// The block cache. Stub.

/// A table file as the cache knows it: unique over all engines of the process.
package struct CachedFileID: Hashable, Sendable {
  let rawValue: UInt64
  /// - Parameters:
  ///   - namespace: From `BlockCache.makeNamespace`, one an engine.
  ///   - number: The file's number in its engine, below 2^40.
  package init(namespace: UInt32, number: UInt64) {
    precondition(number < 1 << 40, "file numbers fit forty bits")
    rawValue = UInt64(namespace) << 40 | number
  }
}

/// What a cache did and holds.
package struct BlockCacheStatistics: Sendable {
  package var hits: UInt64 = 0
  package var misses: UInt64 = 0
  package var byteCount = 0
  package var blockCount = 0
}

package final class BlockCache: Sendable {
  package init(byteCount: Int) {}
  /// A number that no other engine of the process uses with this cache; below 2^24.
  package func makeNamespace() -> UInt32 { 0 }
  /// Bytes the cache may hold; may be changed at any time.
  package var byteCountLimit: Int {
    get { 0 }
    set {}
  }
  /// Forgets all blocks of a file that was removed.
  package func removeFile(_ file: CachedFileID) {}
  package var statistics: BlockCacheStatistics { BlockCacheStatistics() }
}
