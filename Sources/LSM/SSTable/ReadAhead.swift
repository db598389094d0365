// Blocks of a file in order, cut out of larger pieces: one system call brings many of them.
//
//   piece  := stored block* │ the start of one more
//
// A piece begins with the block that was asked for and not at hand, so a walk forwards reads every
// byte about once. Nothing here touches the block cache.

internal import Bytes
internal import VFS

/// The piece of one file that was read last.
struct ReadAhead: ~Copyable {
  private let pieceByteCount: Int
  private var piece = ByteBuffer()
  private var pieceOffset: UInt64 = 0

  /// - Parameter pieceByteCount: Bytes read at a time; blocks as long as that are read alone.
  init(pieceByteCount: Int) { self.pieceByteCount = pieceByteCount }

  /// Gives the piece's memory back.
  mutating func close() { piece.clear(keepingAtMost: 64) }

  /// The block at `handle`, out of the piece at hand or a new one that starts there.
  mutating func block(
    _ handle: BlockHandle, of reader: TableReader, wait: ReadWait
  ) throws(EngineError) -> Block {
    let file = reader.file
    try reader.checked(handle) { () throws(BlockDamage) in
      try handle.check(fileByteCount: file.byteCount)
    }
    let count = Int(handle.payloadByteCount) + TableFormat.trailerByteCount
    guard count < pieceByteCount else {
      return try TableReader.read(handle, of: file, wait: wait)
    }
    if !covers(handle.offset, count) { try read(from: handle.offset, of: file, wait: wait) }
    let start = Int(handle.offset - pieceOffset)
    return try reader.checked(handle) { () throws(BlockDamage) in
      try TableReader.unpack(piece.view[start..<start + count], owner: nil)
    }
  }

  private func covers(_ offset: UInt64, _ count: Int) -> Bool {
    offset >= pieceOffset && offset + UInt64(count) <= pieceOffset + UInt64(piece.count)
  }

  private mutating func read(
    from offset: UInt64, of file: any ReadableFile, wait: ReadWait
  ) throws(EngineError) {
    let length = Int(min(UInt64(pieceByteCount), file.byteCount - offset))
    piece.clear()
    pieceOffset = offset
    _ = try piece.append(capacity: length) { room throws(EngineError) in
      try TableReader.fill(room, from: file, at: offset, wait: wait)
      return length
    }
  }
}
