// What a connection's bytes come to, without a socket; and the binary front's table of bad input.

import BinaryAPI
import BinaryProtocol
import Bytes
import Tablets
import Testing

/// Bytes a client may send.
enum ClientBytes {
  static func greeting(_ hello: ClientHello = ClientHello()) -> [UInt8] {
    var buffer = ByteBuffer()
    hello.encode(into: &buffer)
    return buffer.array
  }

  static func frame(
    _ operation: UInt8, flags: UInt8 = 0, status: UInt16 = 0, id: UInt64 = 1,
    declaring length: UInt32? = nil, _ body: [UInt8] = []
  ) -> [UInt8] {
    var buffer = ByteBuffer()
    buffer.append(littleEndian: length ?? UInt32(body.count))
    buffer.append(operation)
    buffer.append(flags)
    buffer.append(littleEndian: status)
    buffer.append(littleEndian: id)
    buffer.append(body)
    return buffer.array
  }
}

@Suite struct ConnectionStateTests {
  private static func open(_ limits: ConnectionLimits = ConnectionLimits()) -> ConnectionState {
    var state = ConnectionState(limits)
    _ = ByteView.of(ClientBytes.greeting()) { state.next($0) }
    return state
  }

  private static func step(
    _ state: inout ConnectionState, _ bytes: [UInt8]
  ) -> ConnectionState.Step {
    ByteView.of(bytes) { state.next($0) }
  }

  @Test func `a greeting is welcomed with the limits`() {
    var limits = ConnectionLimits()
    limits.requestsInFlight = 7
    limits.bytesInFlight = 70_000
    var state = ConnectionState(limits)
    let bytes = ClientBytes.greeting()
    guard case .welcome(let hello, let count) = ConnectionStateTests.step(&state, bytes) else {
      Issue.record("no welcome")
      return
    }
    #expect(count == bytes.count)
    #expect(hello.maxRequestsInFlight == 7)
    #expect(hello.maxBytesInFlight == 70_000)
    #expect(hello.maxBodyByteCount == ProtocolLimits.bodyByteCount)
    #expect(state.phase == .open)
  }

  @Test func `a greeting in pieces waits, then is welcomed`() {
    var state = ConnectionState(ConnectionLimits())
    let bytes = ClientBytes.greeting()
    for count in 0..<bytes.count {
      #expect(ConnectionStateTests.step(&state, Array(bytes[..<count])) == .wait(total: nil))
    }
    guard case .welcome = ConnectionStateTests.step(&state, bytes) else {
      Issue.record("no welcome")
      return
    }
  }

  @Test func `a greeting that is none is refused and nothing else is looked at`() {
    var state = ConnectionState(ConnectionLimits())
    guard
      case .refuse(let refusal) = ConnectionStateTests.step(&state, Array("GET / HTTP/1.1".utf8))
    else {
      Issue.record("no refusal")
      return
    }
    #expect(refusal.error.code == "not_strata")
    #expect(ConnectionStateTests.step(&state, [1, 2, 3]) == .ignore(byteCount: 3))
  }

  @Test func `frames are taken one by one, and parts of one are waited for`() {
    var state = ConnectionStateTests.open()
    let first = ClientBytes.frame(1, id: 5, [0x0a, 1, 9])
    let both = first + ClientBytes.frame(16, id: 6)
    for count in 0..<first.count {
      let total = count < FrameHeader.byteCount ? nil : first.count
      #expect(ConnectionStateTests.step(&state, Array(both[..<count])) == .wait(total: total))
    }
    ByteView.of(both) { view in
      guard case .request(.ping, let header, let body, let count) = state.next(view) else {
        Issue.record("no request")
        return
      }
      #expect(header.requestID == 5)
      #expect(body.array == [0x0a, 1, 9])
      #expect(count == first.count)
      guard case .request(.get, _, _, 16) = state.next(view.dropFirst(count)) else {
        Issue.record("no second request")
        return
      }
    }
  }

  /// Frames that end the connection, and those that are only answered.
  @Test(
    "bad frames get their error",
    arguments: [
      (
        ClientBytes.frame(16, declaring: UInt32(ProtocolLimits.bodyByteCount) + 1), true,
        "frame_too_long"
      ),
      (ClientBytes.frame(16, declaring: .max), true, "frame_too_long"),
      (ClientBytes.frame(16, id: 0), true, "malformed_frame"),
      (ClientBytes.frame(16, flags: 1), true, "malformed_frame"),
      (ClientBytes.frame(16, status: 3), true, "malformed_frame"),
      (ClientBytes.frame(0), false, "unknown_operation"),
      (ClientBytes.frame(99), false, "unknown_operation"),
      (ClientBytes.frame(255), false, "unknown_operation"),
      (ClientBytes.frame(64), false, "unknown_operation"),
      (ClientBytes.frame(65), false, "unknown_operation"),
      (ClientBytes.frame(16, flags: 2), false, "unknown_flag"),
      (ClientBytes.frame(16, flags: 8), false, "unknown_flag"),
    ])
  func badFrames(bytes: [UInt8], ends: Bool, code: String) {
    var state = ConnectionStateTests.open()
    switch ConnectionStateTests.step(&state, bytes) {
    case .end(let refusal):
      #expect(ends)
      #expect(refusal.error.code == code)
      #expect(state.phase == .ended)
    case .answer(let refusal, let header, let count):
      #expect(!ends)
      #expect(refusal.error.code == code)
      #expect(header.requestID == 1)
      #expect(count == bytes.count)
      #expect(state.phase == .open)
    default: Issue.record("neither ended nor answered")
    }
  }

