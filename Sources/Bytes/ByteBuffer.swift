// Growable output bytes with one owner. Appends grow by doubling; `clear` keeps the storage, so a
// buffer that lives with a connection or a job stops allocating after the first few rounds.

internal import Glibc

/// Bytes being written.
@frozen @usableFromInline
package struct ByteBuffer: ~Copyable, @unchecked Sendable {
  @usableFromInline var storage: UnsafeMutableRawPointer
  @usableFromInline var used: Int
  @usableFromInline var capacity: Int

  @inlinable
  package init(capacity: Int = 0) {
    self.capacity = Swift.max(capacity, 64)
    self.storage = .allocate(byteCount: self.capacity, alignment: 16)
    self.used = 0
  }

  @inlinable
  deinit { storage.deallocate() }

  @inlinable package var count: Int { @inline(__always) get { used } }
  @inlinable package var isEmpty: Bool { @inline(__always) get { used == 0 } }
  @inlinable package var allocatedByteCount: Int { capacity }

  /// The bytes so far; valid until the next change of the buffer.
  @inlinable package var view: ByteView {
    @inline(__always) get { ByteView(UnsafeRawPointer(storage), count: used) }
  }

  @inlinable package var array: [UInt8] { view.array }

  /// Empties the buffer and keeps its storage.
  @inlinable @inline(__always)
  package mutating func clear() { used = 0 }

  /// Empties the buffer and gives storage above `byteCount` back.
  @inlinable
  package mutating func clear(keepingAtMost byteCount: Int) {
    used = 0
    guard capacity > byteCount else { return }
    storage.deallocate()
    capacity = Swift.max(byteCount, 64)
    storage = .allocate(byteCount: capacity, alignment: 16)
  }

  /// Cuts the buffer to its first `count` bytes.
  @inlinable
  package mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= used, "truncate shortens")
    used = count
  }

  /// Drops the first `n` bytes and moves the rest down.
  @inlinable
  package mutating func removeFirst(_ n: Int) {
    precondition(n >= 0 && n <= used, "remove what is there")
    guard n > 0 else { return }
    if n < used { storage.copyMemory(from: storage + n, byteCount: used - n) }
    used -= n
  }

  @inlinable @inline(__always)
  package mutating func reserve(_ additional: Int) {
    precondition(additional >= 0, "reserve a length")
    if capacity - used < additional { grow(by: additional) }
  }

  @usableFromInline
  mutating func grow(by additional: Int) {
    let (needed, overflow) = used.addingReportingOverflow(additional)
    precondition(!overflow, "buffer length fits an Int")
    let larger = Swift.max(needed, capacity &* 2)
    // What is allocated with malloc's alignment comes from malloc. Large blocks grow where they
    // are: while a long body arrives, its bytes are never there twice.
    guard let moved = realloc(storage, larger) else {
      preconditionFailure("no memory for \(larger) bytes")
    }
    storage = moved
    capacity = larger
  }

  @inlinable @inline(__always)
  package mutating func append(_ byte: UInt8) {
    reserve(1)
    storage.storeBytes(of: byte, toByteOffset: used, as: UInt8.self)
    used &+= 1
  }

  @inlinable @inline(__always)
  package mutating func append(_ bytes: ByteView) {
    reserve(bytes.count)
    (storage + used).copyMemory(from: bytes.base, byteCount: bytes.count)
    used &+= bytes.count
  }

  /// As `append`, without a call for up to 16 bytes: for what is mostly the end of a key.
  @inlinable @inline(__always)
  package mutating func append(short bytes: ByteView) {
    let count = bytes.count
    guard count <= 16 else { return append(bytes) }
    reserve(16)
    let target = storage + used
    if count >= 8 {
      // Two words that overlap.
      let first = bytes.base.loadUnaligned(as: UInt64.self)
      let last = bytes.base.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      target.storeBytes(of: first, as: UInt64.self)
      target.storeBytes(of: last, toByteOffset: count &- 8, as: UInt64.self)
    } else if count >= 4 {
      let first = bytes.base.loadUnaligned(as: UInt32.self)
      let last = bytes.base.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
      target.storeBytes(of: first, as: UInt32.self)
      target.storeBytes(of: last, toByteOffset: count &- 4, as: UInt32.self)
    } else {
      for index in 0..<count {
        target.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self)
      }
    }
    used &+= count
  }

  @inlinable
  package mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append(ByteView($0)) }
  }

  /// Appends a literal; for protocol text.
  @inlinable @inline(__always)
  package mutating func append(_ text: StaticString) {
    append(ByteView(UnsafeRawPointer(text.utf8Start), count: text.utf8CodeUnitCount))
  }

  /// Appends a string's UTF-8; for cold paths.
  @inlinable
  package mutating func append(utf8 text: String) {
    var copy = text
    copy.withUTF8 { append(ByteView(UnsafeRawBufferPointer($0))) }
  }

  @inlinable @inline(__always)
  mutating func appendInteger<T: FixedWidthInteger>(_ value: T) {
    reserve(MemoryLayout<T>.size)
    storage.storeBytes(of: value, toByteOffset: used, as: T.self)
    used &+= MemoryLayout<T>.size
  }

  @inlinable package mutating func append(littleEndian value: UInt16) {
    appendInteger(value.littleEndian)
  }
  @inlinable package mutating func append(littleEndian value: UInt32) {
    appendInteger(value.littleEndian)
  }
  @inlinable package mutating func append(littleEndian value: UInt64) {
    appendInteger(value.littleEndian)
  }
  @inlinable package mutating func append(bigEndian value: UInt32) {
    appendInteger(value.bigEndian)
  }
  @inlinable package mutating func append(bigEndian value: UInt64) {
    appendInteger(value.bigEndian)
  }

  /// LEB128, 1 to 10 bytes.
  @inlinable @inline(__always)
  package mutating func append(varint value: UInt64) {
    if value < 0x80 {
      append(UInt8(truncatingIfNeeded: value))
    } else {
      append(longVarint: value)
    }
  }

  /// Bytes of a number as a varint.
  @inlinable @inline(__always)
  package static func size(varint value: UInt64) -> Int {
    // A byte for each seven bits: nine sixty-fourths of the bits, rounded.
    (9 &* (64 &- (value | 1).leadingZeroBitCount) &+ 64) &>> 6
  }

  @inlinable
  mutating func append(longVarint value: UInt64) {
    reserve(10)
    var rest = value
    while rest >= 0x80 {
      storage.storeBytes(
        of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: used, as: UInt8.self)
      used &+= 1
      rest >>= 7
    }
    storage.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: used, as: UInt8.self)
    used &+= 1
  }

  @inlinable @inline(__always)
  package mutating func append(varint value: Int) {
    precondition(value >= 0, "a varint here is a length")
    append(varint: UInt64(value))
  }

  /// A length as a varint, then the bytes.
  @inlinable @inline(__always)
  package mutating func append(lengthPrefixed bytes: ByteView) {
    append(varint: bytes.count)
    append(bytes)
  }

  /// Overwrites four bytes written earlier; for lengths known only afterwards.
  @inlinable
  package mutating func overwrite(littleEndian value: UInt32, at offset: Int) {
    precondition(offset >= 0 && offset <= used - 4, "overwrite what is there")
    storage.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
  }

  /// Overwrites bytes written earlier.
  @inlinable
  package mutating func overwrite(_ bytes: ByteView, at offset: Int) {
    precondition(offset >= 0 && offset <= used - bytes.count, "overwrite what is there")
    (storage + offset).copyMemory(from: bytes.base, byteCount: bytes.count)
  }

  /// Appends what `fill` writes into at least `capacity` bytes of room; it returns how many.
  @inlinable
  package mutating func append<Failure: Error>(
    capacity room: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    reserve(room)
    let written = try fill(UnsafeMutableRawBufferPointer(start: storage + used, count: room))
    precondition(written >= 0 && written <= room, "fill stays within its room")
    used &+= written
    return written
  }
}
