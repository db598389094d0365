// A client of HTTP/2 for tests, over one blocking socket: nghttp2 on the other side of the wire.

internal import CNGHTTP2
internal import Glibc

/// What a call gave.
package struct ClientAnswer: Equatable {
  package var fields: [String: String] = [:]
  package var messages: [[UInt8]] = []
  /// Why the stream was reset; nil when it was not.
  package var resetCode: UInt32?

  package var status: Int? { fields["grpc-status"].flatMap { Int($0) } }
}

/// One connection. Confined to its thread.
package final class HTTP2Client {
  private let socket: Int32
  private var session: OpaquePointer?
  private var calls: [Int32: Progress] = [:]

  private final class Progress {
    var answer = ClientAnswer()
    var received: [UInt8] = []
    var unsent: [UInt8]
    var isDone = false
    /// More will follow what is unsent.
    var isHalf = false
    init(_ unsent: [UInt8]) { self.unsent = unsent }
  }

  package init(port: UInt16) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Failure.connect(errno) }
    // Else a frame waits for the acknowledgement of the one before it.
    var atOnce: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &atOnce, 4)
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(
      socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    nghttp2_session_client_new(
      &session, HTTP2Client.callbacks, Unmanaged.passUnretained(self).toOpaque())
    nghttp2_submit_settings(session, 0, nil, 0)
  }

  deinit {
    nghttp2_session_del(session)
    close(socket)
  }

  package enum Failure: Error, Equatable { case connect(Int32), closed, silence }

  // MARK: Calls

  /// Begins a call; `body` is the whole of its DATA.
  package func begin(
    _ path: String, body: [UInt8], fields: [(String, String)] = [], method: String = "POST",
    contentType: String = "application/grpc", isHalf: Bool = false
  ) throws -> Int32 {
    let all =
      [
        (":method", method), (":scheme", "http"), (":path", path), (":authority", "test"),
        ("content-type", contentType), ("te", "trailers"),
      ] + fields
    let bytes = all.map { (Array($0.0.utf8), Array($0.1.utf8)) }
    var provider = nghttp2_data_provider()
    provider.read_callback = { _, stream, place, capacity, flags, _, user in
      guard let place, let flags, let client = HTTP2Client.of(user),
        let call = client.calls[stream]
      else { return 0 }
      let count = min(capacity, call.unsent.count)
      for index in 0..<count { place[index] = call.unsent[index] }
      call.unsent.removeFirst(count)
      if call.unsent.isEmpty, !call.isHalf {
        flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
      } else if count == 0 {
        return Int(NGHTTP2_ERR_DEFERRED.rawValue)
      }
      return count
    }
    var stream: Int32 = 0
    withFields(bytes) { values in
      stream = nghttp2_submit_request(
        session, nil, values.baseAddress, values.count, &provider, nil)
    }
    let call = Progress(body)
    call.isHalf = isHalf
    calls[stream] = call
    try flush()
    return stream
  }

  /// Begins a call of which `body` is the beginning.
  package func beginHalf(_ path: String, body: [UInt8]) throws -> Int32 {
    try begin(path, body: body, isHalf: true)
  }

  package func goOn(_ stream: Int32, _ bytes: [UInt8], isLast: Bool) throws {
    calls[stream]?.unsent += bytes
    calls[stream]?.isHalf = !isLast
    nghttp2_session_resume_data(session, stream)
    try flush()
  }

  private func withFields(
    _ bytes: [([UInt8], [UInt8])], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void
  ) {
    let kept = bytes.map { name, value in
      (
        UnsafeMutableBufferPointer<UInt8>.allocate(capacity: name.count + value.count),
        name.count, value.count, name + value
      )
    }
    defer { for field in kept { field.0.deallocate() } }
    let values = kept.map { buffer, nameCount, valueCount, content in
      _ = buffer.initialize(from: content)
      return nghttp2_nv(
        name: buffer.baseAddress, value: buffer.baseAddress.map { $0 + nameCount },
        namelen: nameCount, valuelen: valueCount, flags: 0)
    }
    values.withUnsafeBufferPointer(body)
  }

  /// Begins a call with one message, and waits for its answer.
  package func call(
    _ path: String, _ message: [UInt8], fields: [(String, String)] = []
  ) throws -> ClientAnswer {
    try answer(of: begin(path, body: HTTP2Client.framed(message), fields: fields))
  }

  /// A message with its prefix.
  package static func framed(_ message: [UInt8]) -> [UInt8] {
    [0] + withUnsafeBytes(of: UInt32(message.count).bigEndian) { Array($0) } + message
  }

  package func answer(of stream: Int32) throws -> ClientAnswer {
    while let call = calls[stream], !call.isDone { try receive() }
    return calls.removeValue(forKey: stream)?.answer ?? ClientAnswer()
  }

  package func reset(_ stream: Int32) throws {
    nghttp2_submit_rst_stream(session, 0, stream, NGHTTP2_CANCEL.rawValue)
    try flush()
  }

  package func ping() throws {
    nghttp2_submit_ping(session, 0, nil)
    try flush()
  }

  /// Bytes that are no frames.
  package func sendRaw(_ bytes: [UInt8]) { _ = Glibc.send(socket, bytes, bytes.count, 0) }

  // MARK: Wire

  private func flush() throws {
    while true {
      var bytes: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &bytes)
      guard count > 0, let bytes else { return }
      var sent = 0
      while sent < count {
        let result = Glibc.send(socket, bytes + sent, count - sent, Int32(MSG_NOSIGNAL))
        guard result > 0 else { throw Failure.closed }
        sent += result
      }
    }
  }

  package func receive() throws {
    try receiveUnanswered()
    try flush()
  }

  /// Takes what has come, and says nothing.
  package func receiveUnanswered() throws {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var count: Int
    // Whoever runs this may have a timer of its own.
    repeat { count = recv(socket, &buffer, buffer.count, 0) } while count < 0 && errno == EINTR
    // The socket's own limit of time.
    if count < 0, errno == EAGAIN { throw Failure.silence }
    guard count > 0 else { throw Failure.closed }
    nghttp2_session_mem_recv(session, buffer, count)
  }

  fileprivate static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2Client? {
    user.map { Unmanaged<HTTP2Client>.fromOpaque($0).takeUnretainedValue() }
  }

  nonisolated(unsafe) private static let callbacks: OpaquePointer? = {
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, user in
      guard let frame, let name, let value, let client = HTTP2Client.of(user) else { return 0 }
      let key = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
      client.calls[frame.pointee.hd.stream_id]?.answer.fields[key] = String(
        decoding: UnsafeBufferPointer(start: value, count: valueCount), as: UTF8.self)
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, stream, bytes, count, user in
      guard let bytes, let call = HTTP2Client.of(user)?.calls[stream] else { return 0 }
      call.received += UnsafeBufferPointer(start: bytes, count: count)
      while call.received.count >= 5 {
        let length = call.received[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard call.received.count >= 5 + length else { break }
        call.answer.messages.append(Array(call.received[5..<5 + length]))
        call.received.removeFirst(5 + length)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, user in
      guard let call = HTTP2Client.of(user)?.calls[stream] else { return 0 }
      call.isDone = true
      if code != 0 { call.answer.resetCode = code }
      return 0
    }
    return callbacks
  }()
}
