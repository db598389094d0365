// Answers of gRPC calls: frames of HTTP/2, many calls at once on a connection. A call is over where
// its stream ends, and went as grpc-status in its last header says.

import Bytes

/// What a connection has received, and what it has to say of itself. Confined to its thread
/// (`@unchecked` for that).
final class CallAnswers: @unchecked Sendable {
  /// What came of one call's answer.
  private struct Call {
    /// Bytes of the prefix of a message that have come; 5 within the message.
    var prefixByteCount = 0
    /// Of the message, still to come.
    var messageByteCount = 0
    /// Received since the stream's window was opened last.
    var unreportedByteCount = 0
    var header = CallHeader()
    var rows = RowCounter()
  }

  /// To be sent: answers to settings and pings, and wider windows.
  var replies = ByteBuffer()
  /// Bytes of messages that may be sent.
  var sendWindow = HTTP2Frame.firstWindow
  private(set) var hasSettings = false
  /// What the last refused call was told: in its header, or in no header at all.
  private var refusedHeader = CallHeader()
  private var otherRefusal: String?
  private let countsRows: Bool
  /// By stream, see `CallNumbers`.
  private var calls: [Call]
  private let inflater = HeaderInflater()
  private var unreportedByteCount = 0
  /// The DATA frame that is under way: what is left of it, without and with its padding.
  private var dataByteCount = 0
  private var paddingByteCount = 0
  private var dataStream: UInt32 = 0
  private var dataIsLast = false
  /// The stream whose header block goes on in the next frame, and the flags it began with.
  private var openHeader: (stream: UInt32, flags: UInt8)?

  /// - Parameter countsRows: Messages are answers of ReadRows, MutateRow and MutateRows.
  init(depth: Int, countsRows: Bool = true) {
    self.countsRows = countsRows
    calls = Array(repeating: Call(), count: max(depth, 1))
  }

  /// Why the last call that was refused was.
  var refusal: String {
    if let otherRefusal { return otherRefusal }
    let header = refusedHeader
    let status = header.grpcStatus.map { "status \($0)" } ?? "HTTP status \(header.httpStatus)"
    return "\(status) \(String(decoding: header.message, as: UTF8.self))"
  }

  private func place(_ stream: UInt32) -> Int {
    CallNumbers.place(of: stream, depth: calls.count)
  }

  /// The next piece at the start of `bytes`; nil while its frame has not come whole.
  func next(_ bytes: ByteView) throws(AnswerError) -> Answer? {
    if dataByteCount > 0 {
      guard bytes.count >= dataByteCount &+ paddingByteCount else { return nil }
      return try piece(bytes, from: 0)
    }
    guard bytes.count >= HTTP2Frame.headerByteCount else { return nil }
    let length = bytes.bigEndian24(at: 0)
    guard length <= BigtableDialect.frameByteCount else {
      throw AnswerError(reason: "a frame that is too long, or no HTTP/2")
    }
    let end = HTTP2Frame.headerByteCount &+ length
    guard bytes.count >= end else { return nil }
    let flags = bytes[4]
    let stream = bytes.bigEndian32(at: HTTP2Frame.streamOffset) & 0x7fff_ffff
    let payload = HTTP2Frame.headerByteCount..<end
    let kind = HTTP2Frame.Kind(rawValue: bytes[3])
    guard (openHeader != nil) == (kind == .continuation) else {
      throw AnswerError(reason: "a header block that does not go on")
    }
    switch kind {
    case .data: return try data(bytes, payload, flags, stream)
    case .headers:
      var rest = try CallAnswers.unpadded(bytes, payload, flags)
      if flags & HTTP2Frame.hasPriority != 0 {
        guard rest.count >= 5 else { throw AnswerError(reason: "a header without priority") }
        rest = (rest.lowerBound + 5)..<rest.upperBound
      }
      return try header(bytes, rest, end, flags, stream, begun: flags)
    case .continuation:
      guard let open = openHeader, open.stream == stream else {
        throw AnswerError(reason: "a header block of two streams")
      }
      return try header(bytes, payload, end, flags, stream, begun: open.flags)
    case .resetStream:
      guard length == 4 else { throw AnswerError(reason: "a reset without a reason") }
      let code = bytes.bigEndian32(at: payload.lowerBound)
      calls[place(stream)] = Call()
      otherRefusal = "stream reset, error \(code)"
      // REFUSED_STREAM: nothing was done.
      return Answer(
        outcome: code == 7 ? .retryLater : .failed, id: UInt64(stream), body: end..<end,
        byteCount: end)
    default:
      try housekeep(kind, bytes, payload, flags, stream)
      return CallAnswers.housekeeping(end)
    }
  }

