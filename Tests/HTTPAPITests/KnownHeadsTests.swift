// Requests that are passed over by what follows their target.

import Bytes
import HTTP1
import TestSupport
import Testing

@testable import HTTPAPI

@Suite struct KnownHeadsTests {
  private static let get = "GET /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let patch =
    "PATCH /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"

  /// Learns heads as a connection does.
  private func learned(_ heads: [String]) -> KnownHeads {
    var known = KnownHeads()
    for text in heads {
      var decoder = RequestDecoder()
      ByteView.of(text) { bytes in
        guard case (.head, let consumed) = decoder.next(bytes) else { return }
        known.learn(decoder.head, bytes[0..<consumed])
      }
    }
    return known
  }

  private func match(_ known: KnownHeads, _ text: String) -> (route: Route, byteCount: Int)? {
    ByteView.of(text) { known.request($0) }
  }

  @Test func `a request whose head ends as another's did ends where that one ended`() {
    let known = learned([Self.get, Self.patch])
    for target in ["/v1/tables/t/rows/k", "/v1/tables/other/rows/longer%20key?columns=s,f:limit"] {
      let get = Self.get.replacing("/v1/tables/t/rows/k", with: target)
      let patch = Self.patch.replacing("/v1/tables/t/rows/k", with: target) + "{  }"
      let first = match(known, get + patch + get)
      #expect(first?.route == .row)
      #expect(first?.byteCount == get.utf8.count)
      #expect(match(known, patch + get)?.byteCount == patch.utf8.count)
    }
    #expect(match(known, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")?.route == .health)
    #expect(match(known, "GET /v1/tables/t/rows HTTP/1.1\r\nHost: a\r\n\r\n")?.route == .rows)
  }

  @Test(arguments: [
    "", "GET", "GET /v1/tables/t/rows/k", String(get.dropLast()), patch + "{ ", "\r\n" + get,
    "HEAD /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\n\r\n",
    "BREW /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /v1/tables/t/rows/k  HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /v1/tables/t/rows/k x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /v1/tables/t/rows/k HTTP/1.0\r\nHost: a\r\n\r\n",
    "GET /v1/tables/t/rows/k HTTP/1.1\r\nHost: b\r\n\r\n",
    "GET /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /v1/tables/t/rows/k\r\nX:a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /v1/tables/t/rows/k#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /v1/tables/t/rows/\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /v1/tables/t/rows/\(String(repeating: "k", count: 4_096)) HTTP/1.1\r\nHost: a\r\n\r\n",
    "PATCH /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{   }",
  ])
  func `what is not whole or not alike is read`(text: String) {
    #expect(match(learned([Self.get, Self.patch]), text) == nil)
  }

  @Test func `heads that do not tell where their request ends are not learned`() {
    for text in [
      "POST /v1/tables/t/rows HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
      "PUT /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n",
      "GET /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 1_024))"
        + "\r\n\r\n",
    ] {
      #expect(match(learned([text]), text + String(repeating: "x", count: 70_000)) == nil)
    }
  }

  /// Where the decoder finds the first request's end, and its route; nil if it refuses it.
  private func decoded(_ bytes: ByteView) -> (route: Route, byteCount: Int)? {
    var decoder = RequestDecoder()
    var route = Route.unknown
    var used = 0
    while true {
      let (event, consumed) = decoder.next(bytes.dropFirst(used))
      switch event {
      case .head:
        route = Router.match(decoder.head.method, decoder.head.path(in: bytes)).route
        decoder.bodyLimit = route.bodyLimit(HTTPOptions())
      case .body: break
      case .end: return (route, used + consumed)
      case .needMore, .refused: return nil
      }
      used += consumed
    }
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `what is passed over is what the decoder would take, whatever the bytes`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let texts = [
      Self.get + Self.get, Self.patch + "{  }" + Self.get,
      "POST /v1/tables/t/rows:batchGet HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n"
        + "{\"keys\":[1]}",
      "PUT /v1/tables/t/rows/k?x=%20 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnull",
    ]
    let known = learned(texts)
    let alphabet = Array(" \r\n\t#?/:%a0GHP.\u{7f}".utf8)
    var passedCount = 0
    for _ in 0..<20_000 {
      var bytes = Array(texts[Int.random(in: 0..<texts.count, using: &random)].utf8)
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = byte
        case 1: bytes.insert(byte, at: place)
        default: bytes.remove(at: place)
        }
      }
      ByteView.of(bytes) { view in
        guard let passed = known.request(view), passed.route.isSheddable else { return }
        passedCount += 1
        let decoded = decoded(view)
        #expect(decoded?.byteCount == passed.byteCount, "\(String(decoding: bytes, as: UTF8.self))")
        #expect(decoded?.route == passed.route)
      }
    }
    #expect(passedCount > 1_000)
  }

  @Test func `the last eight kinds are remembered`() {
    func head(_ host: Int) -> String {
      Self.get.replacing("Host: a", with: "Host: h\(host)")
    }
    let known = learned((0..<9).map(head))
    #expect(match(known, head(0)) == nil)
    for host in 1..<9 { #expect(match(known, head(host)) != nil) }
  }
}
