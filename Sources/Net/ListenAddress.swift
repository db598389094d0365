// Addresses to listen on: HOST:PORT, IPv6 in brackets, resolved by the system.

internal import Glibc

/// A host and a port.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
  /// Without brackets.
  package var host: String
  package var port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// - Parameter text: `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`.
  package init(parsing text: String) throws(NetError) {
    guard let colon = text.lastIndex(of: ":") else { throw .badAddress(text) }
    let digits = text[text.index(after: colon)...]
    guard !digits.hasPrefix("+"), let port = UInt16(digits) else { throw .badAddress(text) }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw .badAddress(text)
    }
    guard !host.isEmpty, !host.utf8.contains(where: { $0 == 0 || $0 == 0x5b || $0 == 0x5d }) else {
      throw .badAddress(text)
    }
    self.init(host: String(host), port: port)
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// True when only this machine can reach it.
  package func isLoopback() throws(NetError) -> Bool {
    try resolved { address in
      switch Int32(address.pointee.ai_family) {
      case AF_INET:
        address.pointee.ai_addr.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          UInt32(bigEndian: $0.pointee.sin_addr.s_addr) >> 24 == 127
        }
      case AF_INET6:
        address.pointee.ai_addr.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
          withUnsafeBytes(of: pointer.pointee.sin6_addr) { bytes in
            bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
          }
        }
      default: false
      }
    }
  }

  /// A listening, non-blocking socket, and the port it really has.
  func makeSocket(backlog: Int32) throws(NetError) -> (descriptor: Int32, port: UInt16) {
    let (descriptor, failed) = try resolved { address -> (Int32, (String, Int32)?) in
      let info = address.pointee
      let type = info.ai_socktype | Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
      let descriptor = socket(info.ai_family, type, info.ai_protocol)
      guard descriptor >= 0 else { return (-1, ("socket", errno)) }
      ListenAddress.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
      if info.ai_family == AF_INET6 {
        ListenAddress.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
      }
      if bind(descriptor, info.ai_addr, info.ai_addrlen) != 0 {
        return (descriptor, ("bind", errno))
      }
      return (descriptor, listen(descriptor, backlog) == 0 ? nil : ("listen", errno))
    }
    if let (call, reason) = failed {
      if descriptor >= 0 { _ = close(descriptor) }
      throw .system(call: call, errno: reason, detail: description)
    }
    return (descriptor, ListenAddress.localPort(of: descriptor))
  }

  /// The first address the system finds for the name.
  private func resolved<Result>(
    _ body: (UnsafeMutablePointer<addrinfo>) -> Result
  ) throws(NetError) -> Result {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    guard status == 0, let first = found else {
      throw .badAddress("\(description) (\(String(cString: gai_strerror(status))))")
    }
    defer { freeaddrinfo(first) }
    return body(first)
  }

  static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func localPort(of descriptor: Int32) -> UInt16 {
    text(of: descriptor, getsockname).flatMap { UInt16($0.port) } ?? 0
  }

  /// The address of the other end.
  static func peer(of descriptor: Int32) -> String {
    guard let (host, port) = text(of: descriptor, getpeername) else { return "unknown" }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  private static func text(
    of descriptor: Int32,
    _ name: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
  ) -> (host: String, port: String)? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard name(descriptor, address, &length) == 0 else { return nil }
        var host = [CChar](repeating: 0, count: 64)
        var port = [CChar](repeating: 0, count: 8)
        let status = getnameinfo(
          address, length, &host, 64, &port, 8, NI_NUMERICHOST | NI_NUMERICSERV)
        guard status == 0 else { return nil }
        return (text(host), text(port))
      }
    }
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