  private static func housekeeping(_ byteCount: Int) -> Answer {
    var answer = Answer(
      outcome: .ok, isLast: false, body: byteCount..<byteCount, byteCount: byteCount)
    answer.isHousekeeping = true
    return answer
  }

  private static func unpadded(
    _ bytes: ByteView, _ payload: Range<Int>, _ flags: UInt8
  ) throws(AnswerError) -> Range<Int> {
    guard flags & HTTP2Frame.padded != 0 else { return payload }
    guard !payload.isEmpty, Int(bytes[payload.lowerBound]) < payload.count else {
      throw AnswerError(reason: "a frame that is all padding")
    }
    return (payload.lowerBound + 1)..<(payload.upperBound - Int(bytes[payload.lowerBound]))
  }

  // MARK: - Headers

  private func header(
    _ bytes: ByteView, _ fragment: Range<Int>, _ end: Int, _ flags: UInt8, _ stream: UInt32,
    begun: UInt8
  ) throws(AnswerError) -> Answer {
    let place = place(stream)
    let isWhole = flags & HTTP2Frame.endHeaders != 0
    try inflater.take(bytes[fragment], isLast: isWhole, into: &calls[place].header)
    openHeader = isWhole ? nil : (stream, begun)
    guard isWhole, begun & HTTP2Frame.endStream != 0 else {
      return CallAnswers.housekeeping(end)
    }
    return finish(place, stream, body: end..<end, end)
  }

  /// The end of a call.
  private func finish(
    _ place: Int, _ stream: UInt32, body: Range<Int>, _ byteCount: Int
  ) -> Answer {
    let call = calls[place]
    calls[place] = Call()
    var answer = Answer(
      outcome: .ok, id: UInt64(stream), body: body, byteCount: byteCount)
    answer.rowCount = call.rows.rowCount
    answer.refusedCount = call.rows.refusedCount
    guard call.header.grpcStatus == 0, call.header.httpStatus == 200 else {
      answer.outcome = outcome(call.header)
      refusedHeader = call.header
      otherRefusal = nil
      return answer
    }
    if call.prefixByteCount > 0 || !call.rows.isAtRest {
      otherRefusal = "an answer that ends within a message"
      answer.outcome = .failed
    }
    return answer
  }

  private func outcome(_ header: CallHeader) -> Outcome {
    // RESOURCE_EXHAUSTED and UNAVAILABLE.
    header.grpcStatus == 8 || header.grpcStatus == 14 ? .retryLater : .failed
  }

  // MARK: - Messages

  private func data(
    _ bytes: ByteView, _ payload: Range<Int>, _ flags: UInt8, _ stream: UInt32
  ) throws(AnswerError) -> Answer? {
    let place = place(stream)
    let content = try CallAnswers.unpadded(bytes, payload, flags)
    report(payload.count, stream, place)
    dataIsLast = flags & HTTP2Frame.endStream != 0
    guard !content.isEmpty else {
      guard dataIsLast else { return CallAnswers.housekeeping(payload.upperBound) }
      let end = payload.upperBound
      return finish(place, stream, body: end..<end, end)
    }
    dataStream = stream
    dataByteCount = content.count
    paddingByteCount = payload.upperBound - content.upperBound
    return try piece(bytes, from: content.lowerBound)
  }

