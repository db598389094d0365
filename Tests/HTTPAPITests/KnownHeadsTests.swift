// Requests that are passed over by what follows their target.

import Bytes
import HTTP1
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

  @Test func `the last eight kinds are remembered`() {
    func head(_ host: Int) -> String {
      Self.get.replacing("Host: a", with: "Host: h\(host)")
    }
    let known = learned((0..<9).map(head))
    #expect(match(known, head(0)) == nil)
    for host in 1..<9 { #expect(match(known, head(host)) != nil) }
  }
}
