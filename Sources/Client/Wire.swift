// One connected socket: greeting, frames out, frames in. The socket never blocks; whoever waits
// polls, so that writing can go on reading.

internal import BinaryProtocol
internal import Bytes
internal import Glibc
internal import TLS

/// A frame that arrived; the body is valid until the next frame is asked for.
struct ReceivedFrame {
  let header: FrameHeader
  let body: ByteView

  var isLast: Bool { !header.flags.contains(.more) }
}

/// A connection to a server. One thread at a time.
final class Wire {
  let address: String
  private(set) var hello = ServerHello()
  /// Frames to be sent; append, then `flush`.
  var output = ByteBuffer(capacity: 16 << 10)
  private var file: Int32
  private var sent = 0
  private var input = ByteBuffer(capacity: 64 << 10)
  private var consumed = 0
  /// Of the frame handed out last, dropped when the next is asked for.
  private var handedOut = 0
  private var lastRequestID: UInt64 = 0
  private var goAwayReason: String?
  /// Nil on a plain connection.
  private var tls: TLSSession?
  /// Where encrypted bytes arrive; empty on a plain connection.
  private var arrived = ByteBuffer()
  /// The host, as the server's certificate must have it.
  let expectedName: String

  private static let connectMilliseconds: Int32 = 5_000
  private static let greetingMilliseconds: Int32 = 10_000
  /// Read, and sealed, at a time on an encrypted connection.
  private static let secureByteCount = 256 << 10

  init(connectingTo address: String, _ security: ClientTLS?) throws(ClientError) {
    self.address = address
    let host = try Wire.split(address).0
    expectedName = security?.serverName ?? host
    file = try Wire.connect(to: address, milliseconds: Wire.connectMilliseconds)
    var hello = ClientHello()
    hello.clientName = "strata-swift"
    hello.features = ProtocolFeature.all
    hello.maxBodyByteCount = ProtocolLimits.bodyByteCount
    hello.encode(into: &output)
    do throws(ClientError) {
      if let security { try shakeHands(security) }
      try flush()
      try greet()
    } catch {
      close()
      throw error
    }
  }

  deinit { close() }

  func close() {
    guard file >= 0 else { return }
    if let tls, tls.sealEnd() { _ = try? sendSealed(tls) }
    _ = Glibc.close(file)
    file = -1
  }

  /// A number for the next request.
  func nextRequestID() -> UInt64 {
    lastRequestID += 1
    return lastRequestID
  }

  /// Appends a request to the output.
  func append(
    _ operation: Operation, _ id: UInt64, flags: FrameFlags = [],
    _ write: (inout ByteBuffer) -> Void
  ) throws(ClientError) {
    guard file >= 0 else { throw gone("the connection is closed") }
    let frame = FrameWriter(
      FrameHeader(operation: operation, flags: flags, requestID: id), into: &output)
    write(&output)
    let count = frame.bodyByteCount(in: output)
    guard count <= hello.maxBodyByteCount else {
      frame.discard(from: &output)
      throw .refused(
        code: "too_large",
        message: "The request is \(count) bytes; the server takes \(hello.maxBodyByteCount). "
          + "Send less at a time.")
    }
    frame.finish(in: &output)
  }

  var hasUnsent: Bool { sent < output.count }
  var unsentByteCount: Int { output.count - sent }

  /// Sends all output, reading what arrives meanwhile so that neither side waits for the other.
  func flush() throws(ClientError) {
    while try !send() { try wait(for: Int16(POLLIN | POLLOUT), milliseconds: -1) }
  }

  /// Sends what the socket takes now; true when nothing is left.
  func send() throws(ClientError) -> Bool {
    if let tls, try !sendSealed(tls) { return false }
    while sent < output.count {
      let rest = output.view.dropFirst(sent)
      if let tls {
        guard let count = tls.seal(rest[0..<min(rest.count, Wire.secureByteCount)]) else {
          throw gone("the TLS session is over")
        }
        sent += count
        guard try sendSealed(tls), count > 0 else { return false }
      } else {
        guard let count = try transmit(rest) else { return false }
        sent += count
      }
    }
    output.clear(keepingAtMost: 1 << 20)
    sent = 0
    return true
  }

  /// Sends what the session has sealed; true when nothing is left.
  private func sendSealed(_ tls: TLSSession) throws(ClientError) -> Bool {
    while tls.unsentByteCount > 0 {
      guard let count = try transmit(tls.unsent) else { return false }
      tls.noteSent(count)
    }
    return true
  }

  /// How much the socket took; nil when it takes nothing now.
  private func transmit(_ bytes: ByteView) throws(ClientError) -> Int? {
    while true {
      let count = Glibc.send(file, bytes.buffer.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return count }
      if errno == EINTR { continue }
      if errno == EAGAIN { return nil }
      throw gone(Wire.text(errno))
    }
  }

  /// The next frame that has arrived whole; nil when there is none yet.
  func received() throws(ClientError) -> ReceivedFrame? {
    drop()
    let rest = input.view.dropFirst(consumed)
    guard let header = FrameHeader(rest) else { return nil }
    guard header.bodyByteCount <= ProtocolLimits.bodyByteCount else {
      throw .protocolViolation(
        "\(address) sent a frame of \(header.bodyByteCount) bytes, more than a client takes.")
    }
    let total = FrameHeader.byteCount + Int(header.bodyByteCount)
    guard rest.count >= total else { return nil }
    handedOut = total
    let frame = ReceivedFrame(header: header, body: rest[FrameHeader.byteCount..<total])
    if header.requestID == 0 {
      try connectionFrame(frame)
      return try received()
    }
    return frame
  }

