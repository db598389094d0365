// One non-blocking connection of the loader: requests in flight, bytes to send, and the start of an
// answer that has not come whole.

import BinaryProtocol
import Bytes
import Glibc

/// A connected socket and what it waits for. Confined to its thread.
final class LoadConnection {
  let socket: LoadSocket
  var parser: AnswerParser
  var output: ByteBuffer
  /// Sent bytes at the start of the output.
  var sent = 0
  /// What came of an answer that is not whole.
  var rest = ByteBuffer()
  var waitsForRoom = false
  let depth: Int
  let tickets: UnsafeMutablePointer<Ticket>
  private(set) var inFlight = 0
  /// Tickets that are free; where answers come in order, the next one to be answered is told by
  /// `oldest`.
  private let free: UnsafeMutablePointer<Int32>
  private var oldest = 0
  private let isOrdered: Bool
  /// Of gRPC: calls in flight.
  private var calls: CallNumbers?
  private let longest: RequestSizes
  /// In a mutate stream: the frames that are acknowledged.
  var acknowledged: UInt64 = 0

  init(
    _ address: SocketAddress, _ kind: AnswerParser.Kind, depth: Int, index: Int, isStream: Bool,
    longest: RequestSizes
  ) throws {
    self.depth = depth
    self.longest = longest
    parser = AnswerParser(kind, depth: depth)
    calls = kind == .grpc ? CallNumbers(depth: depth) : nil
    output = ByteBuffer(capacity: 16 << 10)
    isOrdered = (kind != .strata && kind != .grpc) || isStream
    tickets = .allocate(capacity: depth)
    free = .allocate(capacity: depth)
    for place in 0..<depth {
      var ticket = Ticket()
      ticket.connection = index
      ticket.place = index * depth + place
      tickets.advanced(by: place).initialize(to: ticket)
      free[place] = Int32(depth - 1 - place)
    }
    socket = try LoadSocket(address)
    if kind == .strata { try greet() }
    if kind == .grpc { try greetHTTP2() }
    try socket.setNonBlocking()
  }

  deinit {
    tickets.deallocate()
    free.deallocate()
    calls?.deallocate()
  }

  /// Takes no request, for now: all its places are taken, or the peer takes no more messages.
  var isFull: Bool { !hasRoom(for: 1) }
  /// Room for a whole batch.
  @inline(__always)
  func hasRoom(for batch: Int) -> Bool {
    guard inFlight &+ batch <= depth else { return false }
    guard let answers = parser.calls else { return true }
    return answers.sendWindow >= batch &* longest.first
      &+ (inFlight &+ batch) &* longest.followUp
  }
  var hasUnsent: Bool { sent < output.count || socket.hasSealed }

  /// A ticket for the next request.
  @inline(__always)
  func open() -> Int {
    inFlight &+= 1
    if calls != nil { return calls?.open() ?? 0 }
    if isOrdered { return (oldest &+ inFlight &- 1) % depth }
    return Int(free[depth &- inFlight])
  }

  /// The number of a ticket's request.
  @inline(__always)
  func number(of ticket: Int) -> UInt64 {
    if let calls { return UInt64(calls.number(at: ticket)) }
    return UInt64(ticket) &+ 1
  }

  /// The request at `start` of the output is complete.
  @inline(__always)
  func noteRequest(from start: Int) throws {
    guard let answers = parser.calls, let calls else { return }
    // Windows are for messages, not for the header before them.
    let header = output.view.bigEndian24(at: start)
    answers.sendWindow &-= output.count &- start &- header &- 2 &* HTTP2Frame.headerByteCount
    if calls.areUsedUp { throw BenchmarkFailure("A connection has no stream left for a call.") }
  }

  /// The ticket that an answer with this id is for; nil when there is none.
  @inline(__always)
  func ticket(of id: UInt64) -> Int? {
    guard inFlight > 0 else { return nil }
    if let calls { return calls.place(of: id) }
    if isOrdered { return oldest }
    guard id > 0, id <= UInt64(depth) else { return nil }
    return Int(id) &- 1
  }

  @inline(__always)
  func finish(_ ticket: Int) {
    if calls != nil {
      calls?.close(ticket)
    } else if isOrdered {
      oldest = oldest &+ 1 == depth ? 0 : oldest &+ 1
    } else {
      free[depth &- inFlight] = Int32(truncatingIfNeeded: ticket)
    }
    inFlight &-= 1
  }

