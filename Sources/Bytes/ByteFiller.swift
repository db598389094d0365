// Many small values into room that was made before: one check for all of them, where each append
// to a buffer makes its own.

/// Writes one value after the other. Whoever made the room has counted their bytes.
@frozen @usableFromInline
package struct ByteFiller: ~Copyable {
  @usableFromInline var place: UnsafeMutableRawPointer

  /// Bytes behind the room that may be written over: of a word that is stored whole.
  @inlinable static var slackByteCount: Int { 8 }

  @inlinable @inline(__always)
  init(_ place: UnsafeMutableRawPointer) { self.place = place }

  @inlinable @inline(__always)
  package mutating func put(_ byte: UInt8) {
    place.storeBytes(of: byte, as: UInt8.self)
    place += 1
  }

  @inlinable @inline(__always)
  package mutating func put(littleEndian value: UInt64) {
    place.storeBytes(of: value.littleEndian, as: UInt64.self)
    place += 8
  }

  /// LEB128, 1 to 10 bytes; mostly one.
  @inlinable @inline(__always)
  package mutating func put(varint value: Int) {
    let bits = UInt64(bitPattern: Int64(value))
    if bits < 0x80 {
      put(UInt8(truncatingIfNeeded: bits))
    } else {
      place = ByteFiller.put(long: bits, at: place)
    }
  }

  /// The same of what is mostly long.
  @inlinable @inline(__always)
  package mutating func put(longVarint value: Int) {
    let bits = UInt64(bitPattern: Int64(value))
    if bits < 1 << 56 {
      put(sevens: bits)
    } else {
      place = ByteFiller.put(long: bits, at: place)
    }
  }

  /// Up to 56 bits: their sevens move apart together, pairwise.
  @inlinable @inline(__always)
  mutating func put(sevens value: UInt64) {
    let byteCount = ByteBuffer.size(varint: value)
    var bits = value & 0x0fff_ffff | (value &<< 4) & 0x0fff_ffff_0000_0000
    bits = bits & 0x0000_3fff_0000_3fff | (bits &<< 2) & 0x3fff_0000_3fff_0000
    bits = bits & 0x007f_007f_007f_007f | (bits &<< 1) & 0x7f00_7f00_7f00_7f00
    // All but the last byte say that another one follows.
    bits |= 0x0080_8080_8080_8080 & (1 &<< UInt64(8 &* byteCount &- 8) &- 1)
    place.storeBytes(of: bits.littleEndian, as: UInt64.self)
    place += byteCount
  }

  /// By value: the filler stays in registers.
  @usableFromInline
  static func put(
    long value: UInt64, at start: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    var filler = ByteFiller(start)
    if value < 1 << 56 {
      filler.put(sevens: value)
      return filler.place
    }
    var rest = value
    while rest >= 0x80 {
      filler.put(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest &>>= 7
    }
    filler.put(UInt8(truncatingIfNeeded: rest))
    return filler.place
  }

  @inlinable @inline(__always)
  package mutating func put(_ bytes: ByteView) {
    place.copyMemory(from: bytes.base, byteCount: bytes.count)
    place += bytes.count
  }

  /// As `put`, without a call for up to 16 bytes: for names.
  @inlinable @inline(__always)
  package mutating func put(short bytes: ByteView) {
    let count = bytes.count
    guard count <= 16 else { return put(bytes) }
    if count >= 8 {
      // Two words that overlap.
      let first = bytes.base.loadUnaligned(as: UInt64.self)
      let last = bytes.base.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      place.storeBytes(of: first, as: UInt64.self)
      place.storeBytes(of: last, toByteOffset: count &- 8, as: UInt64.self)
    } else if count >= 4 {
      let first = bytes.base.loadUnaligned(as: UInt32.self)
      let last = bytes.base.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
      place.storeBytes(of: first, as: UInt32.self)
      place.storeBytes(of: last, toByteOffset: count &- 4, as: UInt32.self)
    } else {
      for index in 0..<count {
        place.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self)
      }
    }
    place += count
  }
}

extension ByteBuffer {
  /// Appends what `fill` puts: exactly `byteCount` bytes, which the caller has counted.
  @inlinable @inline(__always)
  package mutating func append(counted byteCount: Int, _ fill: (inout ByteFiller) -> Void) {
    var filler = filler(for: byteCount)
    fill(&filler)
    take(filler, byteCount)
  }

  /// Room for so many bytes; `take` makes what was put there the buffer's.
  @inlinable @inline(__always)
  package mutating func filler(for byteCount: Int) -> ByteFiller {
    reserve(byteCount &+ ByteFiller.slackByteCount)
    return ByteFiller(storage + used)
  }

  @inlinable @inline(__always)
  package mutating func take(_ filler: borrowing ByteFiller, _ byteCount: Int) {
    // A count that is wrong has written over what follows the buffer.
    precondition(filler.place == storage + used + byteCount, "as many bytes as were counted")
    used &+= byteCount
  }
}
