// Reads bytes that may be wrong: from disk or wire. Every step checks what is left and throws;
// nothing here traps on input.

/// Why bytes could not be read as what they should be.
@usableFromInline
package enum ByteReadError: Error, Equatable {
  /// The bytes end before the value does.
  case truncated
  /// A varint longer than ten bytes or above 64 bits.
  case overlongVarint
  /// A length larger than its limit or than what follows.
  case lengthOutOfRange
}

/// A position in a view, moving forwards.
@frozen @usableFromInline
package struct ByteReader {
  @usableFromInline package let view: ByteView
  @usableFromInline package internal(set) var offset: Int

  @inlinable @inline(__always)
  package init(_ view: ByteView) {
    self.view = view
    self.offset = 0
  }

  @inlinable package var remaining: Int { @inline(__always) get { view.count &- offset } }
  @inlinable package var isAtEnd: Bool { @inline(__always) get { offset == view.count } }
  /// What has not been read yet.
  @inlinable package var rest: ByteView { @inline(__always) get { view.dropFirst(offset) } }

  @inlinable @inline(__always)
  package mutating func byte() throws(ByteReadError) -> UInt8 {
    guard remaining >= 1 else { throw .truncated }
    let value = view.byte(unchecked: offset)
    offset &+= 1
    return value
  }

  @inlinable @inline(__always)
  package mutating func bytes(_ count: Int) throws(ByteReadError) -> ByteView {
    guard count >= 0, count <= remaining else { throw .truncated }
    let bytes = view.part(unchecked: offset, count)
    offset &+= count
    return bytes
  }

  @inlinable
  package mutating func skip(_ count: Int) throws(ByteReadError) { _ = try bytes(count) }

  @inlinable
  package mutating func littleEndian16() throws(ByteReadError) -> UInt16 {
    try bytes(2).littleEndian16(at: 0)
  }

  @inlinable
  package mutating func littleEndian32() throws(ByteReadError) -> UInt32 {
    try bytes(4).littleEndian32(at: 0)
  }

  @inlinable
  package mutating func littleEndian64() throws(ByteReadError) -> UInt64 {
    try bytes(8).littleEndian64(at: 0)
  }

  /// LEB128, 1 to 10 bytes.
  @inlinable @inline(__always)
  package mutating func varint() throws(ByteReadError) -> UInt64 {
    guard remaining >= 1 else { throw .truncated }
    let first = view.byte(unchecked: offset)
    if first < 0x80 {
      offset &+= 1
      return UInt64(first)
    }
    // By value: the reader stays in registers.
    let long = try ByteReader.longVarint(view, at: offset)
    offset = long.end
    return long.value
  }

  /// - Precondition: `offset` is within the view.
  @usableFromInline
  static func longVarint(
    _ view: ByteView, at offset: Int
  ) throws(ByteReadError) -> (value: UInt64, end: Int) {
    if view.count &- offset >= 8, let short = view.varint(upToEightAt: offset) { return short }
    var value: UInt64 = 0
    var shift: UInt64 = 0
    var at = offset
    while at < view.count {
      let byte = view[at]
      at &+= 1
      if shift == 63, byte > 1 { throw .overlongVarint }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return (value, at) }
      shift &+= 7
      if shift > 63 { throw .overlongVarint }
    }
    throw .truncated
  }

  /// A varint that is a length: at most `limit` (memory may be taken for it afterwards).
  @inlinable
  package mutating func length(limit: Int) throws(ByteReadError) -> Int {
    let value = try varint()
    guard value <= UInt64(limit) else { throw .lengthOutOfRange }
    return Int(value)
  }

  /// A length as a varint, then that many bytes.
  @inlinable @inline(__always)
  package mutating func lengthPrefixed() throws(ByteReadError) -> ByteView {
    let count = try varint()
    guard count <= UInt64(remaining) else { throw .truncated }
    return try bytes(Int(count))
  }
}
