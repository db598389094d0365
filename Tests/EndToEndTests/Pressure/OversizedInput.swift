// One way to send too much, and what the server must say to it.

import BinaryProtocol
import Bytes
import Foundation
import Glibc
import TestSupport

/// Bytes to send, piece by piece so that the sender need not hold them, and the answer to expect.
struct OversizedInput: Sendable {
  enum Front: String, Sendable { case http, tcp }

  let front: Front
  let name: String
  let pieces: [(bytes: [UInt8], count: Int)]
  /// Status and code: "413 body_too_large", "tooLarge frame_too_long".
  let answer: String
  /// What the answer's text must speak of: the limit.
  let says: String
  /// The connection takes another request afterwards; else it is closed.
  let goesOn: Bool

  init(
    _ front: Front, _ name: String, _ pieces: [(bytes: [UInt8], count: Int)], _ answer: String,
    says: String, goesOn: Bool = false
  ) {
    self.front = front
    self.name = name
    self.pieces = pieces
    self.answer = answer
    self.says = says
    self.goesOn = goesOn
  }

  var title: String { "\(front.rawValue): \(name)" }
}

/// What came of it.
struct OversizedOutcome {
  /// As `OversizedInput.answer`.
  var answer = ""
  var text = ""
  var sentByteCount = 0
  var isClosed = false
}

extension OversizedInput {
  /// Sends until everything is sent or the server has spoken, and reads what it says.
  func send(to server: ServerProcess) throws -> OversizedOutcome {
    let address = front == .http ? server.http : server.tcp
    let port = UInt16(address.split(separator: ":").last ?? "") ?? 0
    let socket = try BlockingSocket(port: port, patienceSeconds: 20)
    if front == .tcp { try OversizedInput.greet(socket) }
    var outcome = OversizedOutcome()
    sending: for piece in pieces {
      // Long pieces whole, short ones together.
      let together = max(1, (64 << 10) / max(piece.bytes.count, 1))
      let block = Array(repeatElement(piece.bytes, count: min(together, piece.count)).joined())
      var left = piece.count * piece.bytes.count
      while left > 0 {
        if OversizedInput.hasInput(socket) { break sending }
        let count = min(left, block.count)
        socket.send(count == block.count ? block : Array(block.prefix(count)))
        outcome.sentByteCount += count
        left -= count
      }
    }
    try read(&outcome, socket)
    if goesOn {
      outcome.isClosed = try !takesAnother(socket)
    } else {
      while !socket.receiveSome(64 << 10).isEmpty {}
      outcome.isClosed = socket.isAtEnd
    }
    return outcome
  }

  private static func hasInput(_ socket: BlockingSocket) -> Bool {
    var poll = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) > 0
  }

  static func greet(_ socket: BlockingSocket) throws {
    var hello = ByteBuffer()
    ClientHello().encode(into: &hello)
    socket.send(hello.array)
    let fixed = socket.receive(Greeting.fixedByteCount)
    guard fixed.count == Greeting.fixedByteCount else {
      throw HTTPExchangeFailure(description: "no greeting")
    }
    _ = socket.receive(Int(fixed[12]) | Int(fixed[13]) << 8)
  }

  private func read(_ outcome: inout OversizedOutcome, _ socket: BlockingSocket) throws {
    if front == .http {
      let answer = try HTTPExchange(on: socket).answer()
      let code = answer.body.firstMatch(of: /"code":"([a-z_]+)"/).map { String($0.1) }
      outcome.answer = "\(answer.status) \(code ?? "")"
      outcome.text = answer.body
      return
    }
    let head = socket.receive(FrameHeader.byteCount)
    guard let header = ByteView.of(head, { FrameHeader($0) }) else {
      outcome.answer = "no answer"
      return
    }
    let body = socket.receive(Int(header.bodyByteCount))
    var status = header.status
    var error: ErrorMessage?
    if header.operation == Operation.mutate.rawValue, status == Status.ok.rawValue {
      // Rows are refused one by one.
      let rejected = try ByteView.of(body) { try MutateResponse(wire: $0).rejected.first }
      status = rejected?.status ?? status
      error = rejected?.error
    } else {
      error = try ByteView.of(body) { try ErrorMessage(wire: $0) }
    }
    let name = Status(rawValue: status).map { "\($0)" } ?? "\(status)"
    outcome.answer = error.map { "\(name) \($0.code)" } ?? name
    outcome.text = error?.message ?? ""
  }

  private func takesAnother(_ socket: BlockingSocket) throws -> Bool {
    if front == .http {
      return try HTTPExchange(on: socket).request("GET", "/healthz").status == 200
    }
    socket.send(Frames.frame(.ping, id: 77, []))
    let head = socket.receive(FrameHeader.byteCount)
    return ByteView.of(head) { FrameHeader($0)?.requestID == 77 }
  }
}

/// Frames and messages of the binary protocol, written byte by byte: the encoders of the client
/// would refuse.
enum Frames {
  static func varint(_ value: Int) -> [UInt8] {
    var buffer = ByteBuffer()
    buffer.append(varint: UInt64(value))
    return buffer.array
  }

  /// The start of a field of `count` bytes.
  static func field(_ number: Int, of count: Int) -> [UInt8] {
    varint(number << 3 | 2) + varint(count)
  }

  static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    field(number, of: bytes.count) + bytes
  }

  static func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

  static func header(
    _ operation: BinaryProtocol.Operation, id: UInt64 = 1, declaring count: UInt32
  ) -> [UInt8] {
    var buffer = ByteBuffer()
    FrameHeader(operation: operation, requestID: id, bodyByteCount: count).encode(into: &buffer)
    return buffer.array
  }

  static func frame(
    _ operation: BinaryProtocol.Operation, id: UInt64 = 1, _ body: [UInt8]
  ) -> [UInt8] {
    header(operation, id: id, declaring: UInt32(body.count)) + body
  }

  /// A mutate request of one cell whose value follows: `valueByteCount` bytes.
  static func mutate(
    key: [UInt8] = [107], qualifier: [UInt8] = [113], valueByteCount: Int
  ) -> [UInt8] {
    let cell =
      field(1, "f") + field(2, qualifier) + field(4, of: valueByteCount)
    let kind = field(1, of: cell.count + valueByteCount) + cell
    let mutation = field(2, of: kind.count + valueByteCount) + kind
    let named = field(1, key) + mutation
    let body = field(1, "t") + field(2, of: named.count + valueByteCount) + named
    return header(.mutate, declaring: UInt32(body.count + valueByteCount)) + body
  }

  /// A filter in a chain in a chain, `depth` times.
  static func nestedFilter(_ depth: Int) -> [UInt8] {
    var filter = varint(1 << 3) + [1]
    for _ in 1..<depth { filter = field(3, field(1, filter)) }
    return filter
  }
}
