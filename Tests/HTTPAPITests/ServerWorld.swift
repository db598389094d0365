// A front over a real store in a directory of its own, on a free port, and a client that speaks
// HTTP as bytes.

import Bytes
import DataModel
import Foundation
import Glibc
import HTTP1
import JSON
import LSM
import Net
import Runtime
import Synchronization
import Tablets
import TestSupport
import VFS

@testable import HTTPAPI

/// Server, store and directory; all gone at the end.
final class ServerWorld {
  let directory: String
  let service: TableService
  let front: HTTPFront
  let port: UInt16
  private let scheduler = ThreadScheduler()
  private let group: EventLoopGroup

  /// - Parameter directory: An existing store's, removed at the end; else a new one.
  init(
    _ options: HTTPOptions = HTTPOptions(), directory: String? = nil,
    fileSystem: any FileSystem = PosixFileSystem(), durability: Durability = .none,
    time: any TimeSource = SystemTime(), shedNanoseconds: UInt64 = 0
  ) throws {
    self.directory =
      directory ?? NSTemporaryDirectory() + "strata-http-\(UUID().uuidString)"
    var serviceOptions = TableServiceOptions()
    serviceOptions.memoryByteCount = 64 << 20
    serviceOptions.durability = durability
    serviceOptions.engine.durability = durability
    service = try TableService.open(
      self.directory, fileSystem: fileSystem, time: time, scheduler: scheduler,
      randomSeed: 1, options: serviceOptions)
    let front = HTTPFront(
      service: service, scheduler: scheduler, time: time, options: options)
    self.front = front
    var loopOptions = EventLoopOptions()
    loopOptions.shedNanoseconds = shedNanoseconds
    group = try EventLoopGroup(count: 1, options: loopOptions)
    port = try group.listen(on: "127.0.0.1:0", maximumConnections: 100) {
      front.makeHandler(for: $0)
    }
  }

  /// A world with the table `t`: `s` int64 with `model` utf8, `f` undeclared.
  static func withTable(
    _ options: HTTPOptions = HTTPOptions(), durability: Durability = .none,
    shedNanoseconds: UInt64 = 0
  ) throws -> ServerWorld {
    let world = try ServerWorld(
      options, durability: durability, shedNanoseconds: shedNanoseconds)
    let answer = try world.client().ask(
      "POST", "/v1/tables",
      #"{"name":"t","families":{"s":{"type":"int64","columns":{"model":"utf8"}},"f":{}}}"#)
    guard answer.status == 201 else { throw Unexpected(text: answer.body) }
    return world
  }

  func client() throws -> Client { try Client(of: self) }

  /// Keeps the loop of the front busy, 40 ms a turn, as long as `body` runs.
  func whileBusy(_ body: () throws -> Void) throws {
    let isOver = BusyHandler.Flag()
    defer { isOver.set() }
    let port = try group.listen(on: "127.0.0.1:0", maximumConnections: 1) { _ in
      BusyHandler(isOver)
    }
    let busy = try BlockingSocket(port: port)
    busy.send("x")
    try body()
  }

  func shutDown() { group.shutDown(graceNanoseconds: 5_000_000_000) }

  deinit {
    group.shutDown(graceNanoseconds: 1_000_000_000)
    service.close()
    scheduler.shutDown()
    try? FileManager.default.removeItem(atPath: directory)
  }
}

/// Takes its loop's time.
private final class BusyHandler: ConnectionHandler {
  final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
  }

  private let isOver: Flag
  init(_ isOver: Flag) { self.isOver = isOver }

  func received(_ bytes: ByteView, on connection: Connection) -> Int {
    if isOver.isSet { return bytes.count }
    usleep(40_000)
    connection.deliverAgain()
    return 0
  }
  func inputEnded(on connection: Connection) { connection.closeAfterFlush() }
  func outputDrained(on connection: Connection) {}
  func closed(_ connection: Connection) {}
}

struct Unexpected: Error {
  let text: String
}

