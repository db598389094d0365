// What a connection's bytes mean, without a socket: greeting first, then frames, within limits.
// A pure value: bytes in, the next step out; whoever owns the socket does it.

package import BinaryProtocol
package import Bytes

/// What one connection may have the server do at a time.
package struct ConnectionLimits: Sendable {
  /// Longest body taken.
  package var bodyByteCount = ProtocolLimits.bodyByteCount
  /// Requests between arrival and answer; scans are counted apart.
  package var requestsInFlight = 4_096
  /// Their bytes; one request may exceed it when it is alone.
  package var bytesInFlight = 16 << 20
  /// Scans and mutate streams open at a time, each.
  package var streams = 64
  package init() {}
}

/// The state of one connection.
package struct ConnectionState {
  package enum Phase: Equatable, Sendable {
    case greeting, open
    /// A goaway was sent: what is in flight is finished, what arrives is refused.
    case draining
    /// Nothing that arrives is looked at.
    case ended
  }

  /// What to do next. `byteCount` bytes of the input are used up by it.
  package enum Step: Equatable {
    /// Nothing before more bytes arrive; `total` when the length of the whole frame is known.
    case wait(total: Int?)
    /// Too much is in flight: stop reading until `hasRoom`.
    case pause
    case welcome(ServerHello, byteCount: Int)
    /// Send the refusing greeting, close.
    case refuse(Refusal)
    case request(Operation, FrameHeader, body: ByteView, byteCount: Int)
    /// Answer the request with the refusal, go on.
    case answer(Refusal, FrameHeader, byteCount: Int)
    /// The stream cannot be trusted any more: send the reason as connectionError, close.
    case end(Refusal)
    /// Drop the bytes.
    case ignore(byteCount: Int)
  }

  package let limits: ConnectionLimits
  package private(set) var phase = Phase.greeting
  package private(set) var requestsInFlight = 0
  package private(set) var bytesInFlight = 0
  /// Longest body the client takes.
  package private(set) var peerBodyByteCount = ProtocolLimits.defaultBodyByteCount
  package private(set) var peerName = ""

  package init(_ limits: ConnectionLimits) { self.limits = limits }

  package var hasRoom: Bool {
    requestsInFlight < limits.requestsInFlight && bytesInFlight < limits.bytesInFlight
  }

  package mutating func begin(byteCount: Int) {
    requestsInFlight += 1
    bytesInFlight += byteCount
  }

  package mutating func finish(_ requestCount: Int = 1, byteCount: Int) {
    requestsInFlight -= requestCount
    bytesInFlight -= byteCount
    precondition(requestsInFlight >= 0 && bytesInFlight >= 0, "finish what was begun")
  }

  package mutating func drain() {
    if phase == .open { phase = .draining }
  }

  package mutating func end() { phase = .ended }

  /// The next step for the input that is there.
  package mutating func next(_ input: ByteView) -> Step {
    switch phase {
    case .greeting: return greet(input)
    case .open, .draining: return frame(input)
    case .ended: return input.isEmpty ? .wait(total: nil) : .ignore(byteCount: input.count)
    }
  }

  private mutating func greet(_ input: ByteView) -> Step {
    do throws(GreetingError) {
      guard let (hello, byteCount) = try ClientHello.read(input) else { return .wait(total: nil) }
      phase = .open
      peerBodyByteCount = hello.maxBodyByteCount
      peerName = hello.clientName
      var answer = ServerHello()
      answer.serverName = "strata"
      answer.features = hello.features & ProtocolFeature.all
      answer.maxBodyByteCount = limits.bodyByteCount
      answer.maxRequestsInFlight = UInt32(clamping: limits.requestsInFlight)
      answer.maxBytesInFlight = UInt64(clamping: limits.bytesInFlight)
      return .welcome(answer, byteCount: byteCount)
    } catch {
      phase = .ended
      return .refuse(Refusal(error))
    }
  }

  @inline(__always)
  private mutating func frame(_ input: ByteView) -> Step {
    guard let header = FrameHeader(input) else { return .wait(total: nil) }
    let bodyByteCount = Int(header.bodyByteCount)
    guard bodyByteCount <= limits.bodyByteCount else {
      return stop(
        .tooLarge, "frame_too_long",
        "A body of \(bodyByteCount) bytes; at most \(limits.bodyByteCount) are taken.")
    }
    guard header.requestID != 0 else {
      return stop(.malformed, "malformed_frame", "A request with id 0, which is the connection's.")
    }
    guard !header.isAnswer else {
      return stop(.malformed, "malformed_frame", "A frame from a client that says it is an answer.")
    }
    let total = FrameHeader.byteCount + bodyByteCount
    let operation = Operation(rawValue: header.operation)
    let isOfStream = operation?.isOfStream ?? false
    if !hasRoom, !isOfStream { return .pause }
    guard input.count >= total else { return .wait(total: total) }
    guard let operation, operation.isRequest else {
      let refusal = Refusal(
        .unsupported, "unknown_operation",
        "Operation \(header.operation) is not one of version 1 of the protocol.")
      return .answer(refusal, header, byteCount: total)
    }
    guard !header.hasUnknownFlags else {
      let refusal = Refusal(
        .unsupported, "unknown_flag", "Flags \(header.flags.rawValue) on a request.")
      return .answer(refusal, header, byteCount: total)
    }
    let body = input[FrameHeader.byteCount..<total]
    if phase == .draining, !isOfStream {
      return .answer(.shuttingDown, header, byteCount: total)
    }
    return .request(operation, header, body: body, byteCount: total)
  }

  private mutating func stop(_ status: Status, _ code: String, _ message: String) -> Step {
    phase = .ended
    return .end(Refusal(status, code, message))
  }
}
