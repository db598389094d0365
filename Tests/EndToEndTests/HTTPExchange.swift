// A plain HTTP/1.1 exchange over a socket of its own, so that tests say and see every byte.

import Foundation
import Glibc

/// An answer.
struct HTTPAnswer {
  let status: Int
  let headers: [String: String]
  let body: String
}

/// What an exchange can fail with.
struct HTTPExchangeFailure: Error, CustomStringConvertible {
  let description: String
}

/// One connection to an HTTP front.
final class HTTPExchange {
  private let socket: Int32
  private var received: [UInt8] = []

  init(_ address: String) throws {
    let parts = address.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1]) else {
      throw HTTPExchangeFailure(description: "bad address \(address)")
    }
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = port.bigEndian
    target.sin_addr.s_addr = inet_addr(String(parts[0]))
    let result = withUnsafePointer(to: &target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw HTTPExchangeFailure(description: "connect: errno \(errno)") }
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(socket) }

  func send(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw HTTPExchangeFailure(description: "send: errno \(errno)") }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Sends a request with a Host and, for a body, a Content-Length; reads the answer.
  func request(
    _ method: String, _ target: String, body: String? = nil, headers: [String] = []
  ) throws -> HTTPAnswer {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: test\r\n"
    for header in headers { text += header + "\r\n" }
    if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
    try send(text + "\r\n" + (body ?? ""))
    return try answer(hasBody: method != "HEAD")
  }

  /// Reads the next answer.
  func answer(hasBody: Bool = true) throws -> HTTPAnswer {
    let head = try readLine(until: "\r\n\r\n").components(separatedBy: "\r\n")
    let words = head[0].split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else {
      throw HTTPExchangeFailure(description: "no status in \(head[0])")
    }
    var headers: [String: String] = [:]
    for line in head.dropFirst() where !line.isEmpty {
      let colon = line.firstIndex(of: ":") ?? line.endIndex
      let value = line[colon...].dropFirst().trimmingCharacters(in: .whitespaces)
      headers[line[..<colon].lowercased()] = value
    }
    var body: [UInt8] = []
    if !hasBody || status == 304 || status == 204 || status == 100 {
      return HTTPAnswer(status: status, headers: headers, body: "")
    } else if let length = headers["content-length"].flatMap({ Int($0) }) {
      body = try read(length)
    } else if headers["transfer-encoding"] == "chunked" {
      while true {
        let line = try readLine(until: "\r\n")
        guard let count = Int(line, radix: 16) else {
          throw HTTPExchangeFailure(description: "no chunk length in \(line)")
        }
        body += try read(count)
        _ = try read(2)
        if count == 0 { break }
      }
    }
    return HTTPAnswer(
      status: status, headers: headers, body: String(decoding: body, as: UTF8.self))
  }

  private func readLine(until end: String) throws -> String {
    let mark = Array(end.utf8)
    while true {
      if let range = received.firstRange(of: mark) {
        let line = String(decoding: received[..<range.lowerBound], as: UTF8.self)
        received.removeSubrange(..<range.upperBound)
        return line
      }
      try fill()
    }
  }

  private func read(_ count: Int) throws -> [UInt8] {
    while received.count < count { try fill() }
    defer { received.removeFirst(count) }
    return Array(received.prefix(count))
  }

  private func fill() throws {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = chunk.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
    guard count > 0 else {
      throw HTTPExchangeFailure(description: "connection ended (\(count), errno \(errno))")
    }
    received += chunk[..<count]
  }
}
