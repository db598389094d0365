// Requests out of bytes, however they are cut; and those that are refused.

import Bytes
import HTTP1
import Testing

@Suite struct RequestDecoderTests {
  static let conversations: [(text: String, requests: [String])] = [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", ["GET / []"]),
    (
      "GET /p%20q?x=1&y=? HTTP/1.1\r\nhOsT:a:80\r\nX-A: \t b c\t \r\n\r\n",
      ["GET /p%20q?x=1&y=? X-A=b c []"]
    ),
    ("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", ["GET /a []"]),
    ("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", ["PUT /a [hello]"]),
    ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ["POST /a []"]),
    (
      "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\n\r\n", ["POST /a [abc0123456789]"]
    ),
    (
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"
        + "DELETE /3 HTTP/1.1\r\nHost: a\r\n\r\n", ["GET /1 []", "PUT /2 [ok]", "DELETE /3 []"]
    ),
    ("GET /a HTTP/1.0\r\n\r\n", ["GET /a 1.0 close []"]),
    ("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", ["GET /a 1.0 []"]),
    ("HEAD /a HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", ["HEAD /a close []"]),
    (
      "PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
      ["PUT /a expects [x]"]
    ),
    ("GET http://h.example:1/a?b HTTP/1.1\r\nHost: a\r\n\r\n", ["GET /a?b []"]),
    ("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", ["OPTIONS * []"]),
  ]

  @Test(arguments: conversations.indices)
  func `a request is the same wherever its bytes are cut`(index: Int) {
    let (text, requests) = Self.conversations[index]
    let bytes = Array(text.utf8)
    #expect(DecodedText.of([bytes]) == requests)
    for cut in 1..<bytes.count {
      let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
      #expect(DecodedText.of(pieces) == requests, "cut at \(cut)")
    }
    #expect(DecodedText.of(bytes.map { [$0] }) == requests, "byte by byte")
  }

  static let refusals: [(text: String, answer: String)] = [
    // Two readers could find two different ends of these.
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "400 malformed_request"
    ),
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "400 malformed_request"
    ),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", "400 malformed_request"),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", "400 malformed_request"),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400 malformed_request"),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", "400 malformed_request"),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", "400 malformed_request"),
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "400 malformed_request"
    ),
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
      "400 malformed_request"
    ),
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n",
      "400 malformed_request"
    ),
    ("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400 malformed_request"),
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "501 unknown_transfer_coding"
    ),
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "501 unknown_transfer_coding"
    ),
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n",
      "400 malformed_request"
    ),
    ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", "400 malformed_request"),
    ("PUT / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\nHost: a\n\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX Y: x\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "400 malformed_request"),
    // The request line.
    ("GET /\r\n\r\n", "400 malformed_request"),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 unsupported_version"),
    ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", "505 unsupported_version"),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 unsupported_version"),
    ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501 unknown_method"),
    ("get / HTTP/1.1\r\nHost: a\r\n\r\n", "501 unknown_method"),
    ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
    ("\u{16}\u{3}\u{1}\u{0}", "400 malformed_request"),
    ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", "417 unknown_expectation"),
    (
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "413 body_too_large"
    ),
  ]

  @Test(arguments: refusals.indices)
  func `what two readers could understand differently is refused`(index: Int) {
    let (text, answer) = Self.refusals[index]
    let bytes = Array(text.utf8)
    #expect(DecodedText.of([bytes]) == [answer])
    #expect(DecodedText.of(bytes.map { [$0] }) == [answer], "byte by byte")
  }

  @Test(arguments: [
    "x\r\nabc\r\n0\r\n\r\n", "\r\nabc\r\n", "3 \r\nabc\r\n", "+3\r\nabc\r\n", "0x3\r\nabc\r\n",
    "3\nabc\r\n", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n", "3;\u{0}\r\nabc\r\n",
    "0\r\nX : y\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\n X: y\r\n\r\n",
  ])
  func `a broken chunk is refused`(body: String) {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(DecodedText.of(head + body) == ["400 malformed_request"])
    #expect(DecodedText.of(Array((head + body).utf8).map { [$0] }) == ["400 malformed_request"])
  }

  @Test func `a chunk larger than any body is refused, not overflowed`() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    for size in ["fffffffffffffff", "ffffffffffffffff", "10000000000000000", "7fffffffffffffff"] {
      #expect(DecodedText.of(head + size + "\r\n") == ["413 body_too_large"])
    }
  }

  @Test func `nothing after a refusal is taken for a request`() {
    let text = "GET / HTTP/1.1\r\n\r\nGET /secret HTTP/1.1\r\nHost: a\r\n\r\n"
    #expect(DecodedText.of(text) == ["400 malformed_request"])
    #expect(DecodedText.of(Array(text.utf8).map { [$0] }) == ["400 malformed_request"])
  }

  @Test func `a head put back is found again`() {
    var decoder = RequestDecoder()
    ByteView.of(Array("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".utf8)) { bytes in
      for _ in 0..<3 {
        guard case (.head, bytes.count) = decoder.next(bytes) else {
          Issue.record("no head")
          return
        }
        #expect(decoder.head.fields.count == 1)
        decoder.putHeadBack()
      }
    }
  }
}
