// Writes protobuf fields (proto3 wire format) at the end of a buffer, in the order of their
// numbers, leaving out what equals its default: byte for byte what protoc's own code writes.
//
//   field := tag: varint = number << 3 │ type │ value
//   value := varint (type 0) │ 8 bytes LE (type 1) │ count: varint, bytes (type 2)

package import Bytes

/// The fields of a message, sizes first: a nested message is preceded by its length.
package enum ProtobufWriter {
  /// Bytes of `value` as a varint.
  @inline(__always)
  package static func size(varint value: UInt64) -> Int {
    ByteBuffer.size(varint: value)
  }

  /// Bytes of a length-prefixed value of `count` bytes with a one-byte tag.
  @inline(__always)
  package static func size(bytes count: Int) -> Int {
    1 &+ size(varint: UInt64(count)) &+ count
  }
}

extension ByteBuffer {
  @inline(__always)
  package mutating func appendTag(_ number: UInt64, _ type: ProtobufReader.WireType) {
    append(varint: number << 3 | UInt64(type.rawValue))
  }

  /// The field even when empty; for optional, repeated and oneof fields.
  @inline(__always)
  package mutating func appendField(_ number: UInt64, present bytes: ByteView) {
    appendTag(number, .bytes)
    append(lengthPrefixed: bytes)
  }

  package mutating func appendField(_ number: UInt64, present bytes: [UInt8]) {
    ByteView.of(bytes) { appendField(number, present: $0) }
  }

  package mutating func appendField(_ number: UInt64, present text: String) {
    ByteView.of(text) { appendField(number, present: $0) }
  }

  @inline(__always)
  package mutating func appendField(_ number: UInt64, bytes: ByteView) {
    if !bytes.isEmpty { appendField(number, present: bytes) }
  }

  package mutating func appendField(_ number: UInt64, bytes: [UInt8]) {
    if !bytes.isEmpty { appendField(number, present: bytes) }
  }

  package mutating func appendField(_ number: UInt64, string: String) {
    if !string.isEmpty { appendField(number, present: string) }
  }

  package mutating func appendField(_ number: UInt64, present value: UInt64) {
    appendTag(number, .varint)
    append(varint: value)
  }

  package mutating func appendField(_ number: UInt64, varint value: UInt64) {
    if value != 0 { appendField(number, present: value) }
  }

  package mutating func appendField(_ number: UInt64, bool value: Bool) {
    if value { appendField(number, present: 1 as UInt64) }
  }

  /// Zigzag.
  package mutating func appendField(_ number: UInt64, presentSigned value: Int64) {
    appendField(number, present: ByteBuffer.zigzag(value))
  }

  static func zigzag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: (value << 1) ^ (value >> 63))
  }

  @inline(__always)
  package mutating func appendField(_ number: UInt64, presentFixed value: Int64) {
    appendTag(number, .fixed64)
    append(littleEndian: UInt64(bitPattern: value))
  }

  @inline(__always)
  package mutating func appendField(_ number: UInt64, fixed value: Int64) {
    if value != 0 { appendField(number, presentFixed: value) }
  }

  /// A nested message, through a buffer of its own; for cold messages.
  package mutating func appendMessage(_ number: UInt64, _ write: (inout ByteBuffer) -> Void) {
    var nested = ByteBuffer()
    write(&nested)
    appendField(number, present: nested.view)
  }
}