  /// Puts an operation that goes on behind all others; where its ticket is now.
  func requeue(_ ticket: Int) -> Int {
    guard isOrdered || calls != nil else { return ticket }
    finish(ticket)
    let last = open()
    if last != ticket {
      let moved = tickets[ticket]
      tickets[ticket] = tickets[last]
      tickets[last] = moved
    }
    return last
  }

  /// What has not been answered.
  func eachInFlight(_ body: (Ticket) -> Void) {
    let idle = Set((0..<(depth - inFlight)).map { Int(free[$0]) })
    for place in 0..<depth {
      let isBusy =
        if let calls { calls.number(at: place) != 0 } else if isOrdered {
          (place - oldest + depth) % depth < inFlight
        } else { !idle.contains(place) }
      if isBusy { body(tickets[place]) }
    }
  }

  /// Sends what the socket takes; false when it takes no more for now.
  @inline(__always)
  func flush() throws -> Bool {
    while hasUnsent {
      guard let count = try socket.send(output.view.dropFirst(sent)) else { return false }
      sent += count
    }
    output.clear()
    sent = 0
    return true
  }

  /// What the connection has to say of itself goes before the next requests.
  @inline(__always)
  func takeReplies() {
    guard let calls = parser.calls, !calls.replies.isEmpty else { return }
    output.append(calls.replies.view)
    calls.replies.clear()
  }

  /// See `LoadSocket.limitUnsent`.
  func limitUnsent() throws { try socket.limitUnsent() }

  // MARK: - Start

  /// Waits for the settings of a peer that speaks HTTP/2, blocking.
  private func greetHTTP2() throws {
    guard let calls = parser.calls else { return }
    output.append(HTTP2Frame.greeting)
    while true {
      takeReplies()
      guard try flush() else { throw BenchmarkFailure("The greeting could not be sent.") }
      if calls.hasSettings { return }
      _ = try rest.append(capacity: LoadSocket.slackByteCount + 4_096) { room in
        guard let count = try socket.receive(into: room) else {
          throw BenchmarkFailure("The server closed during the greeting. Does it speak HTTP/2?")
        }
        return count
      }
      while let answer = try parser.next(rest.view) {
        guard answer.isHousekeeping else { throw BenchmarkFailure("An answer to no request.") }
        rest.removeFirst(answer.byteCount)
      }
    }
  }

  /// Exchanges greetings, blocking.
  private func greet() throws {
    var hello = ClientHello()
    hello.clientName = "kvbench"
    hello.maxBodyByteCount = ProtocolLimits.bodyByteCount
    hello.encode(into: &output)
    guard try flush() else { throw BenchmarkFailure("The greeting could not be sent.") }
    var input = ByteBuffer(capacity: 4_096)
    while true {
      if let (answer, byteCount) = try ServerHello.read(input.view) {
        guard case .welcome = answer, byteCount == input.count else {
          throw BenchmarkFailure("The server does not welcome us: \(answer)")
        }
        return
      }
      _ = try input.append(capacity: LoadSocket.slackByteCount + 4_096) { room in
        guard let count = try socket.receive(into: room) else {
          throw BenchmarkFailure("The server closed during the greeting.")
        }
        return count
      }
    }
  }
}

/// What an operation may need of the window that a peer of HTTP/2 gives for messages, at most.
struct RequestSizes {
  var first = 0
  /// Of what follows the first answer.
  var followUp = 0
}

/// Where a server listens.
struct SocketAddress: Sendable {
  let text: String
  let host: String
  private let port: String
  /// How connections are encrypted; nil for plain ones.
  var security: LoadSecurity?

  init(_ text: String) throws {
    guard let colon = text.lastIndex(of: ":") else {
      throw BenchmarkFailure("\(text) is not HOST:PORT.")
    }
    self.text = text
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    self.host = host
    port = String(text[text.index(after: colon)...])
  }

  static func text(_ code: Int32) -> String { String(cString: strerror(code)) }

  /// A blocking socket, without Nagle's delay.
  func connect() throws -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, port, &hints, &found) == 0, let info = found else {
      throw BenchmarkFailure("Cannot find \(text).")
    }
    defer { freeaddrinfo(found) }
    let file = socket(info.pointee.ai_family, Int32(SOCK_STREAM.rawValue), 0)
    guard file >= 0, Glibc.connect(file, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
      let reason = SocketAddress.text(errno)
      if file >= 0 { _ = close(file) }
      throw BenchmarkFailure("Nothing answers at \(text): \(reason).")
    }
    var on: Int32 = 1
    _ = setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    return file
  }
}
