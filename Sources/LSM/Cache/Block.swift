// One block in memory, as read and checked (and decompressed). Immutable after it is made; the
// cache, cursors and operand lists share it by reference, so bytes handed out stay valid as long
// as somebody holds the block, evicted or not.

package import Bytes
internal import CLinux

/// Bytes of one block. Freed with the last reference.
package final class Block: @unchecked Sendable {
  // Sendable: the bytes are written before the block is shared and never after.
  private let storage: UnsafeMutableRawPointer
  /// The contents; valid as long as the block.
  package private(set) var view: ByteView
  /// Bytes taken from the allocator for the contents.
  let allocatedByteCount: Int
  /// Of an index block; made before the block is shared.
  var fences: BlockFences?

  /// Takes over `storage`, of `allocatedByteCount` bytes from `UnsafeMutableRawPointer.allocate`.
  ///
  /// - Parameter count: How many of them, from the start, are contents.
  init(taking storage: UnsafeMutableRawPointer, allocatedByteCount: Int, count: Int) {
    precondition(count >= 0 && count <= allocatedByteCount, "contents within storage")
    self.storage = storage
    self.allocatedByteCount = allocatedByteCount
    view = ByteView(UnsafeRawPointer(storage), count: count)
  }

  /// Bytes that live as long as the block.
  var heldByteCount: Int { allocatedByteCount + (fences?.byteCount ?? 0) }

  /// A block that holds a copy of `bytes`.
  convenience init(copying bytes: ByteView) {
    let storage = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
    if let base = bytes.buffer.baseAddress {
      storage.copyMemory(from: base, byteCount: bytes.count)
    }
    self.init(taking: storage, allocatedByteCount: max(bytes.count, 1), count: bytes.count)
  }

  /// Has the contents brought from memory, as far as a page of them.
  func prefetch() {
    for offset in stride(from: 0, to: min(view.count, 4 << 10), by: 64) {
      strata_prefetch(storage + offset)
    }
  }

  /// Address of the last byte of the contents.
  var lastByte: UnsafeRawPointer { UnsafeRawPointer(storage + max(view.count - 1, 0)) }

  /// Cuts the contents, before the block is shared.
  func shorten(to count: Int) { view = view.prefix(count) }

  deinit {
    fences?.free()
    storage.deallocate()
  }
}
