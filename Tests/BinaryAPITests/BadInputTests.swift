// What a client may get wrong on a live connection: each gets its error, and nothing hangs.

import BinaryAPI
import BinaryProtocol
import Bytes
import Client
import DataModel
import Testing

@Suite(.serialized) struct BadInputTests {
  private static func get(_ table: String, _ key: [UInt8]) -> [UInt8] {
    Sample.body { ReadRequestEncoder.get(table, key: key, options: ReadOptions(), into: &$0) }
  }

  private struct Case {
    let operation: BinaryProtocol.Operation
    let body: [UInt8]
    let status: Status
    let code: String?
  }

  private static var cases: [Case] {
    let get = BadInputTests.get
    let deep = (0..<30).reduce(RowFilter.passAll) { filter, _ in .chain([filter]) }
    func read(_ options: ReadOptions) -> [UInt8] {
      Sample.body { ReadRequestEncoder.get("t", key: [1], options: options, into: &$0) }
    }
    let keys = [[UInt8]](repeating: [1], count: 1_001)
    return [
      Case(operation: .get, body: get("t", []), status: .invalid, code: "invalid_row_key"),
      Case(
        operation: .get, body: get("t", [UInt8](repeating: 1, count: 4_097)), status: .invalid,
        code: "invalid_row_key"),
      Case(operation: .get, body: get("nothing", [1]), status: .notFound, code: nil),
      Case(operation: .get, body: get("", [1]), status: .notFound, code: nil),
      Case(
        operation: .get, body: read(ReadOptions(columns: [ColumnSelector(family: "zzz")])),
        status: .notFound, code: nil),
      Case(
        operation: .get, body: read(ReadOptions(filter: deep)), status: .tooLarge, code: "too_large"
      ),
      Case(operation: .get, body: [0x0a, 9, 1], status: .malformed, code: "malformed_body"),
      Case(operation: .get, body: [0xff], status: .malformed, code: "malformed_body"),
      Case(
        operation: .batchGet,
        body: Sample.body {
          ReadRequestEncoder.batchGet("t", keys: keys, options: ReadOptions(), into: &$0)
        }, status: .tooLarge, code: "too_large"),
      Case(
        operation: .scan,
        body: Sample.body {
          ReadRequestEncoder.scan("nothing", ScanRequest(), creditByteCount: 0, into: &$0)
        }, status: .notFound, code: nil),
      Case(
        operation: .scan, body: [0x0a, 1, 0x74, 0x20] + [UInt8](repeating: 0xff, count: 9) + [1],
        status: .tooLarge, code: "too_large"),
      Case(
        operation: .mutate, body: Sample.mutate("nothing", ["k"]), status: .notFound, code: nil),
      Case(
        operation: .mutate, body: [0x12, 2, 0x12, 0], status: .malformed, code: "malformed_body"),
      Case(operation: .dropTable, body: [0x0a, 1, 0x78], status: .notFound, code: nil),
      Case(operation: .createTable, body: [], status: .malformed, code: "malformed_body"),
      Case(
        operation: .ping, body: [0x0a, 0x81, 8] + [UInt8](repeating: 0, count: 1_025),
        status: .tooLarge, code: "too_large"),
    ]
  }