  /// The next frame, waiting for it.
  func nextFrame() throws(ClientError) -> ReceivedFrame {
    while true {
      if let frame = try received() { return frame }
      try wait(for: Int16(POLLIN), milliseconds: -1)
    }
  }

  /// Waits until the socket can do one of `events` and takes in what has arrived.
  func wait(for events: Int16, milliseconds: Int32) throws(ClientError) {
    guard file >= 0 else { throw gone("the connection is closed") }
    drop()
    var poll = pollfd(fd: file, events: events, revents: 0)
    let count = Glibc.poll(&poll, 1, milliseconds)
    if count < 0 {
      if errno == EINTR { return }
      throw gone(Wire.text(errno))
    }
    if count == 0 { throw .unreachable("\(address) does not answer. Is it a Strata server?") }
    guard poll.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 else { return }
    try receive()
  }

  // MARK: - Private

  private func receive() throws(ClientError) {
    if consumed > 0 {
      input.removeFirst(consumed)
      consumed = 0
    }
    if let tls { return try receive(through: tls) }
    var failure: Int32 = 0
    var isClosed = false
    let room = max(64 << 10, Int(FrameHeader(input.view)?.bodyByteCount ?? 0) - input.count + 64)
    let count = input.append(capacity: min(room, 4 << 20)) { bytes in
      let count = recv(file, bytes.baseAddress, bytes.count, 0)
      if count < 0 { failure = errno }
      if count == 0 { isClosed = true }
      return max(count, 0)
    }
    if isClosed { throw gone("it closed the connection") }
    if count == 0, failure != EINTR, failure != EAGAIN { throw gone(Wire.text(failure)) }
  }

  private func receive(through tls: TLSSession) throws(ClientError) {
    var failure: Int32 = 0
    arrived.clear()
    let count = arrived.append(capacity: Wire.secureByteCount) { bytes in
      let count = recv(file, bytes.baseAddress, bytes.count, 0)
      failure = count < 0 ? errno : 0
      return max(count, 0)
    }
    if failure == EINTR || failure == EAGAIN { return }
    if failure != 0 { throw gone(Wire.text(failure)) }
    if count == 0 {
      guard tls.state == .handshaking else { throw gone("it closed the connection") }
      throw .unreachable(
        "\(address) ended the connection instead of a TLS handshake. Does it speak TLS?")
    }
    let room = count + TLSSession.slackByteCount
    let plainCount = input.append(capacity: room) { tls.receive(arrived.view, into: $0) }
    // An alert of ours, or an answer to new keys.
    _ = try? sendSealed(tls)
    switch tls.state {
    case .handshaking, .established: return
    case .ended: if plainCount == 0 { throw gone("it closed the connection") }
    case .failed(let failure): throw explain(failure)
    }
  }

  private func shakeHands(_ security: ClientTLS) throws(ClientError) {
    guard let session = security.client.makeSession(with: expectedName) else {
      throw .unreachable("'\(expectedName)' is not a name that a certificate could have.")
    }
    tls = session
    session.start()
    if case .failed(let failure) = session.state { throw explain(failure) }
    while session.state == .handshaking {
      guard try sendSealed(session) else {
        try wait(for: Int16(POLLOUT), milliseconds: Wire.greetingMilliseconds)
        continue
      }
      try wait(for: Int16(POLLIN), milliseconds: Wire.greetingMilliseconds)
    }
    // The client's last word of the handshake.
    _ = try sendSealed(session)
  }

  private func drop() {
    consumed += handedOut
    handedOut = 0
    if consumed == input.count {
      input.clear(keepingAtMost: 4 << 20)
      consumed = 0
    }
  }

  private func connectionFrame(_ frame: ReceivedFrame) throws(ClientError) {
    guard frame.header.status == Status.ok.rawValue else {
      throw Wire.refusal(frame)
    }
    if frame.header.operation == Operation.goAway.rawValue {
      goAwayReason = (try? SchemaMessages.readBytes(frame.body))
        .map { String(decoding: $0.buffer, as: UTF8.self) }
    }
  }

  private func gone(_ reason: String) -> ClientError {
    .unreachable(
      "Lost the server at \(address): \(goAwayReason ?? reason). Is it running? Try again.")
  }

  private func greet() throws(ClientError) {
    while true {
      switch try greeting() {
      case .welcome(let hello): return self.hello = hello
      case .refusal(_, let error):
        throw .refused(code: error.code, message: error.message)
      case nil: try wait(for: Int16(POLLIN), milliseconds: Wire.greetingMilliseconds)
      }
    }
  }

  /// The server's greeting, once it is whole.
  private func greeting() throws(ClientError) -> ServerHello.Answer? {
    do throws(GreetingError) {
      guard let (answer, byteCount) = try ServerHello.read(input.view) else { return nil }
      consumed = byteCount
      return answer
    } catch {
      throw .protocolViolation(
        "\(address) does not speak Strata's binary protocol. "
          + "Is it the port of the binary front, 8085 unless told otherwise?")
    }
  }

  /// An answer that is not the message it should be.
  func unreadable(_ error: WireError) -> ClientError {
    .protocolViolation("\(address) sent an answer that cannot be read: \(error).")
  }

  /// What a frame with a status says.
  static func refusal(_ frame: ReceivedFrame) -> ClientError {
    guard let error = try? ErrorMessage(wire: frame.body) else {
      return .protocolViolation("The server sent an error that cannot be read.")
    }
    return .refused(code: error.code, message: error.message)
  }

  static func text(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
  }
}
