// Names to addresses to a connected, non-blocking socket.

internal import Glibc

extension Wire {
  /// Tries the host's addresses in turn; each gets `milliseconds`.
  static func connect(to address: String, milliseconds: Int32) throws(ClientError) -> Int32 {
    let (host, port) = try split(address)
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, port, &hints, &found)
    guard code == 0, let found else {
      throw .unreachable(
        "Cannot find \(host): \(String(cString: gai_strerror(code))). Check --server HOST:PORT.")
    }
    defer { freeaddrinfo(found) }
    var failure = EADDRNOTAVAIL
    var candidate: UnsafeMutablePointer<addrinfo>? = found
    while let info = candidate {
      switch attempt(info.pointee, milliseconds) {
      case .success(let file): return file
      case .failure(let reason): failure = reason.code
      }
      candidate = info.pointee.ai_next
    }
    throw .unreachable(
      "Nothing answers at \(address): \(text(failure)). Start it with `kvserver --data-dir DIR`, "
        + "or point --server at it.")
  }

  private struct SystemFailure: Error {
    let code: Int32
  }

  private static func attempt(
    _ info: addrinfo, _ milliseconds: Int32
  ) -> Result<Int32, SystemFailure> {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let file = socket(info.ai_family, type, info.ai_protocol)
    guard file >= 0 else { return .failure(SystemFailure(code: errno)) }
    if Glibc.connect(file, info.ai_addr, info.ai_addrlen) != 0 {
      var failure = errno
      if failure == EINPROGRESS {
        var poll = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        var count: Int32 = -1
        repeat { count = Glibc.poll(&poll, 1, milliseconds) } while count < 0 && errno == EINTR
        failure = count == 0 ? ETIMEDOUT : pendingError(of: file)
      }
      guard failure == 0 else {
        _ = Glibc.close(file)
        return .failure(SystemFailure(code: failure))
      }
    }
    var on: Int32 = 1
    _ = setsockopt(
      file, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    return .success(file)
  }

  private static func pendingError(of file: Int32) -> Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(file, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
  }

  /// `host:port`, an IPv6 address in brackets.
  static func split(_ address: String) throws(ClientError) -> (String, String) {
    guard let colon = address.lastIndex(of: ":") else { throw badAddress(address) }
    var host = String(address[..<colon])
    let port = String(address[address.index(after: colon)...])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty, let number = UInt16(port), number > 0 else { throw badAddress(address) }
    return (host, port)
  }

  private static func badAddress(_ address: String) -> ClientError {
    .unreachable("\(address) is not HOST:PORT, as in 127.0.0.1:8085 or [::1]:8085.")
  }
}
