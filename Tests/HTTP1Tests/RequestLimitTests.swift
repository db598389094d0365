// Everything a request can make the server hold has a limit, and the limit itself still passes.

import Bytes
import HTTP1
import Testing

@Suite struct RequestLimitTests {
  private static func request(line: String, fields: [String] = ["Host: a"]) -> String {
    line + "\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  @Test(arguments: [(8 << 10, true), ((8 << 10) + 1, false)])
  func `a request line has 8 KiB`(byteCount: Int, passes: Bool) {
    let frame = "GET  HTTP/1.1".utf8.count
    let path = "/" + String(repeating: "a", count: byteCount - frame - 1)
    let found = DecodedText.of(Self.request(line: "GET \(path) HTTP/1.1"))
    #expect(found == (passes ? ["GET \(path) []"] : ["414 request_line_too_long"]).map(cut))
  }

  /// As `ByteView.description` shows a long path.
  private func cut(_ line: String) -> String {
    guard line.hasPrefix("GET ") else { return line }
    let path = line.dropFirst(4).dropLast(3)
    return "GET \(path.prefix(64))… (\(path.utf8.count) bytes) []"
  }

  @Test func `a request line without an end is refused at its limit`() {
    let text = "GET /" + String(repeating: "a", count: 9 << 10)
    #expect(DecodedText.of(text) == ["414 request_line_too_long"])
  }

  @Test(arguments: [(100, true), (101, false)])
  func `a head has 100 fields`(count: Int, passes: Bool) {
    let fields = ["Host: a"] + (1..<count).map { _ in "Accept: b" }
    let found = DecodedText.of(Self.request(line: "GET / HTTP/1.1", fields: fields))
    #expect(found == (passes ? ["GET / []"] : ["431 headers_too_large"]))
  }

  @Test(arguments: [(32 << 10, true), ((32 << 10) + 1, false)])
  func `header lines have 32 KiB`(byteCount: Int, passes: Bool) {
    // Host, Accept and their ends.
    let frame = "Host: a\r\nAccept: \r\n".utf8.count
    let fields = ["Host: a", "Accept: " + String(repeating: "b", count: byteCount - frame)]
    let found = DecodedText.of(Self.request(line: "GET / HTTP/1.1", fields: fields))
    #expect(found == (passes ? ["GET / []"] : ["431 headers_too_large"]))
  }

  @Test func `header lines of just the limit pass wherever their end is cut`() {
    let fields = ["Host: a", "X: bc"]
    let text = Array(Self.request(line: "GET / HTTP/1.1", fields: fields).utf8)
    var limits = HTTPLimits()
    limits.headerByteCount = "Host: a\r\nX: bc\r\n".utf8.count
    for cut in 1..<text.count {
      let pieces = [Array(text[..<cut]), Array(text[cut...])]
      #expect(DecodedText.of(pieces, limits: limits) == ["GET / X=bc []"], "cut at \(cut)")
    }
    limits.headerByteCount -= 1
    for cut in 1..<text.count {
      let pieces = [Array(text[..<cut]), Array(text[cut...])]
      #expect(DecodedText.of(pieces, limits: limits) == ["431 headers_too_large"], "cut at \(cut)")
    }
  }

  @Test func `a header without an end is refused at the limit`() {
    let text = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "b", count: 33 << 10)
    #expect(DecodedText.of(text) == ["431 headers_too_large"])
  }

  @Test(arguments: [(10, true), (11, false)])
  func `a body has its route's limit`(byteCount: Int, passes: Bool) {
    let body = String(repeating: "b", count: byteCount)
    let expected = passes ? ["PUT / [\(body)]"] : ["413 body_too_large"]
    let plain = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(byteCount)\r\n\r\n" + body
    #expect(DecodedText.of([Array(plain.utf8)], bodyLimit: 10) == expected)
    let chunked =
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      + body.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
    #expect(DecodedText.of([Array(chunked.utf8)], bodyLimit: 10) == expected)
  }

  @Test func `chunk lines and trailers have limits`() {
    let head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    let extended = head + "1;" + String(repeating: "x", count: 300)
    #expect(DecodedText.of(extended) == ["400 malformed_request"])
    let trailers = head + "0\r\n" + String(repeating: "A: b\r\n", count: 2_000)
    #expect(DecodedText.of(trailers) == ["431 headers_too_large"])
  }
}