/// A response as it came.
struct Answer {
  var status = 0
  /// Names in lower case.
  var fields: [String: String] = [:]
  var body = ""
  /// The body's end was there.
  var isWhole = true

  /// The problem's code.
  var code: String? {
    guard let value = try? ByteView.of(body, { try JSONValue(parsing: $0) }),
      case .string(let code)? = value["code"]
    else { return nil }
    return code
  }
}

/// One blocking connection; every read gives up after ten seconds.
final class Client {
  private let socket: BlockingSocket
  /// Kept, so that a client's server lives as long as the client.
  private let world: ServerWorld
  private var received: [UInt8] = []

  init(of world: ServerWorld) throws {
    self.world = world
    socket = try BlockingSocket(port: world.port)
  }

  /// Sends one request and reads its answer.
  func ask(
    _ method: String, _ target: String, _ body: String? = nil, _ fields: [String] = []
  ) throws -> Answer {
    send(Self.request(method, target, body, fields))
    return try answer(hasBody: method != "HEAD")
  }

  static func request(
    _ method: String, _ target: String, _ body: String? = nil, _ fields: [String] = []
  ) -> String {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: test\r\n"
    for field in fields { text += field + "\r\n" }
    if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
    return text + "\r\n" + (body ?? "")
  }

  func send(_ text: String) { socket.send(text) }

  func endSending() { socket.endSending() }

  /// Reads one answer.
  func answer(hasBody: Bool = true) throws -> Answer {
    var answer = try answerHead()
    guard hasBody, answer.status != 204, answer.status != 304, answer.status != 100 else {
      return answer
    }
    if let length = answer.fields["content-length"].flatMap({ Int($0) }) {
      answer.body = String(decoding: try bytes(length), as: UTF8.self)
    } else if answer.fields["transfer-encoding"] == "chunked" {
      (answer.body, answer.isWhole) = chunked()
    } else {
      answer.body = String(decoding: rest(), as: UTF8.self)
    }
    return answer
  }

  /// Reads one chunk of an answer whose head was read; empty for the last.
  func chunk() throws -> String {
    let size = Int(try line(), radix: 16) ?? 0
    let text = String(decoding: try bytes(size), as: UTF8.self)
    _ = try line()
    return text
  }

  /// Reads an answer's head.
  func answerHead() throws -> Answer {
    var answer = Answer()
    let head = try line()
    answer.status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
    while true {
      let text = try line()
      if text.isEmpty { break }
      let colon = text.firstIndex(of: ":") ?? text.endIndex
      answer.fields[text[..<colon].lowercased()] =
        text[colon...].dropFirst().trimmingCharacters(in: .whitespaces)
    }
    return answer
  }

  /// The peer has closed, and nothing is left to read.
  var isAtEnd: Bool { received.isEmpty && !fill() }

  private func chunked() -> (String, Bool) {
    var body: [UInt8] = []
    while let size = (try? line()).flatMap({ Int($0, radix: 16) }) {
      guard let part = try? bytes(size), (try? line()) == "" else { break }
      if size == 0 { return (String(decoding: body, as: UTF8.self), true) }
      body += part
    }
    return (String(decoding: body, as: UTF8.self), false)
  }

  private func line() throws -> String {
    while true {
      if let end = received.firstIndex(of: 0x0a) {
        let line = received[..<end]
        received.removeFirst(end + 1)
        return String(decoding: line.dropLast(), as: UTF8.self)
      }
      guard fill() else { throw Unexpected(text: "the connection ended within a line") }
    }
  }

  private func bytes(_ count: Int) throws -> [UInt8] {
    while received.count < count {
      guard fill() else { throw Unexpected(text: "the connection ended within a body") }
    }
    defer { received.removeFirst(count) }
    return Array(received.prefix(count))
  }

  private func rest() -> [UInt8] {
    while fill() {}
    defer { received = [] }
    return received
  }

  /// Reads what there is; false at the end or after ten seconds.
  private func fill() -> Bool {
    let more = socket.receiveSome(64 << 10)
    received += more
    return !more.isEmpty
  }
}
