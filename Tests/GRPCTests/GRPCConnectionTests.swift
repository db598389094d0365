// Calls over a real socket: unary and streaming, their ends, and peers that do harm.

import Bytes
import CZlib
import GRPC
import Glibc
import Net
import Runtime
import Synchronization
import TestSupport
import Testing

/// Methods for tests.
private final class TestMethods: GRPCMethods, @unchecked Sendable {
  let cancelled = Atomic<Int>(0)
  let sent = Atomic<Int>(0)

  private static let paths = [
    "/test/Echo", "/test/Refuse", "/test/Never", "/test/Slow", "/test/Stream",
  ]

  func method(_ path: ByteView) -> Int? {
    TestMethods.paths.firstIndex(of: String(decoding: path.buffer, as: UTF8.self))
  }

  func isSheddable(_ method: Int) -> Bool { TestMethods.paths[method] == "/test/Slow" }

  func perform(_ method: Int, _ call: GRPCCall, _ message: ByteView) {
    switch TestMethods.paths[method] {
    case "/test/Echo":
      let copy = message.array
      call.answer { output in ByteView.of(copy) { output.append($0) } }
    case "/test/Refuse":
      call.finish(GRPCStatus(.notFound, "no \"ü\" here, 100%", details: [8, 5, 255]))
    case "/test/Never":
      call.onCancel = { [self] in _ = cancelled.add(1, ordering: .relaxed) }
    case "/test/Slow":
      usleep(1_000)
      call.answer { _ in }
    default:
      // As many messages of as many bytes as the message's first and second byte say, times 1,000.
      let (count, size) = (Int(message[0]) * 10, Int(message[1]) * 1_000)
      call.onCancel = { [self] in _ = cancelled.add(1, ordering: .relaxed) }
      stream(call, left: count, size)
    }
  }

  private func stream(_ call: GRPCCall, left: Int, _ size: Int) {
    var left = left
    while left > 0, !call.isOutputFull {
      let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: left), count: size)
      call.send { output in ByteView.of(bytes) { output.append($0) } }
      sent.add(1, ordering: .relaxed)
      left -= 1
    }
    if left == 0 { return call.finish(.ok) }
    let rest = left
    call.onDrain = { [weak self, weak call] in
      if let call { self?.stream(call, left: rest, size) }
    }
  }
}

/// A server of `TestMethods` on a loop of its own.
private final class GRPCWorld {
  let methods = TestMethods()
  let budget: InFlightBudget
  let group: EventLoopGroup
  let port: UInt16

  init(
    limits: GRPCLimits = GRPCLimits(), budget byteCount: Int = 64 << 20,
    shedNanoseconds: UInt64 = 0
  ) throws {
    let budget = InFlightBudget(byteCount: byteCount)
    self.budget = budget
    var options = EventLoopOptions()
    options.shedNanoseconds = shedNanoseconds
    group = try EventLoopGroup(count: 1, options: options)
    let methods = methods
    port = try group.listen(on: "127.0.0.1:0", maximumConnections: 100) { connection in
      GRPCConnection(
        connection, methods: methods, limits: limits, budget: budget)
    }
  }

  deinit { group.shutDown(graceNanoseconds: 100_000_000) }
}

