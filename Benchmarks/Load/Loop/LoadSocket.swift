// A connected socket, plain or encrypted: bytes out, bytes in. Blocking until it is told otherwise.

import Bytes
import Client
import Glibc
import TLS

/// How connections to an address are encrypted.
struct LoadSecurity: Sendable {
  /// For connections that load.
  let client: TLSClient
  /// For setting up over the binary front.
  let store: ClientTLS
  /// What the certificate must be for; nil for the host connected to.
  let serverName: String?
}

/// Confined to its thread.
final class LoadSocket {
  /// Room that `receive` needs beyond what it shall take at a time.
  static let slackByteCount = TLSSession.slackByteCount
  /// Sealed at a time.
  private static let sealByteCount = 256 << 10

  let file: Int32
  /// Nil on a plain connection.
  private let tls: TLSSession?
  /// Where sealed bytes arrive; empty on a plain connection.
  private let arrived: UnsafeMutableRawBufferPointer
  private let address: SocketAddress

  /// Connects, and shakes hands where the address is encrypted.
  init(_ address: SocketAddress) throws {
    self.address = address
    file = try address.connect()
    tls = address.security?.client.makeSession(
      with: address.security?.serverName ?? address.host)
    arrived = .allocate(
      byteCount: tls == nil ? 0 : LoadSocket.sealByteCount, alignment: 64)
    if let tls { try shakeHands(tls) }
  }

  deinit {
    _ = close(file)
    arrived.deallocate()
  }

  /// Bytes that the socket may hold beyond what the peer has room for: with more, what was sent
  /// would wait on this side, and the peer would be blamed for it.
  private static let unsentByteCount: Int32 = 16 << 10

  func limitUnsent() throws {
    var limit = LoadSocket.unsentByteCount
    guard
      setsockopt(
        file, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &limit, socklen_t(MemoryLayout<Int32>.size))
        == 0
    else { throw BenchmarkFailure("TCP_NOTSENT_LOWAT: \(SocketAddress.text(errno))") }
  }

  func setNonBlocking() throws {
    guard fcntl(file, F_SETFL, O_NONBLOCK) == 0 else {
      throw BenchmarkFailure("fcntl: \(SocketAddress.text(errno))")
    }
  }

  /// Something is sealed that the socket has not taken.
  var hasSealed: Bool { tls.map { $0.unsentByteCount > 0 } ?? false }

  /// How many of the bytes were taken; nil when the socket takes nothing now.
  @inline(__always)
  func send(_ bytes: ByteView) throws -> Int? {
    guard let tls else { return try transmit(bytes) }
    guard try sendSealed(tls) else { return nil }
    guard let count = tls.seal(bytes.prefix(min(bytes.count, LoadSocket.sealByteCount))) else {
      throw BenchmarkFailure("The TLS session with \(address.text) is over.")
    }
    _ = try sendSealed(tls)
    return count
  }

  /// What has arrived, up to `room` less `slackByteCount`: how many bytes; 0 when there is nothing
  /// now, nil when the peer has closed.
  @inline(__always)
  func receive(into room: UnsafeMutableRawBufferPointer) throws -> Int? {
    let limit = room.count - LoadSocket.slackByteCount
    guard let tls else { return try take(room.baseAddress, limit) }
    guard let count = try take(arrived.baseAddress, min(limit, arrived.count)) else { return nil }
    let sealed = ByteView(UnsafeRawBufferPointer(rebasing: arrived[0..<count]))
    let plain = tls.receive(sealed, into: room)
    if case .failed(let failure) = tls.state {
      throw BenchmarkFailure("No TLS session with \(address.text): \(failure).")
    }
    return tls.state == .ended && plain == 0 ? nil : plain
  }

  private func take(_ target: UnsafeMutableRawPointer?, _ limit: Int) throws -> Int? {
    let count = recv(file, target, limit, 0)
    if count > 0 { return count }
    if count == 0 { return nil }
    if errno == EAGAIN || errno == EINTR { return 0 }
    throw BenchmarkFailure("Receiving failed: \(SocketAddress.text(errno)).")
  }

  private func transmit(_ bytes: ByteView) throws -> Int? {
    while true {
      let count = Glibc.send(file, bytes.buffer.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return count }
      if errno == EAGAIN { return nil }
      if errno != EINTR {
        throw BenchmarkFailure("Sending failed: \(SocketAddress.text(errno)).")
      }
    }
  }

  /// True when nothing sealed is left.
  private func sendSealed(_ tls: TLSSession) throws -> Bool {
    while tls.unsentByteCount > 0 {
      guard let count = try transmit(tls.unsent) else { return false }
      tls.noteSent(count)
    }
    return true
  }

  private func shakeHands(_ tls: TLSSession) throws {
    let room = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 2 * LoadSocket.slackByteCount, alignment: 64)
    defer { room.deallocate() }
    tls.start()
    while tls.state == .handshaking {
      _ = try sendSealed(tls)
      guard try receive(into: room) != nil else {
        throw BenchmarkFailure("\(address.text) ended the connection. Does it speak TLS?")
      }
    }
    _ = try sendSealed(tls)
  }
}
