// Answers of every protocol, whole and in pieces cut anywhere.

import Bytes
import Testing

@testable import kvbench

@Suite struct AnswerParserTests {
  private struct Piece: Equatable {
    var outcome: Outcome
    var body: String
    var isLast: Bool
  }

  /// Feeds `text` in two pieces cut at `cut`, as a connection does.
  private func pieces(
    _ kind: AnswerParser.Kind, _ bytes: [UInt8], cut: Int
  ) throws -> [Piece] {
    var parser = AnswerParser(kind)
    var input = ByteBuffer()
    var found: [Piece] = []
    for part in [bytes[..<cut], bytes[cut...]] {
      input.append(Array(part))
      while !input.isEmpty, let answer = try parser.next(input.view) {
        let body = String(decoding: input.view[answer.body].array, as: UTF8.self)
        found.append(Piece(outcome: answer.outcome, body: body, isLast: answer.isLast))
        input.removeFirst(answer.byteCount)
      }
    }
    let left = input.count
    #expect(left == 0)
    return found
  }

  private func check(_ kind: AnswerParser.Kind, _ bytes: [UInt8], _ wanted: [Piece]) throws {
    for cut in 0...bytes.count {
      #expect(try pieces(kind, bytes, cut: cut) == wanted, "cut at \(cut)")
    }
  }

  @Test func `HTTP by length, without body, and refusals`() throws {
    let text = """
      HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nETag: "a-1"\r\n\r\nhello\
      HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n\
      HTTP/1.1 304 Not Modified\r\nContent-Length: 999\r\n\r\n\
      HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nno\
      HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n\
      HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n
      """
    try check(
      .http, Array(text.utf8),
      [
        Piece(outcome: .ok, body: "hello", isLast: true),
        Piece(outcome: .ok, body: "", isLast: true),
        Piece(outcome: .unchanged, body: "", isLast: true),
        Piece(outcome: .retryLater, body: "no", isLast: true),
        Piece(outcome: .absent, body: "", isLast: true),
        Piece(outcome: .failed, body: "", isLast: true),
      ])
  }

  @Test func `HTTP in chunks, and the next answer behind them`() throws {
    let text = """
      HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1A\r\n\
      abcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx
      """
    try check(
      .http, Array(text.utf8),
      [
        Piece(outcome: .ok, body: "hello", isLast: false),
        Piece(outcome: .ok, body: "abcdefghijklmnopqrstuvwxyz", isLast: false),
        Piece(outcome: .ok, body: "", isLast: true),
        Piece(outcome: .ok, body: "x", isLast: true),
      ])
  }

  @Test func `an HTTP tag is found`() throws {
    let text = "HTTP/1.1 200 OK\r\nETag: \"36ae-2\"\r\nContent-Length: 0\r\n\r\n"
    let tag = try ByteView.of(text) { bytes -> String? in
      try HTTPAnswerState.head(bytes).map { String(decoding: bytes[$0.tag].array, as: UTF8.self) }
    }
    #expect(tag == "\"36ae-2\"")
  }

  @Test func `Redis: strings, hashes, nothing, errors`() throws {
    let text = "$5\r\nhello\r\n*2\r\n$1\r\na\r\n$2\r\nbc\r\n+OK\r\n:1\r\n$-1\r\n*0\r\n-ERR no\r\n"
    try check(
      .redis, Array(text.utf8),
      [
        Piece(outcome: .ok, body: "$5\r\nhello\r\n", isLast: true),
        Piece(outcome: .ok, body: "*2\r\n$1\r\na\r\n$2\r\nbc\r\n", isLast: true),
        Piece(outcome: .ok, body: "+OK\r\n", isLast: true),
        Piece(outcome: .ok, body: ":1\r\n", isLast: true),
        Piece(outcome: .absent, body: "$-1\r\n", isLast: true),
        Piece(outcome: .absent, body: "*0\r\n", isLast: true),
        Piece(outcome: .failed, body: "-ERR no\r\n", isLast: true),
      ])
  }

  @Test func `memcached: values, misses, stores, errors`() throws {
    let text = "VALUE k 0 5\r\nhello\r\nEND\r\nEND\r\nSTORED\r\nSERVER_ERROR out of memory\r\n"
    try check(
      .memcached, Array(text.utf8),
      [
        Piece(outcome: .ok, body: "VALUE k 0 5\r\nhello\r\nEND\r\n", isLast: true),
        Piece(outcome: .absent, body: "END\r\n", isLast: true),
        Piece(outcome: .ok, body: "STORED\r\n", isLast: true),
        Piece(outcome: .failed, body: "SERVER_ERROR out of memory\r\n", isLast: true),
      ])
  }

  @Test func `frames: parts, retry later, refusals`() throws {
    func frame(_ flags: UInt8, _ status: UInt8, _ body: String) -> [UInt8] {
      [UInt8(body.utf8.count), 0, 0, 0, 16, flags, status, 0, 7, 0, 0, 0, 0, 0, 0, 0] + body.utf8
    }
    let bytes = frame(3, 0, "one") + frame(1, 0, "") + frame(1, 4, "busy") + frame(1, 1, "bad")
    try check(
      .strata, bytes,
      [
        Piece(outcome: .ok, body: "one", isLast: false),
        Piece(outcome: .ok, body: "", isLast: true),
        Piece(outcome: .retryLater, body: "busy", isLast: true),
        Piece(outcome: .failed, body: "bad", isLast: true),
      ])
  }

  @Test(
    "what is no answer is said to be none",
    arguments: [AnswerParser.Kind.http, .redis, .strata])
  func noAnswer(kind: AnswerParser.Kind) {
    #expect(throws: AnswerError.self) {
      try pieces(kind, Array("what is this, and what is it for?\r\n".utf8), cut: 0)
    }
  }
}
