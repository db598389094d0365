// A store in a temporary directory behind a binary front on a free port, and raw sockets to it.

import BinaryAPI
import BinaryProtocol
import Bytes
import Client
import DataModel
import Glibc
import LSM
import Net
import Runtime
import Tablets
import TestSupport
import Testing
import VFS

/// A running server; stop it with `stop`.
final class TestServer: Sendable {
  let port: UInt16
  let service: TableService
  private let directory: String
  private let scheduler = ThreadScheduler()
  private let loops: EventLoopGroup

  init(_ options: BinaryFrontOptions = BinaryFrontOptions()) throws {
    var template = Array("/tmp/strata-binary-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw FileError.io(path: "/tmp", operation: .createDirectory, errno: errno)
    }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var serviceOptions = TableServiceOptions()
    serviceOptions.memoryByteCount = 64 << 20
    service = try TableService.open(
      directory + "/data", fileSystem: PosixFileSystem(), time: SystemTime(),
      scheduler: scheduler, randomSeed: 1, options: serviceOptions)
    loops = try EventLoopGroup(count: 1)
    let front = BinaryFront(
      service: service, scheduler: scheduler, time: SystemTime(), options: options)
    port = try loops.listen(on: "127.0.0.1:0", maximumConnections: 100) { front.handler(for: $0) }
  }

  var address: String { "127.0.0.1:\(port)" }

  func client() throws -> StoreClient { try StoreClient(connectingTo: address) }

  func stop() {
    shutDown()
    service.close()
    scheduler.shutDown()
    try? PosixFileSystem().removeTree(directory)
  }

  private func shutDown() { loops.shutDown(graceNanoseconds: 5_000_000_000) }

  /// Runs a test against a server with a table "t" of families "a" and "b".
  static func run(
    _ options: BinaryFrontOptions = BinaryFrontOptions(), _ body: (TestServer) throws -> Void
  ) throws {
    let server = try TestServer(options)
    defer { server.stop() }
    try server.service.createTable(
      TableDefinition(
        name: "t", families: [FamilyDefinition(name: "a"), FamilyDefinition(name: "b")]))
    try body(server)
  }
}

/// A frame as a raw client reads it.
struct RawFrame {
  let header: FrameHeader
  let body: [UInt8]

  var error: ErrorMessage? { try? ByteView.of(body) { try ErrorMessage(wire: $0) } }
}

/// Frames over a blocking socket.
final class RawClient {
  private let socket: BlockingSocket

  init(_ server: TestServer) throws { socket = try BlockingSocket(port: server.port) }

  /// Sends a greeting and reads the answer's bytes.
  func greet() {
    send(ClientBytes.greeting())
    _ = greeting()
  }

  /// The server's greeting, whole.
  func greeting() -> ServerHello.Answer? {
    var bytes = receive(Greeting.fixedByteCount)
    guard bytes.count == Greeting.fixedByteCount else { return nil }
    bytes += receive(Int(bytes[12]) | Int(bytes[13]) << 8)
    return try? ByteView.of(bytes) { try ServerHello.read($0)?.answer }
  }

  func send(_ bytes: [UInt8]) { socket.send(bytes) }

  func endSending() { socket.endSending() }

  func receive(_ count: Int) -> [UInt8] { socket.receive(count) }

  /// The next frame; nil when the server has closed.
  func frame() -> RawFrame? {
    let bytes = receive(FrameHeader.byteCount)
    guard let header = ByteView.of(bytes, { FrameHeader($0) }) else { return nil }
    return RawFrame(header: header, body: receive(Int(header.bodyByteCount)))
  }

  var isAtEnd: Bool { receive(1).isEmpty }
}

/// Bodies and lists of tests.
enum Sample {
  static func body(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
    var buffer = ByteBuffer()
    write(&buffer)
    return buffer.array
  }

  /// One cell a row: family, qualifier "q", a value of `byteCount` bytes.
  static func list(
    _ keys: [String], family: String = "a", byteCount: Int = 3, timestamp: Int64 = 1_000
  ) -> MutationList {
    var list = MutationList()
    let value = [UInt8](repeating: 0x76, count: byteCount)
    for key in keys {
      ByteView.of(key) { list.beginRow($0) }
      ByteView.of(family) { family in
        ByteView.of(value) { value in
          ByteView.of("q") { qualifier in
            list.setCell(
              family: family, qualifier: qualifier, timestamp: Timestamp(microseconds: timestamp),
              value: value)
          }
        }
      }
    }
    return list
  }

  static func mutate(_ table: String, _ keys: [String], family: String = "a") -> [UInt8] {
    var body = ByteBuffer()
    WriteRequestEncoder.mutate(table, list(keys, family: family), into: &body)
    return body.array
  }

  /// Keys that sort as their numbers do.
  static func keys(_ numbers: Range<Int>) -> [String] {
    numbers.map { number in
      let digits = String(number)
      return "r" + String(repeating: "0", count: 7 - digits.utf8.count) + digits
    }
  }
}