  @Test func `each mistake gets its answer and the connection goes on`() throws {
    try TestServer.run { server in
      let client = try RawClient(server)
      client.greet()
      for (index, mistake) in BadInputTests.cases.enumerated() {
        let id = UInt64(index) + 1
        client.send(ClientBytes.frame(mistake.operation.rawValue, id: id, mistake.body))
        let answer = try #require(client.frame(), "no answer to case \(index)")
        #expect(answer.header.requestID == id)
        #expect(answer.header.status == mistake.status.rawValue, "case \(index)")
        if let code = mistake.code { #expect(answer.error?.code == code, "case \(index)") }
        #expect(answer.error?.message.isEmpty == false)
      }
      client.send(ClientBytes.frame(1, id: 99, [0x0a, 1, 7]))
      #expect(client.frame()?.body == [0x0a, 1, 7])
    }
  }

  @Test(
    "frames that cannot be trusted end the connection with their reason",
    arguments: [
      (ClientBytes.frame(16, declaring: .max), "frame_too_long"),
      (ClientBytes.frame(16, id: 0), "malformed_frame"),
      (ClientBytes.frame(16, flags: 1), "malformed_frame"),
    ])
  func untrusted(bytes: [UInt8], code: String) throws {
    try TestServer.run { server in
      let client = try RawClient(server)
      client.greet()
      client.send(bytes)
      let last = try #require(client.frame())
      #expect(last.header.operation == BinaryProtocol.Operation.connectionError.rawValue)
      #expect(last.header.requestID == 0)
      #expect(last.error?.code == code)
      #expect(client.isAtEnd)
    }
  }

  @Test func `another protocol is told so`() throws {
    try TestServer.run { server in
      let client = try RawClient(server)
      client.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
      guard case .refusal(let status, let error)? = client.greeting() else {
        Issue.record("no refusal")
        return
      }
      #expect(status == Status.malformed.rawValue)
      #expect(error.code == "not_strata")
      #expect(client.isAtEnd)
    }
  }

  @Test func `who does not greet is cut off`() throws {
    var options = BinaryFrontOptions()
    options.greetingNanoseconds = 20_000_000
    try TestServer.run(options) { server in
      let client = try RawClient(server)
      client.send(Array("STRA".utf8))
      #expect(client.isAtEnd)
    }
  }

  @Test func `requests behind the greeting are answered, and those before the end of input`() throws
  {
    try TestServer.run { server in
      let client = try RawClient(server)
      client.send(
        ClientBytes.greeting() + ClientBytes.frame(32, id: 1, Sample.mutate("t", ["k"]))
          + ClientBytes.frame(1, id: 2))
      client.endSending()
      _ = client.greeting()
      let answers = [client.frame(), client.frame()].compactMap { $0?.header.requestID }
      #expect(answers.sorted() == [1, 2])
      #expect(client.isAtEnd)
    }
  }

  @Test func `a scan sends what it has credit for, and no more`() throws {
    try TestServer.run { server in
      let loader = try server.client()
      _ = try loader.mutate("t", Sample.list(Sample.keys(0..<1_000), byteCount: 1_000))
      let client = try RawClient(server)
      client.greet()
      client.send(
        ClientBytes.frame(
          18, id: 5,
          Sample.body {
            ReadRequestEncoder.scan("t", ScanRequest(), creditByteCount: 100_000, into: &$0)
          }))
      var sent = 0
      while sent < 100_000, let frame = client.frame() { sent += frame.body.count }
      #expect(sent < 100_000 + (64 << 10) + 2_000)
      // Nothing but the answer to a ping comes now.
      client.send(ClientBytes.frame(1, id: 6))
      #expect(client.frame()?.header.requestID == 6)
      client.send(ClientBytes.frame(19, id: 5, [0x08, 0x80, 0x80, 0x80, 0x80, 0x08]))
      var last: RawFrame?
      while let frame = client.frame() {
        sent += frame.body.count
        last = frame
        if !frame.header.flags.contains(.more) { break }
      }
      #expect(last?.header.status == 0)
      #expect(sent > 1_000_000)
      loader.close()
    }
  }

  @Test func `a cancelled scan ends with one last frame`() throws {
    try TestServer.run { server in
      let loader = try server.client()
      _ = try loader.mutate("t", Sample.list(Sample.keys(0..<1_000), byteCount: 1_000))
      let client = try RawClient(server)
      client.greet()
      client.send(
        ClientBytes.frame(
          18, id: 5,
          Sample.body {
            ReadRequestEncoder.scan("t", ScanRequest(), creditByteCount: 1, into: &$0)
          }))
      #expect(client.frame()?.header.flags == [.answer, .more])
      client.send(ClientBytes.frame(20, id: 5) + ClientBytes.frame(20, id: 5))
      #expect(client.frame()?.header.status == Status.cancelled.rawValue)
      client.send(ClientBytes.frame(1, id: 6))
      #expect(client.frame()?.header.requestID == 6)
      loader.close()
    }
  }

  @Test func `a stream out of sequence ends, later frames of it are passed over`() throws {
    try TestServer.run { server in
      let client = try RawClient(server)
      client.greet()
      func frame(_ sequence: UInt64) -> [UInt8] {
        var body = ByteBuffer()
        WriteRequestEncoder.mutateStream(
          sequence == 1 ? "t" : nil, sequence: sequence, MutationList(), into: &body)
        return ClientBytes.frame(35, id: 5, body.array)
      }
      client.send(frame(1))
      #expect(client.frame()?.header.flags == [.answer, .more])
      client.send(frame(3) + frame(4) + ClientBytes.frame(1, id: 6))
      var seen: [RawFrame] = []
      while let next = client.frame() {
        seen.append(next)
        if next.header.requestID == 6 { break }
      }
      #expect(seen.compactMap(\.error?.code).contains("out_of_sequence"))
      #expect(seen.filter { !$0.header.flags.contains(.more) }.count == 2)
    }
  }

  @Test func `requests over the limits in flight are held back, not refused`() throws {
    var options = BinaryFrontOptions()
    options.limits.requestsInFlight = 2
    options.inFlightByteCount = 4_096
    try TestServer.run(options) { server in
      let client = try RawClient(server)
      client.greet()
      var bytes: [UInt8] = []
      for id in 1...300 as ClosedRange<UInt64> {
        bytes += ClientBytes.frame(32, id: id, Sample.mutate("t", ["k\(id)"]))
      }
      client.send(bytes)
      var answered: Set<UInt64> = []
      for _ in 1...300 {
        guard let frame = client.frame() else { break }
        #expect(frame.header.status == 0)
        answered.insert(frame.header.requestID)
      }
      #expect(answered.count == 300)
    }
  }

  @Test func `who stops in the middle of a long frame holds up nobody, and is cut off`() throws {
    var options = BinaryFrontOptions()
    options.inFlightByteCount = 2 << 20
    options.stallNanoseconds = 300_000_000
    try TestServer.run(options) { server in
      let stalled = try RawClient(server)
      stalled.greet()
      stalled.send(ClientBytes.frame(32, declaring: 50 << 20, [UInt8](repeating: 0, count: 100)))
      let other = try server.client()
      for number in 0..<20 {
        #expect(try other.mutate("t", Sample.list(["k\(number)"], byteCount: 10_000)).isEmpty)
      }
      let last = try #require(stalled.frame())
      #expect(last.header.operation == BinaryProtocol.Operation.connectionError.rawValue)
      #expect(last.error?.code == "stalled")
      #expect(stalled.isAtEnd)
      // Its memory is given back: a long frame of another gets through.
      #expect(try other.mutate("t", Sample.list(["long"], byteCount: 3 << 20)).isEmpty)
      other.close()
    }
  }

  @Test func `a shutdown says goodbye and answers what is in flight`() throws {
    let server = try TestServer()
    let client = try RawClient(server)
    client.greet()
    client.send(ClientBytes.frame(1, id: 1))
    #expect(client.frame()?.header.requestID == 1)
    server.stop()
    let goodbye = client.frame()
    #expect(goodbye?.header.operation == BinaryProtocol.Operation.goAway.rawValue)
    #expect(goodbye?.header.requestID == 0)
    #expect(client.isAtEnd)
  }
}
