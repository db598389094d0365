// Many small values into room that was made before: one check for all of them, where each append
// to a buffer makes its own.

/// Writes one value after the other. Whoever made the room has counted their bytes.
@frozen @usableFromInline
package struct ByteFiller: ~Copyable {
  @usableFromInline var place: UnsafeMutableRawPointer

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

  /// LEB128, 1 to 10 bytes.
  @inlinable @inline(__always)
  package mutating func put(varint value: Int) {
    var rest = UInt64(bitPattern: Int64(value))
    while rest >= 0x80 {
      put(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest &>>= 7
    }
    put(UInt8(truncatingIfNeeded: rest))
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
    reserve(byteCount)
    let start = storage + used
    var filler = ByteFiller(start)
    fill(&filler)
    // A count that is wrong has written over what follows the buffer.
    precondition(filler.place == start + byteCount, "as many bytes as were counted")
    used &+= byteCount
  }
}
