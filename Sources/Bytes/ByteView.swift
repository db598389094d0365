// Borrowed bytes: a pointer and a length whose owner outlives the view. Every access is checked
// against the length, so a wrong length traps instead of reading past the end; the owner's
// lifetime is the caller's promise, stated wherever a view is handed out.

/// A read-only view of bytes that somebody else owns. Public, unlike what it offers, so that
/// other modules' types with views in them can be inlined.
@frozen
public struct ByteView: @unchecked Sendable {
  @usableFromInline let base: UnsafeRawPointer
  @usableFromInline package let count: Int

  /// - Parameter base: Readable for `count` bytes as long as the view is used.
  @inlinable @inline(__always)
  package init(_ base: UnsafeRawPointer, count: Int) {
    precondition(count >= 0, "a view has a length")
    self.base = base
    self.count = count
  }

  @inlinable @inline(__always)
  package init(_ buffer: UnsafeRawBufferPointer) {
    self.base = buffer.baseAddress ?? ByteView.nowhere
    self.count = buffer.count
  }

  @inlinable @inline(__always)
  package init() {
    self.base = ByteView.nowhere
    self.count = 0
  }

  /// A non-null address for views of nothing; never read.
  @usableFromInline static var nowhere: UnsafeRawPointer {
    @inlinable @inline(__always) get { UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped }
  }

  @inlinable package var isEmpty: Bool { @inline(__always) get { count == 0 } }

  @inlinable
  package subscript(index: Int) -> UInt8 {
    @inline(__always) get {
      precondition(index >= 0 && index < count, "index within view")
      return base.load(fromByteOffset: index, as: UInt8.self)
    }
  }

  @inlinable
  package subscript(range: Range<Int>) -> ByteView {
    @inline(__always) get {
      precondition(range.lowerBound >= 0 && range.upperBound <= count, "range within view")
      return ByteView(base + range.lowerBound, count: range.count)
    }
  }

  @inlinable @inline(__always)
  package func dropFirst(_ n: Int) -> ByteView { self[n..<count] }

  @inlinable @inline(__always)
  package func prefix(_ n: Int) -> ByteView { self[0..<n] }

  // MARK: Without a check: the caller has made one for several of these

  /// - Precondition: 0 ≤ index < count.
  @inlinable @inline(__always)
  package func byte(unchecked index: Int) -> UInt8 {
    base.load(fromByteOffset: index, as: UInt8.self)
  }

  /// - Precondition: 0 ≤ offset, 0 ≤ length, offset + length ≤ count.
  @inlinable @inline(__always)
  package func part(unchecked offset: Int, _ length: Int) -> ByteView {
    ByteView(base + offset, count: length)
  }

  /// A varint of at most eight bytes and where it ends; nil where it is longer.
  ///
  /// - Precondition: 0 ≤ offset ≤ count - 8.
  @inlinable @inline(__always)
  package func varint(upToEightAt offset: Int) -> (value: UInt64, end: Int)? {
    let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    let ends = ~word & 0x8080_8080_8080_8080
    guard ends != 0 else { return nil }
    // Their sevens of bits move together, pairwise.
    let bitCount = ends.trailingZeroBitCount &+ 1
    var bits = word & (.max &>> UInt64(64 &- bitCount)) & 0x7f7f_7f7f_7f7f_7f7f
    bits = bits & 0x007f_007f_007f_007f | (bits & 0x7f00_7f00_7f00_7f00) &>> 1
    bits = bits & 0x0000_3fff_0000_3fff | (bits & 0x3fff_0000_3fff_0000) &>> 2
    bits = bits & 0x0fff_ffff | (bits & 0x0fff_ffff_0000_0000) &>> 4
    return (bits, offset &+ bitCount &>> 3)
  }

  /// The bytes as a buffer pointer, for system calls; valid as long as the view.
  @inlinable package var buffer: UnsafeRawBufferPointer {
    @inline(__always) get { UnsafeRawBufferPointer(start: base, count: count) }
  }

  /// Calls `body` with a view of the array's bytes; the view must not escape.
  @inlinable @inline(__always)
  package static func of<Result, Failure: Error>(
    _ array: [UInt8], _ body: (ByteView) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let span = array.span
    return try span.withUnsafeBytes { (bytes) throws(Failure) -> Result in
      try body(ByteView(bytes))
    }
  }

