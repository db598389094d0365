// Clients that cost a server something and give it nothing: idle ones, ones that never finish a
// greeting or a head, ones that do not read, ones that send a byte a second.

import BinaryProtocol
import Bytes
import DataModel
import Foundation
import Glibc
import Synchronization
import TestSupport

/// What a crowd does.
enum SlowHabit: String, CaseIterable, Sendable {
  case idle, halfOpen, slowReader, slowWriter

  var title: String {
    switch self {
    case .idle: "idle, after one request"
    case .halfOpen: "half a greeting or head"
    case .slowReader: "ask for the whole table, do not read"
    case .slowWriter: "send a byte a second"
    }
  }
}

/// Connections of one habit, half of them to each front, kept up until it goes away.
final class SlowCrowd: @unchecked Sendable {
  /// Whoever has not finished greeting or head is cut off after ten seconds; in half that time all
  /// are new ones.
  private static let turnoverSeconds = 5.0
  /// As few at a time as come to it by themselves: a thousand clients have no common clock.
  private static let stepMicroseconds: UInt32 = 2_000

  let habit: SlowHabit
  private let http: UInt16
  private let tcp: UInt16
  /// Used by the thread only, once it runs.
  private var sockets: [BlockingSocket] = []
  private let isOver = Atomic<Bool>(false)
  private let thread = DispatchGroup()

  /// Returns when all are connected and have done what comes before being slow.
  init(_ habit: SlowHabit, count: Int, server: ServerProcess) throws {
    self.habit = habit
    http = UInt16(server.http.split(separator: ":").last ?? "") ?? 0
    tcp = UInt16(server.tcp.split(separator: ":").last ?? "") ?? 0
    for index in 0..<count { sockets.append(try connect(index)) }
    guard habit == .halfOpen || habit == .slowWriter else { return }
    thread.enter()
    Thread.detachNewThread { [self] in
      // It shares a core with the good clients, who must not wait for what it does there.
      LeftoverTime.confineThread()
      keepUp()
      thread.leave()
    }
  }

  func end() {
    isOver.store(true, ordering: .relaxed)
    thread.wait()
    sockets = []
  }

  private func connect(_ index: Int) throws -> BlockingSocket {
    let isHTTP = index % 2 == 0
    let socket = try BlockingSocket(
      port: isHTTP ? http : tcp, receiveBufferByteCount: habit == .slowReader ? 4_096 : nil)
    switch habit {
    case .idle:
      if isHTTP {
        guard try HTTPExchange(on: socket).request("GET", Self.row).status == 200 else {
          throw HTTPExchangeFailure(description: "no row")
        }
      } else {
        try OversizedInput.greet(socket)
        socket.send(Frames.frame(.get, Self.get))
        let head = socket.receive(FrameHeader.byteCount)
        guard let header = ByteView.of(head, { FrameHeader($0) }), header.status == 0 else {
          throw HTTPExchangeFailure(description: "no row")
        }
        _ = socket.receive(Int(header.bodyByteCount))
      }
    case .halfOpen: socket.send(isHTTP ? Array("GET / HTTP/1.1\r\nHost: a".utf8) : Self.greeting(7))
    case .slowReader:
      if isHTTP {
        socket.send(
          "GET \(Self.rows) HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson\r\n\r\n")
      } else {
        try OversizedInput.greet(socket)
        var body = ByteBuffer()
        ReadRequestEncoder.scan(
          SlowCrowd.table, ScanRequest(), creditByteCount: 1 << 40, into: &body)
        socket.send(Frames.frame(.scan, body.array))
      }
    case .slowWriter: break
    }
    return socket
  }

  static let table = "bench_value"
  private static let rows = "/v1/tables/\(table)/rows"
  private static let row = rows + "/" + note
  /// A row that the load test leaves in each table it has filled.
  private static let note = "!fill"
  private static let get = Frames.field(1, table) + Frames.field(2, note)

  private static func greeting(_ count: Int) -> [UInt8] {
    var hello = ByteBuffer()
    ClientHello().encode(into: &hello)
    return Array(hello.array.prefix(count))
  }

  private func keepUp() {
    let start = ContinuousClock.now
    var replaced = 0
    var seconds = 0
    while !isOver.load(ordering: .relaxed) {
      usleep(Self.stepMicroseconds)
      let elapsed = start.duration(to: .now) / .seconds(1)
      if habit == .halfOpen {
        let due = Int(elapsed / Self.turnoverSeconds * Double(sockets.count))
        while replaced < due {
          renew(replaced % sockets.count)
          replaced += 1
        }
      } else if Int(elapsed) > seconds {
        seconds = Int(elapsed)
        for index in sockets.indices { sendByte(of: index, second: seconds) }
      }
    }
  }

  private func renew(_ index: Int) {
    // A server that does not take it shows in what the good clients see.
    if let socket = try? connect(index) { sockets[index] = socket }
  }

  /// The next byte of a request that takes minutes; a new one from those that were cut off.
  private func sendByte(of index: Int, second: Int) {
    let text =
      index % 2 == 0
      ? Array("GET \(Self.row) HTTP/1.1\r\nHost: a\r\n\r\n".utf8) : Self.greeting(.max)
    var byte = text[(second - 1) % text.count]
    var poll = pollfd(fd: sockets[index].descriptor, events: Int16(POLLIN), revents: 0)
    let wasCut = Glibc.poll(&poll, 1, 0) > 0
    if wasCut { renew(index) }
    if send(sockets[index].descriptor, &byte, 1, Int32(MSG_NOSIGNAL)) < 0 { renew(index) }
  }
}
