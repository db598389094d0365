// Reads protobuf fields (proto3 wire format) from bytes that may be wrong. Fields come in any
// order; who reads skips the numbers it does not know. Groups, unused since proto2, are refused.

package import Bytes

/// Why a message could not be read.
package enum WireError: Error, Equatable {
  case truncated
  /// What is wrong with it.
  case malformed(String)
  /// What is too long or too many.
  case tooLarge(String)
}

/// A position among the fields of one message.
package struct ProtobufReader {
  /// How a field's value is laid out.
  package enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case bytes = 2
    case fixed32 = 5
  }

  private var reader: ByteReader
  private var wireType = WireType.varint

  @inline(__always)
  package init(_ message: ByteView) { reader = ByteReader(message) }

  package var isAtEnd: Bool { reader.isAtEnd }

  /// The number of the next field, or nil at the message's end. Its value must then be taken, or
  /// skipped.
  @inline(__always)
  package mutating func next() throws(WireError) -> UInt64? {
    if reader.isAtEnd { return nil }
    let tag = try rawVarint()
    guard let type = WireType(rawValue: UInt8(truncatingIfNeeded: tag & 7)) else {
      throw .malformed("unknown wire type")
    }
    let number = tag >> 3
    guard number > 0, number < 1 << 29 else { throw .malformed("field number out of range") }
    wireType = type
    return number
  }

  /// Is the field's value a number?
  package var isVarint: Bool {
    switch wireType {
    case .varint: true
    default: false
    }
  }

  package mutating func skip() throws(WireError) {
    switch wireType {
    case .varint: _ = try rawVarint()
    case .fixed64: _ = try raw(8)
    case .bytes: _ = try rawBytes()
    case .fixed32: _ = try raw(4)
    }
  }

  @inline(__always)
  package mutating func varint() throws(WireError) -> UInt64 {
    guard wireType == .varint else { throw .malformed("a number was expected") }
    return try rawVarint()
  }

  package mutating func bool() throws(WireError) -> Bool { try varint() != 0 }

  package mutating func int64() throws(WireError) -> Int64 { Int64(bitPattern: try varint()) }

  /// Zigzag: 0, -1, 1, -2, … as 0, 1, 2, 3, …
  package mutating func sint64() throws(WireError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1)))
  }

  @inline(__always)
  package mutating func sfixed64() throws(WireError) -> Int64 {
    guard wireType == .fixed64 else { throw .malformed("eight bytes were expected") }
    return Int64(bitPattern: try raw(8).littleEndian64(at: 0))
  }

  /// The bytes of a string, bytes or message field, in place.
  @inline(__always)
  package mutating func bytes() throws(WireError) -> ByteView {
    guard wireType == .bytes else { throw .malformed("bytes were expected") }
    return try rawBytes()
  }

  package mutating func string() throws(WireError) -> String { try wireString(try bytes()) }

  @inline(__always)
  private mutating func raw(_ count: Int) throws(WireError) -> ByteView {
    do { return try reader.bytes(count) } catch { throw .truncated }
  }

  @inline(__always)
  private mutating func rawBytes() throws(WireError) -> ByteView {
    let count = try rawVarint()
    guard count <= UInt64(reader.remaining) else { throw .truncated }
    return try raw(Int(count))
  }

  @inline(__always)
  private mutating func rawVarint() throws(WireError) -> UInt64 {
    do { return try reader.varint() } catch {
      throw error == .truncated ? .truncated : .malformed("a number longer than 64 bits")
    }
  }
}

/// Bytes that must be UTF-8.
package func wireString(_ bytes: ByteView) throws(WireError) -> String {
  guard let text = String(validating: bytes.buffer, as: UTF8.self) else {
    throw .malformed("text that is not UTF-8")
  }
  return text
}
