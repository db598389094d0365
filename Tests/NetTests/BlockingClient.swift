// A plain blocking socket to talk to a listener under test, and the handlers of such listeners.

import Bytes
import Glibc
import Net
import Synchronization

/// A connected socket; every read gives up after ten seconds.
final class BlockingClient {
  let descriptor: Int32

  init(port: UInt16, receiveBufferByteCount: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var size = receiveBufferByteCount {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
    }
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    guard connected == 0 else { throw Refused(errno: errno) }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { all in
        let rest = UnsafeRawBufferPointer(rebasing: all[sent...])
        return Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Reads until there are `count` bytes or the end.
  func receive(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let got = bytes.withUnsafeMutableBytes { all in
        let rest = UnsafeMutableRawBufferPointer(rebasing: all[filled...])
        return read(descriptor, rest.baseAddress, rest.count)
      }
      guard got > 0 else { break }
      filled += got
    }
    return Array(bytes[..<filled])
  }

  func receiveText(_ count: Int) -> String { String(decoding: receive(count), as: UTF8.self) }

  /// True when the server has ended the connection and nothing is left to read.
  var isAtEnd: Bool {
    errno = 0
    return receive(1).isEmpty && errno != EAGAIN
  }
}

/// Nobody listens.
struct Refused: Error {
  var errno: Int32
}

/// Calls closures; what is not set does the simplest thing.
final class ScriptedHandler: ConnectionHandler {
  var onReceive: (ByteView, Connection) -> Int = { bytes, connection in
    connection.output.append(bytes)
    return bytes.count
  }
  var onEnd: (Connection) -> Void = { $0.closeAfterFlush() }
  var onDrained: (Connection) -> Void = { _ in }
  var onClosed: (Connection) -> Void = { _ in }
  var onShutDown: (Connection) -> Void = { $0.closeAfterFlush() }

  func received(_ bytes: ByteView, on connection: Connection) -> Int {
    onReceive(bytes, connection)
  }
  func inputEnded(on connection: Connection) { onEnd(connection) }
  func outputDrained(on connection: Connection) { onDrained(connection) }
  func shuttingDown(on connection: Connection) { onShutDown(connection) }
  func closed(_ connection: Connection) { onClosed(connection) }
}

/// Counts up on any thread.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  var value: Int { count.load(ordering: .sequentiallyConsistent) }

  @discardableResult
  func increase(by step: Int = 1) -> Int {
    count.add(step, ordering: .sequentiallyConsistent).newValue
  }

  /// Waits until the count is reached; gives up after ten seconds.
  func reaches(_ goal: Int) -> Bool {
    for _ in 0..<50_000 {
      if value >= goal { return true }
      usleep(200)
    }
    return false
  }
}

/// Runs `body` against a listener on a free port and shuts it down.
func withListener(
  loops: Int = 2, maximumConnections: Int = 1_000,
  handler: @escaping @Sendable (Connection) -> any ConnectionHandler = { _ in ScriptedHandler() },
  _ body: (UInt16, EventLoopGroup) throws -> Void
) throws {
  let group = try EventLoopGroup(count: loops)
  defer { group.shutDown(graceNanoseconds: 1_000_000_000) }
  let port = try group.listen(
    on: "127.0.0.1:0", maximumConnections: maximumConnections, handler: handler)
  try body(port, group)
}
