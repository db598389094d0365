// A plain HTTP/1.1 exchange over a plain socket, so that tests say and see every byte.

import Foundation
import TestSupport

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
  private let socket: BlockingSocket
  private var received: [UInt8] = []

  /// - Parameter address: "127.0.0.1:PORT".
  init(_ address: String) throws {
    let parts = address.split(separator: ":")
    guard parts.count == 2, parts[0] == "127.0.0.1", let port = UInt16(parts[1]) else {
      throw HTTPExchangeFailure(description: "bad address \(address)")
    }
    // A server that is being killed and started under load takes its time.
    socket = try BlockingSocket(port: port, patienceSeconds: 30)
  }

  /// Goes on where others have sent.
  init(on socket: BlockingSocket) { self.socket = socket }

  /// Sends a request with a Host and, for a body, a Content-Length; reads the answer.
  func request(
    _ method: String, _ target: String, body: String? = nil, headers: [String] = []
  ) throws -> HTTPAnswer {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: test\r\n"
    for header in headers { text += header + "\r\n" }
    if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
    socket.send(text + "\r\n" + (body ?? ""))
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
    let bytes = socket.receiveSome(65_536)
    guard !bytes.isEmpty else {
      throw HTTPExchangeFailure(description: "the connection ended, or 30 s passed")
    }
    received += bytes
  }
}
