// The 64-bit hash behind row filters. Persisted in table files, so it never changes within a
// format version. Two multiplications a 16-byte step (the folded 64×64→128 product, as in wyhash
// by Wang Yi); not for untrusted hash tables: use Hasher there.

extension ByteView {
  /// The persisted hash of the bytes.
  @inlinable
  package var persistedHash: UInt64 {
    var state = UInt64(truncatingIfNeeded: count) ^ 0x9e37_79b9_7f4a_7c15
    var offset = 0
    while offset &+ 16 <= count {
      state = ByteView.fold(
        littleEndian64(at: offset) ^ 0xa076_1d64_78bd_642f,
        littleEndian64(at: offset &+ 8) ^ state)
      offset &+= 16
    }
    var low: UInt64 = 0
    var high: UInt64 = 0
    if offset &+ 8 <= count {
      low = littleEndian64(at: offset)
      offset &+= 8
    }
    if offset < count, count >= 8 {
      // The end of the last word, moved down.
      high = littleEndian64(at: count &- 8) &>> UInt64(64 &- (count &- offset) &* 8)
    } else {
      var shift: UInt64 = 0
      while offset < count {
        high |= UInt64(self[offset]) &<< shift
        shift &+= 8
        offset &+= 1
      }
    }
    state = ByteView.fold(low ^ 0xe703_7ed1_a0b4_28db, high ^ state)
    return ByteView.fold(state ^ 0x8ebc_6af0_9c88_c6e3, UInt64(truncatingIfNeeded: count))
      ^ state
  }

  @inlinable @inline(__always)
  static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}
