// Integers of fixed width inside a view: little-endian on disk and wire, big-endian where the
// bytes must sort or where another system says so.

extension ByteView {
  @inlinable @inline(__always)
  func load<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size, "integer within view")
    return base.loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  @inlinable package func littleEndian16(at offset: Int) -> UInt16 {
    UInt16(littleEndian: load(UInt16.self, at: offset))
  }
  @inlinable package func littleEndian32(at offset: Int) -> UInt32 {
    UInt32(littleEndian: load(UInt32.self, at: offset))
  }
  @inlinable package func littleEndian64(at offset: Int) -> UInt64 {
    UInt64(littleEndian: load(UInt64.self, at: offset))
  }
  @inlinable package func bigEndian32(at offset: Int) -> UInt32 {
    UInt32(bigEndian: load(UInt32.self, at: offset))
  }
  @inlinable package func bigEndian64(at offset: Int) -> UInt64 {
    UInt64(bigEndian: load(UInt64.self, at: offset))
  }

  /// The first offset at or behind `start`, in steps of 8, whose little-endian word lies in
  /// [`lowest`, `highest`]; nil when there is none.
  package func firstWord(from start: Int, lowest: UInt64, highest: UInt64) -> Int? {
    precondition(start >= 0, "offset within view")
    var offset = start
    // A plain loop over the pointer: logs of many MiB are searched so.
    while offset &+ 8 <= count {
      let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      if word >= lowest, word <= highest { return offset }
      offset &+= 8
    }
    return nil
  }
}

extension ByteView {
  /// Eight bytes from `offset` as they sort, zeros in place of what is not there. Views that begin
  /// with the same `offset` bytes are in the order of their words, where those differ.
  @inlinable @inline(__always)
  package func word(from offset: Int) -> UInt64 {
    let missing = offset &+ 8 &- count
    if missing <= 0 { return bigEndian64(at: offset) }
    if missing >= 8 { return 0 }
    // The end of the last word, moved up.
    if count >= 8 { return bigEndian64(at: count &- 8) &<< UInt64(missing &* 8) }
    var word: UInt64 = 0
    for index in offset..<count { word = word << 8 | UInt64(self[index]) }
    return word &<< UInt64(missing &* 8)
  }
}
