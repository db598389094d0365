// What nghttp2 calls. Each function finds the connection behind the pointer that the session was
// given; that lives as long as the session.

internal import Bytes
internal import CNGHTTP2

extension GRPCConnection {
  /// Made once for all sessions.
  nonisolated(unsafe) static let callbacks: OpaquePointer? = {
    var callbacks: OpaquePointer?
    guard nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
      guard let frame, let connection = GRPCConnection.of(user) else { return 0 }
      if frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue),
        frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
      {
        connection.callBegins(frame.pointee.hd.stream_id)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, user in
      guard let frame, let name, let value, let connection = GRPCConnection.of(user) else {
        return 0
      }
      return connection.header(
        of: frame.pointee.hd.stream_id, ByteView(name, count: nameCount),
        ByteView(value, count: valueCount))
        ? 0 : Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      guard let frame, let connection = GRPCConnection.of(user) else { return 0 }
      connection.frameArrived(
        type: frame.pointee.hd.type, flags: frame.pointee.hd.flags,
        stream: frame.pointee.hd.stream_id)
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, stream, bytes, count, user in
      guard let bytes, let connection = GRPCConnection.of(user) else { return 0 }
      connection.dataArrived(on: stream, ByteView(bytes, count: count))
      return 0
    }
    nghttp2_session_callbacks_set_send_data_callback(callbacks) {
      _, frame, header, byteCount, _, user in
      // Frames have no padding: nobody asks for any.
      guard let frame, let header, let connection = GRPCConnection.of(user) else {
        return Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
      }
      return connection.send(
        frame.pointee.hd.stream_id, header: ByteView(header, count: frameHeaderByteCount),
        byteCount)
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, _, user in
      GRPCConnection.of(user)?.streamClosed(stream)
      return 0
    }
    return callbacks
  }()

  /// RFC 9113, 4.1.
  private static let frameHeaderByteCount = 9

  /// The connection of a session's user data.
  static func of(_ user: UnsafeMutableRawPointer?) -> GRPCConnection? {
    user.map { Unmanaged<GRPCConnection>.fromOpaque($0).takeUnretainedValue() }
  }
}
