// Calls of the Bigtable front over a socket: frames of HTTP/2 that may be anything, and messages of
// every method that may be anything. Whatever a connection says, it ends and others are served.
//
//   input := 'f' │ frame*                  frame := type │ flags │ stream │ count: u8 │ payload
//          | 'r' │ bytes behind the preface, as they are
//          | 'c' │ method: u8 │ message          a call that is framed as it should be

import Bytes
import DataModel
import GRPC
import LSM
import Net
import Runtime
import Tablets
import TestSupport

@testable import BigtableAPI

final class CallTarget: FuzzTarget {
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  /// An empty SETTINGS.
  private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
  /// All but what makes tables without end, and what does not end by itself.
  private static let paths =
    BigtableMethod.allCases.filter { $0 != .healthWatch }.map { "\($0.path)" }
    + AdminMethod.allCases.filter { $0 != .createTable && $0 != .deleteTable }.map(\.rawValue)

  private let world = ServiceWorld()
  private let service: TableService
  private let scheduler = ThreadScheduler()
  private let group: EventLoopGroup
  private let port: UInt16
  private var client: HTTP2Client
  private var count = 0

  init() throws {
    var options = TableServiceOptions()
    options.catalogPath = ":memory:"
    options.memoryByteCount = 64 << 20
    options.durability = .none
    service = try TableService.open(
      "/data", fileSystem: world.files, time: SystemTime(), scheduler: scheduler, randomSeed: 1,
      options: options)
    try service.createTable(
      TableDefinition(
        name: "t",
        families: [FamilyDefinition(name: "f"), FamilyDefinition(name: "n", aggregate: .sum)]))
    let front = BigtableFront(service: service, scheduler: scheduler, time: SystemTime())
    group = try EventLoopGroup(count: 1)
    port = try group.listen(on: "127.0.0.1:0", maximumConnections: 100) { front.handler(for: $0) }
    client = try HTTP2Client(port: port)
  }

  deinit {
    group.shutDown(graceNanoseconds: 0)
    service.close()
    scheduler.shutDown()
  }

  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    switch parts.byte() {
    case UInt8(ascii: "f"):
      var bytes: [UInt8] = []
      while !parts.isAtEnd { bytes += frame(&parts) }
      try send(bytes)
    case UInt8(ascii: "r"): try send(parts.rest.array)
    case UInt8(ascii: "c"):
      let path = CallTarget.paths[Int(parts.byte()) % CallTarget.paths.count]
      try call(path, parts.rest.array)
    default: break
    }
    count += 1
    if count % 256 == 0 {
      try require(
        try call("/grpc.health.v1.Health/Check", []).messages == [[8, 1]],
        "the server does not answer any more")
    }
  }

  private func frame(_ parts: inout FuzzInput) -> [UInt8] {
    let (type, flags, stream) = (parts.byte() % 12, parts.byte(), parts.byte() % 16)
    let payload = parts.bytes(Int(parts.byte())).array
    return [0, 0, UInt8(payload.count), type, flags, 0, 0, 0, stream] + payload
  }

  /// A connection of its own, which the server ends when it has had enough, or when we have.
  private func send(_ bytes: [UInt8]) throws(Finding) {
    guard let socket = try? BlockingSocket(port: port, patienceSeconds: 3) else {
      throw Finding("nobody takes connections any more")
    }
    socket.send(CallTarget.preface + CallTarget.settings + bytes)
    socket.endSending()
    try require(socket.drain(), "a connection whose client has ended does not end")
  }

  /// A message, whatever it is, ends its call and nothing else.
  @discardableResult
  private func call(_ path: String, _ message: [UInt8]) throws(Finding) -> ClientAnswer {
    do {
      let answer = try client.call(path, message)
      try require(answer.status != nil, "\(path) has ended without a status")
      return answer
    } catch let finding as Finding {
      throw finding
    } catch {
      throw Finding("\(path): the connection has ended: \(error)")
    }
  }
}
