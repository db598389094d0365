// Header blocks of one connection's answers: nghttp2 unpacks them, this keeps what a caller needs.

import Bytes
import CNGHTTP2

/// What the fields of one header said.
struct CallHeader {
  /// :status; 0 where there is none.
  var httpStatus = 0
  /// grpc-status; nil where there is none.
  var grpcStatus: Int?
  /// grpc-message, of calls that failed.
  var message: [UInt8] = []
}

/// Confined to its thread.
final class HeaderInflater {
  private var inflater: OpaquePointer?

  init() { nghttp2_hd_inflate_new(&inflater) }

  deinit { nghttp2_hd_inflate_del(inflater) }

  /// Takes a fragment of a block.
  ///
  /// - Parameter isLast: The block ends with it.
  func take(
    _ fragment: ByteView, isLast: Bool, into header: inout CallHeader
  ) throws(AnswerError) {
    var at = fragment.buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    var left = fragment.count
    while true {
      var field = nghttp2_nv()
      var flags: Int32 = 0
      let used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, left, isLast ? 1 : 0)
      guard used >= 0, used <= left else { throw AnswerError(reason: "a header that is none") }
      at = at?.advanced(by: used)
      left -= used
      if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
        note(field, &header)
      } else if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
        nghttp2_hd_inflate_end_headers(inflater)
        return
      } else if left == 0 {
        return
      } else if used == 0 {
        throw AnswerError(reason: "a header that does not go on")
      }
    }
  }

  private func note(_ field: nghttp2_nv, _ header: inout CallHeader) {
    let name = ByteView(UnsafeRawBufferPointer(start: field.name, count: field.namelen))
    let value = ByteView(UnsafeRawBufferPointer(start: field.value, count: field.valuelen))
    switch name.count {
    case 7 where HeaderInflater.isEqual(name, ":status"):
      header.httpStatus = value.decimal(at: 0).value
    case 11 where HeaderInflater.isEqual(name, "grpc-status"):
      let (status, end) = value.decimal(at: 0)
      header.grpcStatus = end == value.count && end > 0 ? status : 2
    case 12 where !value.isEmpty && HeaderInflater.isEqual(name, "grpc-message"):
      header.message = value.array
    default: break
    }
  }

  private static func isEqual(_ name: ByteView, _ other: StaticString) -> Bool {
    name == ByteView(other.utf8Start, count: other.utf8CodeUnitCount)
  }
}
