// What a merge writes takes the place in the block cache of what it read: readers who were served
// from memory before the new files are in force are so afterwards.

internal import Bytes

/// The place in the block cache of a file that is being written.
package struct CachedFile: Sendable {
  private let cache: BlockCache
  private let id: CachedFileID

  init(_ id: CachedFileID, in cache: BlockCache) {
    self.id = id
    self.cache = cache
  }

  /// Keeps a copy of a block's contents as its use deserves.
  ///
  /// - Parameter use: Of what the contents were made from.
  func keep(_ contents: ByteView, at offset: UInt64, for use: BlockUse) {
    let key = BlockKey(id, at: offset)
    switch use {
    case .absent: break
    case .kept:
      // A full cache, the usual case, is asked before anything is copied.
      guard cache.hasRoom(for: key, byteCount: contents.count) else { return }
      cache.offer(Block(copying: contents), for: key)
    case .asked: cache.replace(Block(copying: contents), for: key)
    }
  }
}