@Suite(.timeLimit(.minutes(1))) struct GRPCConnectionTests {
  @Test func `a call is answered`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    for count in [0, 1, 5, 100_000, 3_000_000] {
      let message = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      let answer = try client.call("/test/Echo", message)
      #expect(answer.messages == [message])
      #expect(answer.status == 0)
      #expect(answer.fields["content-type"] == "application/grpc")
    }
    #expect(world.budget.usedByteCount == 0)
  }

  @Test func `many calls at once keep their answers apart`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    let streams = try (0..<200).map { index in
      try client.begin(
        "/test/Echo", body: HTTP2Client.framed([UInt8](repeating: UInt8(index), count: index * 50)))
    }
    for (index, stream) in streams.enumerated() {
      #expect(
        try client.answer(of: stream).messages
          == [[UInt8](repeating: UInt8(index), count: index * 50)])
    }
  }

  /// More at once than the connection's output and the socket take.
  @Test func `large answers that wait for their reader come whole`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    let streams = try (0..<24).map { _ in
      try client.begin("/test/Stream", body: HTTP2Client.framed([1, 150]))
    }
    for stream in streams {
      let answer = try client.answer(of: stream)
      #expect(answer.status == 0)
      #expect(
        answer.messages
          == (1...10).reversed().map { [UInt8](repeating: UInt8($0), count: 150_000) })
    }
  }

  @Test func `a refusal says why`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    let answer = try client.call("/test/Refuse", [])
    #expect(answer.status == 5)
    #expect(answer.fields["grpc-message"] == "no \"%C3%BC\" here, 100%25")
    #expect(answer.fields["grpc-status-details-bin"] == "CAX/")
    #expect(try client.call("/test/Nothing", []).status == 12)
  }

  @Test func `a stream waits for its reader and ends`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    let answer = try client.call("/test/Stream", [10, 100])
    #expect(answer.messages.count == 100)
    #expect(answer.messages.allSatisfy { $0.count == 100_000 })
    #expect(answer.messages.first?.first == 100)
    #expect(answer.status == 0)
  }

  @Test func `a reset ends a stream's work`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    // 255 MB, of which the window takes 64 KiB until it is read.
    let stream = try client.begin("/test/Stream", body: HTTP2Client.framed([255, 100]))
    try client.receive()
    try client.reset(stream)
    _ = try client.call("/test/Echo", [1])
    #expect(world.methods.cancelled.load(ordering: .relaxed) == 1)
    #expect(world.methods.sent.load(ordering: .relaxed) < 100)
  }

  @Test func `in overload calls are refused that may be, and the others are answered`() throws {
    let world = try GRPCWorld(shedNanoseconds: 20_000_000)
    let clients = try (0..<60).map { _ in try HTTP2Client(port: world.port) }
    var counts: [Int?: Int] = [:]
    for round in 0..<300 where round < 3 || counts[14] == nil {
      let streams = try clients.map { client in
        try (0..<3).map { _ in try client.begin("/test/Slow", body: HTTP2Client.framed([])) }
      }
      let echo = try clients[0].call("/test/Echo", [7])
      #expect(echo.messages == [[7]])
      for (client, calls) in zip(clients, streams) {
        for call in calls { counts[try client.answer(of: call).status, default: 0] += 1 }
      }
    }
    #expect(Set(counts.keys) == [0, 14])
  }

  @Test func `a deadline ends a call`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    let answer = try client.call("/test/Never", [], fields: [("grpc-timeout", "50m")])
    #expect(answer.status == 4)
    #expect(world.methods.cancelled.load(ordering: .relaxed) == 1)
    #expect(try client.call("/test/Echo", [], fields: [("grpc-timeout", "5")]).status == 13)
  }

  @Test func `what is no gRPC is told so`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    let plain = try client.answer(
      of: client.begin("/test/Echo", body: [], contentType: "text/html"))
    #expect(plain.fields[":status"] == "415")
    let zipped = try client.call("/test/Echo", [1], fields: [("grpc-encoding", "snappy")])
    #expect(zipped.status == 12)
    // A message cut short, one too many, one that claims to be compressed.
    let cut = try client.begin("/test/Echo", body: [0, 0, 0, 0, 9, 1])
    #expect(try client.answer(of: cut).status == 13)
    let two = try client.begin(
      "/test/Echo", body: HTTP2Client.framed([1]) + HTTP2Client.framed([2]))
    #expect(try client.answer(of: two).status == 12)
    let flagged = try client.begin("/test/Echo", body: [1, 0, 0, 0, 1, 1])
    #expect(try client.answer(of: flagged).status == 13)
  }

  @Test func `a message above the limit is refused before it has arrived`() throws {
    var limits = GRPCLimits()
    limits.messageByteCount = 1_000
    let world = try GRPCWorld(limits: limits)
    let client = try HTTP2Client(port: world.port)
    #expect(try client.call("/test/Echo", [UInt8](repeating: 1, count: 1_000)).status == 0)
    #expect(try client.call("/test/Echo", [UInt8](repeating: 1, count: 1_001)).status == 8)
    #expect(try client.call("/test/Echo", [UInt8](repeating: 1, count: 500_000)).status == 8)
    #expect(try client.call("/test/Echo", [1]).status == 0)
    #expect(world.budget.usedByteCount == 0)
  }

  private static func gzip(_ message: [UInt8]) throws -> [UInt8] {
    var stream = z_stream()
    try #require(
      deflateInit2_(
        &stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK)
    defer { deflateEnd(&stream) }
    var message = message
    var zipped = [UInt8](repeating: 0, count: message.count / 100 + 1_000)
    try message.withUnsafeMutableBufferPointer { input in
      try zipped.withUnsafeMutableBufferPointer { output in
        (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
        (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
        try #require(deflate(&stream, Z_FINISH) == Z_STREAM_END)
      }
    }
    return Array(zipped.prefix(Int(stream.total_out)))
  }

  @Test func `messages may be compressed with gzip`() throws {
    var limits = GRPCLimits()
    limits.messageByteCount = 1_000_000
    let world = try GRPCWorld(limits: limits, budget: 1_500_000)
    let client = try HTTP2Client(port: world.port)
    func call(_ zipped: [UInt8]) throws -> ClientAnswer {
      var body = HTTP2Client.framed(zipped)
      body[0] = 1
      return try client.answer(
        of: client.begin("/test/Echo", body: body, fields: [("grpc-encoding", "gzip")]))
    }
    for message in [[], Array("hello".utf8), [UInt8](repeating: 7, count: 1_000_000)] {
      let answer = try call(GRPCConnectionTests.gzip(message))
      #expect(answer.messages == [message])
      #expect(answer.fields["grpc-accept-encoding"] == "identity,gzip")
    }
    // Of an encoding that is named, a message need not make use.
    #expect(
      try client.call("/test/Echo", [9], fields: [("grpc-encoding", "gzip")]).messages == [[9]])
    let bomb = try GRPCConnectionTests.gzip([UInt8](repeating: 0, count: 1_000_001))
    #expect(try call(bomb).status == 8)
    // What says it is shorter, or longer, than it is; what is cut; what goes on.
    var lying = bomb
    lying[lying.count - 4] = 1
    #expect(try call(lying).status == 13)
    var long = try GRPCConnectionTests.gzip([1, 2, 3])
    long[long.count - 4] = 200
    #expect(try call(long).status == 13)
    let good = try GRPCConnectionTests.gzip([1, 2, 3])
    for wrong in [Array(good.dropLast(9)), good + good, [], Array(good.reversed())] {
      #expect(try call(wrong).status == 13)
    }
    #expect(world.budget.usedByteCount == 0)
  }

  @Test func `messages wait for memory and all are answered`() throws {
    let world = try GRPCWorld(budget: 1_000_000)
    let client = try HTTP2Client(port: world.port)
    let message = [UInt8](repeating: 7, count: 800_000)
    let streams = try (0..<10).map { _ in
      try client.begin("/test/Echo", body: HTTP2Client.framed(message))
    }
    for stream in streams { #expect(try client.answer(of: stream).messages == [message]) }
    #expect(world.budget.usedByteCount == 0)
  }

  @Test func `a peer that opens and resets streams is cut off`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    #expect(throws: HTTP2Client.Failure.closed) {
      for _ in 0..<20_000 {
        try client.reset(client.begin("/test/Never", body: HTTP2Client.framed([])))
      }
      while true { try client.receive() }
    }
    #expect(try HTTP2Client(port: world.port).call("/test/Echo", [1]).status == 0)
  }

  @Test func `half a message is not waited for, nor held`() throws {
    var limits = GRPCLimits()
    limits.stallNanoseconds = 100_000_000
    let world = try GRPCWorld(limits: limits)
    let client = try HTTP2Client(port: world.port)
    // A long message, of which the first byte comes and no more; memory is taken for all of it.
    let stream = try client.beginHalf("/test/Echo", body: [0, 0, 16, 0, 0] + [1])
    #expect(try client.answer(of: stream).resetCode == 8)
    #expect(world.budget.usedByteCount == 0)
    #expect(try client.call("/test/Echo", [1]).messages == [[1]])
  }

  @Test func `a message that goes on has its time`() throws {
    // A pause may be longer than is slept, by up to twice the stall; all pauses together are too.
    var limits = GRPCLimits()
    limits.stallNanoseconds = 2_000_000_000
    let world = try GRPCWorld(limits: limits)
    let client = try HTTP2Client(port: world.port)
    let slow = try client.beginHalf("/test/Echo", body: [0, 0, 0, 0, 6])
    for byte in 0..<6 as Range<UInt8> {
      usleep(800_000)
      try client.goOn(slow, [byte], isLast: byte == 5)
    }
    #expect(try client.answer(of: slow).messages == [[0, 1, 2, 3, 4, 5]])
  }

  @Test func `who says nothing is not waited for`() throws {
    var limits = GRPCLimits()
    limits.greetingNanoseconds = 1_000_000_000
    let world = try GRPCWorld(limits: limits)
    let speaking = try HTTP2Client(port: world.port)
    #expect(try speaking.call("/test/Echo", [1]).status == 0)
    let silent = try HTTP2Client(port: world.port)
    // Behind the server's own settings.
    #expect(throws: HTTP2Client.Failure.closed) {
      while true { try silent.receiveUnanswered() }
    }
    #expect(try speaking.call("/test/Echo", [1]).status == 0)
  }

  @Test func `bytes that are no HTTP/2 end the connection`() throws {
    let world = try GRPCWorld()
    let client = try HTTP2Client(port: world.port)
    client.sendRaw(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
    #expect(throws: HTTP2Client.Failure.closed) { while true { try client.receive() } }
    #expect(try HTTP2Client(port: world.port).call("/test/Echo", [1]).status == 0)
  }
}