  /// What lies at `start` of a message: all that its frame has of it.
  private func piece(_ bytes: ByteView, from start: Int) throws(AnswerError) -> Answer {
    let place = place(dataStream)
    let end = start &+ dataByteCount
    var at = start
    while at < end, calls[place].prefixByteCount < 5 {
      try prefix(bytes[at], place)
      at &+= 1
    }
    let body = at..<(at &+ min(calls[place].messageByteCount, end &- at))
    if calls[place].prefixByteCount == 5 {
      if countsRows { try calls[place].rows.take(bytes[body]) }
      calls[place].messageByteCount &-= body.count
      if calls[place].messageByteCount == 0 { try endMessage(place) }
    }
    dataByteCount = end &- body.upperBound
    if dataByteCount > 0 {
      return Answer(
        outcome: .ok, id: UInt64(dataStream), isLast: false, body: body,
        byteCount: body.upperBound)
    }
    let behind = end &+ paddingByteCount
    // Only a header can end a call well.
    if dataIsLast { return finish(place, dataStream, body: body, behind) }
    return Answer(
      outcome: .ok, id: UInt64(dataStream), isLast: false, body: body, byteCount: behind)
  }

  /// A byte of what stands before a message: whether it is compressed, and its length.
  @inline(__always)
  private func prefix(_ byte: UInt8, _ place: Int) throws(AnswerError) {
    if calls[place].prefixByteCount == 0 {
      guard byte == 0 else { throw AnswerError(reason: "a compressed message") }
    } else {
      calls[place].messageByteCount = calls[place].messageByteCount << 8 | Int(byte)
    }
    calls[place].prefixByteCount &+= 1
  }

  private func endMessage(_ place: Int) throws(AnswerError) {
    guard calls[place].rows.isAtRest else {
      throw AnswerError(reason: "a message that ends within a field")
    }
    calls[place].prefixByteCount = 0
  }

  // MARK: - The connection

  /// Opens the windows again by what was received, before half of them is used up.
  @inline(__always)
  private func report(_ byteCount: Int, _ stream: UInt32, _ place: Int) {
    unreportedByteCount &+= byteCount
    if unreportedByteCount > HTTP2Frame.widestWindow / 2 {
      replies.append(HTTP2Frame.windowUpdate(unreportedByteCount, stream: 0))
      unreportedByteCount = 0
    }
    calls[place].unreportedByteCount &+= byteCount
    if calls[place].unreportedByteCount > HTTP2Frame.widestWindow / 2 {
      replies.append(
        HTTP2Frame.windowUpdate(calls[place].unreportedByteCount, stream: stream))
      calls[place].unreportedByteCount = 0
    }
  }

  private func housekeep(
    _ kind: HTTP2Frame.Kind?, _ bytes: ByteView, _ payload: Range<Int>, _ flags: UInt8,
    _ stream: UInt32
  ) throws(AnswerError) {
    let isAcknowledgement = flags & HTTP2Frame.acknowledgement != 0
    switch kind {
    case .settings where !isAcknowledgement:
      try take(settings: bytes[payload])
      replies.append(HTTP2Frame.header(.settings, flags: HTTP2Frame.acknowledgement, 0))
    case .ping where !isAcknowledgement:
      guard payload.count == 8 else { throw AnswerError(reason: "a ping of another length") }
      replies.append(HTTP2Frame.header(.ping, flags: HTTP2Frame.acknowledgement, 8))
      replies.append(bytes[payload])
    case .windowUpdate:
      guard payload.count == 4 else { throw AnswerError(reason: "a window without width") }
      // No request is longer than the window its stream has from the start.
      guard stream == 0 else { return }
      sendWindow &+= Int(bytes.bigEndian32(at: payload.lowerBound) & 0x7fff_ffff)
    case .goAway:
      let text = String(
        decoding: bytes[payload].dropFirst(min(8, payload.count)).buffer, as: UTF8.self)
      throw AnswerError(reason: "the server ends the connection \(text)")
    case .pushPromise: throw AnswerError(reason: "a promise that nobody asked for")
    default: break
    }
  }

  private func take(settings: ByteView) throws(AnswerError) {
    guard settings.count % 6 == 0 else { throw AnswerError(reason: "half a setting") }
    hasSettings = true
    for at in stride(from: 0, to: settings.count, by: 6) {
      let value = Int(settings.bigEndian32(at: at + 2))
      switch (settings[at], settings[at + 1]) {
      case (0, 3) where value < calls.count:
        throw AnswerError(reason: "the server takes \(value) calls at once on a connection")
      case (0, 4) where value < BigtableDialect.frameByteCount:
        throw AnswerError(reason: "the server takes \(value) bytes of a message at once")
      default: break
      }
    }
  }
}