  /// Calls `body` with a view of the string's UTF-8; the view must not escape.
  @inlinable
  package static func of<Result, Failure: Error>(
    _ string: String, _ body: (ByteView) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try ByteView.of(Array(string.utf8), body)
  }

  @inlinable
  package var array: [UInt8] { [UInt8](buffer) }
}

// MARK: - Order

extension ByteView: Equatable, Hashable {
  /// Bytewise.
  @inlinable
  public static func == (left: ByteView, right: ByteView) -> Bool {
    left.count == right.count && left.compare(right) == 0
  }

  /// The same, without a call for 4 to 16 bytes: for names.
  @inlinable @inline(__always)
  package func equals(short other: ByteView) -> Bool {
    guard count == other.count else { return false }
    if count >= 8, count <= 16 {
      return word64(0) == other.word64(0) && word64(count &- 8) == other.word64(count &- 8)
    }
    if count >= 4, count < 8 {
      return word32(0) == other.word32(0) && word32(count &- 4) == other.word32(count &- 4)
    }
    return compare(other) == 0
  }

  @inlinable @inline(__always)
  func word64(_ offset: Int) -> UInt64 {
    base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  @inlinable @inline(__always)
  func word32(_ offset: Int) -> UInt32 {
    base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
  }

  /// As all bytes.
  @inlinable
  public func hash(into hasher: inout Hasher) { hasher.combine(bytes: buffer) }

  @inlinable
  package func hasPrefix(_ prefix: ByteView) -> Bool {
    count >= prefix.count && self.prefix(prefix.count) == prefix
  }

  /// Bytes both views begin with.
  @inlinable
  package func sharedPrefixCount(with other: ByteView) -> Int {
    let limit = Swift.min(count, other.count)
    var offset = 0
    while offset + 8 <= limit {
      let difference =
        base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        ^ other.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      if difference != 0 {
        return offset + UInt64(littleEndian: difference).trailingZeroBitCount / 8
      }
      offset += 8
    }
    if offset < limit, limit >= 8 {
      // The last word begins within what is known to be equal.
      let difference =
        base.loadUnaligned(fromByteOffset: limit - 8, as: UInt64.self)
        ^ other.base.loadUnaligned(fromByteOffset: limit - 8, as: UInt64.self)
      if difference == 0 { return limit }
      return limit - 8 + UInt64(littleEndian: difference).trailingZeroBitCount / 8
    }
    while offset < limit, self[offset] == other[offset] { offset += 1 }
    return offset
  }
}

extension ByteView: Comparable {
  /// In the order of `compare`.
  @inlinable
  public static func < (left: ByteView, right: ByteView) -> Bool { left.compare(right) < 0 }

  /// Unsigned bytewise order, a prefix first: negative, zero or positive.
  ///
  /// Compares big-endian words, which beats memcmp by a third on short keys.
  @inlinable
  package func compare(_ other: ByteView) -> Int {
    let limit = Swift.min(count, other.count)
    var offset = 0
    while offset + 8 <= limit {
      let left = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let right = other.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      if left != right { return left.bigEndian < right.bigEndian ? -1 : 1 }
      offset += 8
    }
    if offset < limit, limit >= 8 {
      // The last word begins within what is known to be equal.
      let left = base.loadUnaligned(fromByteOffset: limit - 8, as: UInt64.self)
      let right = other.base.loadUnaligned(fromByteOffset: limit - 8, as: UInt64.self)
      if left != right { return left.bigEndian < right.bigEndian ? -1 : 1 }
      return count - other.count
    }
    while offset < limit {
      let left = base.load(fromByteOffset: offset, as: UInt8.self)
      let right = other.base.load(fromByteOffset: offset, as: UInt8.self)
      if left != right { return left < right ? -1 : 1 }
      offset += 1
    }
    return count - other.count
  }
}

extension ByteView: CustomStringConvertible {
  /// Printable ASCII as it is, the rest as `\xNN`; at most 64 bytes.
  public var description: String {
    var text = ""
    for index in 0..<Swift.min(count, 64) {
      let byte = self[index]
      if byte >= 0x20, byte < 0x7f, byte != 0x5c {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16)
        text += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
      }
    }
    return count > 64 ? text + "… (\(count) bytes)" : text
  }
}
