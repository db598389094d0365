// Header fields of answers, as nghttp2 takes them: pointers that are good during the call.

internal import CNGHTTP2

enum ResponseFields {
  typealias Fields = UnsafeBufferPointer<nghttp2_nv>

  /// Of every answer; never changed.
  nonisolated(unsafe) private static let header = constant([
    field(":status", "200"), field("content-type", "application/grpc"),
    field("grpc-accept-encoding", "identity,gzip"),
  ])
  nonisolated(unsafe) private static let okTrailer = constant([field("grpc-status", "0")])

  private static func constant(_ fields: [nghttp2_nv]) -> Fields {
    let memory = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: fields.count)
    _ = memory.initialize(from: fields)
    return Fields(memory)
  }

  /// Before the messages.
  static func withHeader(_ body: (Fields) -> Void) { body(header) }

  /// Behind the messages.
  static func withTrailer(_ status: GRPCStatus, _ body: (Fields) -> Void) {
    if status.code == .ok { return body(okTrailer) }
    withFields(of: status, after: [], body)
  }

  /// In place of both.
  static func withTrailersOnly(
    _ status: GRPCStatus, httpStatus: StaticString = "200", _ body: (Fields) -> Void
  ) {
    withFields(
      of: status,
      after: [field(":status", httpStatus), field("content-type", "application/grpc")], body)
  }

  private static func withFields(
    of status: GRPCStatus, after first: [nghttp2_nv], _ body: (Fields) -> Void
  ) {
    if status.code == .ok {
      (first + [field("grpc-status", "0")]).withUnsafeBufferPointer(body)
      return
    }
    var values = [Array(String(status.code.rawValue).utf8), percentEncoded(status.message)]
    var names: [StaticString] = ["grpc-status", "grpc-message"]
    if !status.details.isEmpty {
      names.append("grpc-status-details-bin")
      values.append(base64(status.details))
    }
    // One stretch of bytes, so that one pointer keeps all of them.
    let bytes = values.flatMap { $0 }
    bytes.withUnsafeBufferPointer { buffer in
      var fields = first
      var offset = 0
      for (name, value) in zip(names, values) {
        fields.append(
          field(name, UnsafeBufferPointer(rebasing: buffer[offset..<offset + value.count])))
        offset += value.count
      }
      fields.withUnsafeBufferPointer(body)
    }
  }

  private static func field(_ name: StaticString, _ value: StaticString) -> nghttp2_nv {
    field(name, UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
  }

  /// nghttp2 copies names and values when it is given them.
  private static func field(
    _ name: StaticString, _ value: UnsafeBufferPointer<UInt8>
  ) -> nghttp2_nv {
    nghttp2_nv(
      name: UnsafeMutablePointer(mutating: name.utf8Start),
      value: value.baseAddress.map { UnsafeMutablePointer(mutating: $0) },
      namelen: name.utf8CodeUnitCount, valuelen: value.count,
      flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
  }

  /// Bytes other than printable ASCII, and the percent sign, as in a URL (doc/PROTOCOL-HTTP2.md).
  static func percentEncoded(_ message: String) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    encoded.reserveCapacity(128)
    // A header field has its limits; a message longer than this helps nobody.
    for byte in message.utf8.prefix(2_048) {
      if (0x20...0x7e).contains(byte), byte != UInt8(ascii: "%") {
        encoded.append(byte)
      } else {
        encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return encoded
  }

  /// Without padding, as gRPC prefers its binary fields.
  static func base64(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var encoded: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      bits <<= UInt32(8 * (3 - group.count))
      for digit in 0...group.count {
        encoded.append(digits[Int(bits >> UInt32(18 - 6 * digit) & 63)])
      }
    }
    return encoded
  }
}
