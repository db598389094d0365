// A plain blocking socket to a listener under test on 127.0.0.1.

internal import Glibc

/// Nobody listens.
package struct ConnectionRefused: Error {
  package let errno: Int32
}

/// A connected socket; every read gives up after a while.
package final class BlockingSocket {
  package let descriptor: Int32

  /// - Throws: `ConnectionRefused`.
  package init(
    port: UInt16, receiveBufferByteCount: Int32? = nil, patienceSeconds: Int = 10
  ) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var size = receiveBufferByteCount {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
    }
    var limit = timeval(tv_sec: patienceSeconds, tv_usec: 0)
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
    guard connected == 0 else { throw ConnectionRefused(errno: errno) }
  }

  deinit { close(descriptor) }

  /// Sends all, or what the peer takes before it closes.
  package func send(_ bytes: [UInt8]) {
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

  package func send(_ text: String) { send(Array(text.utf8)) }

  /// Reads what comes until the peer ends the connection.
  ///
  /// - Returns: False when patience has ended before.
  package func drain() -> Bool {
    repeat { errno = 0 } while !receiveSome(64 << 10).isEmpty
    return errno != EAGAIN
  }

  package func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// What there is, at most `count` bytes; empty at the end or when patience is.
  package func receiveSome(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var got: Int
    repeat {
      got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    } while got < 0 && errno == EINTR
    return Array(bytes.prefix(max(0, got)))
  }

  /// Reads until there are `count` bytes or the end.
  package func receive(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = receiveSome(count - bytes.count)
      if more.isEmpty { break }
      bytes += more
    }
    return bytes
  }

  package func receiveText(_ count: Int) -> String {
    String(decoding: receive(count), as: UTF8.self)
  }

  /// True when the server has ended the connection and nothing is left to read.
  package var isAtEnd: Bool {
    errno = 0
    return receiveSome(1).isEmpty && errno != EAGAIN
  }
}