  @Test func `flags that may be ignored are`() {
    var state = ConnectionStateTests.open()
    guard
      case .request(.get, _, _, _) = ConnectionStateTests.step(
        &state, ClientBytes.frame(16, flags: 0xf0))
    else {
      Issue.record("no request")
      return
    }
  }

  @Test func `too many requests pause the connection until one is answered`() {
    var limits = ConnectionLimits()
    limits.requestsInFlight = 2
    var state = ConnectionStateTests.open(limits)
    state.begin(byteCount: 10)
    #expect(state.hasRoom)
    state.begin(byteCount: 10)
    let get = ClientBytes.frame(16)
    #expect(ConnectionStateTests.step(&state, get) == .pause)
    state.finish(byteCount: 10)
    guard case .request = ConnectionStateTests.step(&state, get) else {
      Issue.record("no request")
      return
    }
  }

  @Test func `too many bytes pause the connection, credit and cancel pass`() {
    var limits = ConnectionLimits()
    limits.bytesInFlight = 100
    var state = ConnectionStateTests.open(limits)
    state.begin(byteCount: 1_000)
    #expect(ConnectionStateTests.step(&state, ClientBytes.frame(32)) == .pause)
    for operation in [Operation.scanCredit, .cancel] {
      let frame = ClientBytes.frame(operation.rawValue)
      guard case .request(operation, _, _, _) = ConnectionStateTests.step(&state, frame) else {
        Issue.record("held back")
        return
      }
    }
  }

  @Test func `while draining requests are refused, credit and cancel pass`() {
    var state = ConnectionStateTests.open()
    state.drain()
    guard
      case .answer(let refusal, _, _) = ConnectionStateTests.step(&state, ClientBytes.frame(32))
    else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.status == .retryLater)
    #expect(refusal.error.code == "shutting_down")
    guard
      case .request(.cancel, _, _, _) = ConnectionStateTests.step(
        &state, ClientBytes.frame(Operation.cancel.rawValue))
    else {
      Issue.record("cancel held back")
      return
    }
  }

  @Test("no flipped byte of a conversation traps", arguments: [UInt8(0x01), 0x80, 0xff])
  func flips(mask: UInt8) {
    let bytes =
      ClientBytes.greeting() + ClientBytes.frame(16, [0x0a, 1, 0x74])
      + ClientBytes.frame(20, id: 2) + ClientBytes.frame(32, id: 3, [0x12, 0])
    for index in bytes.indices {
      var flipped = bytes
      flipped[index] ^= mask
      var state = ConnectionState(ConnectionLimits())
      ByteView.of(flipped) { view in
        var used = 0
        for _ in 0..<20 {
          switch state.next(view.dropFirst(used)) {
          case .welcome(_, let count), .request(_, _, _, let count), .answer(_, _, let count),
            .ignore(let count):
            used += count
          case .wait, .pause, .refuse, .end: return
          }
        }
      }
    }
  }
}

@Suite struct StatusMappingTests {
  @Test(
    "every refusal has its status and code",
    arguments: [
      (
        TableServiceError.invalid(code: "invalid_row_key", message: "m"), Status.invalid,
        "invalid_row_key"
      ),
      (.notFound(code: "table_not_found", message: "m"), .notFound, "table_not_found"),
      (.conflict(code: "table_exists", message: "m"), .conflict, "table_exists"),
      (.wouldBlock, .retryLater, "busy"),
      (.retryLater(message: "m"), .retryLater, "busy"),
      (.full(message: "m"), .full, "disk_full"),
      (.corruptData(message: "m"), .corruptData, "corrupt_data"),
      (.readOnly(message: "m"), .readOnly, "read_only"),
      (.closed, .closed, "closed"),
    ])
  func mapping(error: TableServiceError, status: Status, code: String) {
    let refusal = Refusal(error)
    #expect(refusal.status == status)
    #expect(refusal.error.code == code)
    #expect(!refusal.error.message.isEmpty)
  }

  @Test func `what cannot be read has its status too`() {
    #expect(Refusal(WireError.truncated).status == .malformed)
    #expect(Refusal(WireError.malformed("x")).status == .malformed)
    #expect(Refusal(WireError.tooLarge("x")).status == .tooLarge)
    #expect(Refusal(GreetingError.notThisProtocol).status == .malformed)
    #expect(Refusal(GreetingError.noCommonVersion(2, 3)).status == .unsupported)
    #expect(Refusal(GreetingError.tooLong(5_000)).status == .tooLarge)
    #expect(Refusal(GreetingError.bodyLimitTooSmall(1)).status == .invalid)
    #expect(Refusal(GreetingError.malformed(.truncated)).status == .malformed)
  }
}
