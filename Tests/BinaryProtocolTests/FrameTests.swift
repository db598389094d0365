// Frames and greetings, byte by byte, and what is refused.

import BinaryProtocol
import Bytes
import DataModel
import Testing

@Suite struct FrameTests {
  @Test func `a frame is sixteen bytes and its body`() {
    var buffer = ByteBuffer()
    let frame = FrameWriter(
      FrameHeader(
        operation: .scan, flags: [.answer, .more], status: .notFound,
        requestID: 0x0102_0304_0506_0708), into: &buffer)
    buffer.append("body")
    frame.finish(in: &buffer)
    #expect(
      buffer.array == [
        4, 0, 0, 0, 18, 3, 2, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0x62, 0x6f, 0x64, 0x79,
      ])
    #expect(FrameHeader(buffer.view)?.requestID == 0x0102_0304_0506_0708)
    #expect(FrameHeader(buffer.view.prefix(15)) == nil)
  }

  @Test func `a frame can be finished as the last one, or taken back`() {
    var buffer = ByteBuffer()
    buffer.append("x")
    let header = FrameHeader(operation: .scan, flags: [.answer, .more], requestID: 9)
    let last = FrameWriter(header, into: &buffer)
    last.finish(.scan, flags: .answer, in: &buffer)
    let view = buffer.view.dropFirst(1)
    #expect(FrameHeader(view) == FrameHeader(operation: .scan, flags: .answer, requestID: 9))
    FrameWriter(header, into: &buffer).discard(from: &buffer)
    #expect(buffer.count == 17)
  }

  @Test func `the document's example of a get is what is sent`() {
    var buffer = ByteBuffer()
    let request = FrameWriter(FrameHeader(operation: .get, requestID: 7), into: &buffer)
    ReadRequestEncoder.get("t", key: [0x6b], options: ReadOptions(), into: &buffer)
    request.finish(in: &buffer)
    let row = RowBuffer()
    row.schema = TableSchema(
      definition: TableDefinition(name: "t", families: [FamilyDefinition(name: "s")]),
      familyIDs: [1], version: 1)
    row.scratch.append("score1")
    row.cells.append(
      CellView(
        familyIndex: 0, qualifier: row.scratch.view.prefix(5),
        timestamp: Timestamp(microseconds: 1_000), value: row.scratch.view.dropFirst(5)))
    let answer = FrameWriter(
      FrameHeader(operation: .get, flags: .answer, requestID: 7), into: &buffer)
    _ = RowEncoder.append(cellsOf: row, from: 0, limit: .max, most: .max, as: 1, to: &buffer)
    answer.finish(in: &buffer)
    #expect(
      buffer.array == [
        0x06, 0, 0, 0, 0x10, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0x0a, 1, 0x74, 0x12, 1, 0x6b,
        0x18, 0, 0, 0, 0x10, 1, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0x16, 0x0a, 1, 0x73,
        0x12, 5, 0x73, 0x63, 0x6f, 0x72, 0x65, 0x19, 0xe8, 3, 0, 0, 0, 0, 0, 0, 0x22, 1, 0x31,
      ])
  }

  @Test func `operation and status numbers never change`() {
    #expect(
      Operation.allCases.map(\.rawValue) == [
        1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 32, 33, 34, 35, 64, 65,
      ])
    #expect(Status.allCases.map(\.rawValue) == Array(0...12))
  }
}

@Suite struct GreetingTests {
  private static func greeting(_ change: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
    var buffer = ByteBuffer()
    ClientHello().encode(into: &buffer)
    var bytes = buffer.array
    change(&bytes)
    return bytes
  }

  @Test func `a greeting is drawn as the document says`() throws {
    let bytes = GreetingTests.greeting()
    #expect(Array(bytes[0..<8]) == Array("STRATA\r\n".utf8))
    #expect(Array(bytes[8..<12]) == [1, 0, 1, 0])
    let read = try #require(try ByteView.of(bytes) { try ClientHello.read($0) })
    #expect(read.hello == ClientHello())
    #expect(read.byteCount == bytes.count)
  }

  @Test func `every beginning of a greeting waits for more`() throws {
    let bytes = GreetingTests.greeting()
    for count in 0..<bytes.count {
      #expect(try ByteView.of(Array(bytes[..<count])) { try ClientHello.read($0) } == nil)
    }
  }

  @Test(
    "what is no greeting is refused at once",
    arguments: [
      ("GET / HTTP/1.1\r\n", GreetingError.notThisProtocol),
      ("STRATA\n", .notThisProtocol),
      ("X", .notThisProtocol),
    ])
  func refused(text: String, error: GreetingError) {
    #expect(throws: error) { try ByteView.of(text) { try ClientHello.read($0) } }
  }

  @Test func `versions, lengths and limits are checked`() {
    let newer = GreetingTests.greeting { $0.replaceSubrange(8..<12, with: [2, 0, 9, 0]) }
    #expect(throws: GreetingError.noCommonVersion(2, 9)) {
      try ByteView.of(newer) { try ClientHello.read($0) }
    }
    let backwards = GreetingTests.greeting { $0.replaceSubrange(8..<12, with: [1, 0, 0, 0]) }
    #expect(throws: GreetingError.noCommonVersion(1, 0)) {
      try ByteView.of(backwards) { try ClientHello.read($0) }
    }
    let long = GreetingTests.greeting { $0.replaceSubrange(12..<16, with: [0, 0, 0, 1]) }
    #expect(throws: GreetingError.tooLong(1 << 24)) {
      try ByteView.of(long) { try ClientHello.read($0) }
    }
    var small = ByteBuffer()
    var hello = ClientHello()
    hello.maxBodyByteCount = 1_000
    hello.encode(into: &small)
    #expect(throws: GreetingError.bodyLimitTooSmall(1_000)) {
      try ClientHello.read(small.view)
    }
    let torn = GreetingTests.greeting { $0.replaceSubrange(12..<16, with: [1, 0, 0, 0]) }
    #expect(throws: GreetingError.malformed(.truncated)) {
      try ByteView.of(torn) { try ClientHello.read($0) }
    }
  }

  @Test func `a client of newer and older versions is served`() throws {
    let wide = GreetingTests.greeting { $0.replaceSubrange(8..<12, with: [0, 0, 9, 0]) }
    #expect(try ByteView.of(wide) { try ClientHello.read($0) } != nil)
  }

  @Test func `a refusal comes back as it was sent`() throws {
    var buffer = ByteBuffer()
    let error = ErrorMessage(code: "unsupported_version", message: "no")
    ServerHello.refuse(.unsupported, error, into: &buffer)
    let read = try #require(try ServerHello.read(buffer.view))
    #expect(read.answer == .refusal(status: Status.unsupported.rawValue, error))
  }
}
