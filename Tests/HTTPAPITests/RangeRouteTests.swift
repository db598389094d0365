// Pages, streams and polling.

import Bytes
import DataModel
import Foundation
import Tablets
import Testing

@Suite struct RangeRouteTests {
  /// Rows k000… with one cell each.
  private static func world(rowCount: Int) throws -> ServerWorld {
    let world = try ServerWorld.withTable()
    let client = try world.client()
    for index in 0..<rowCount {
      client.send(
        Client.request(
          "PUT", "/v1/tables/t/rows/\(key(index))", #"{"families":{"f":{"i":"\#(index)"}}}"#))
    }
    for _ in 0..<rowCount { #expect(try client.answer().status == 204) }
    return world
  }

  private static func key(_ index: Int) -> String {
    "k" + String(repeating: "0", count: 4 - String(index).count) + String(index)
  }

  private static func row(_ index: Int) -> String {
    #"{"key":"\#(key(index))","families":{"f":{"i":"\#(index)"}}}"#
  }

  private static func token(_ answer: Answer) -> String? {
    guard let start = answer.body.range(of: #""nextPageToken":""#)?.upperBound else { return nil }
    return String(answer.body[start...].prefix { $0 != "\"" })
  }

  @Test(arguments: [false, true])
  func `pages follow one another to the end`(reverse: Bool) throws {
    let client = try Self.world(rowCount: 25).client()
    let base = "/v1/tables/t/rows?limit=10&prefix=k&reverse=\(reverse)"
    var order = Array(0..<25)
    if reverse { order.reverse() }
    var target = base
    for page in [0..<10, 10..<20, 20..<25] {
      let answer = try client.ask("GET", target)
      let rows = order[page].map(Self.row).joined(separator: ",")
      #expect(answer.body.hasPrefix(#"{"rows":[\#(rows)]"#))
      let token = Self.token(answer)
      #expect((token == nil) == (page.upperBound == 25))
      target = base + "&pageToken=\(token ?? "")"
    }
  }

  @Test func `ranges, keys only and the exact end of a page`() throws {
    let client = try Self.world(rowCount: 5).client()
    let rows = "/v1/tables/t/rows"
    #expect(
      try client.ask("GET", rows + "?start=k0001&end=k0003").body
        == #"{"rows":[\#(Self.row(1)),\#(Self.row(2))]}"# + "\n")
    #expect(
      try client.ask("GET", rows + "?keysOnly=true&limit=5").body
        == #"{"rows":[{"key":"k0000"},{"key":"k0001"},{"key":"k0002"},{"key":"k0003"},"#
        + #"{"key":"k0004"}]}"# + "\n")
    #expect(try client.ask("GET", rows + "?prefix=z").body == #"{"rows":[]}"# + "\n")
  }

  @Test func `a page token of another question is refused`() throws {
    let client = try Self.world(rowCount: 5).client()
    let rows = "/v1/tables/t/rows"
    let token = try #require(Self.token(try client.ask("GET", rows + "?limit=2&prefix=k")))
    for query in [
      "limit=2&prefix=k00&pageToken=\(token)", "limit=2&pageToken=\(token)",
      "limit=2&prefix=k&reverse=true&pageToken=\(token)", "pageToken=AAAA", "pageToken=%21",
      "limit=2&prefix=k&pageToken=\(token.dropLast())", "limit=2&prefix=k&pageToken=\(token)A",
    ] {
      let answer = try client.ask("GET", rows + "?" + query)
      #expect(answer.status == 400)
      #expect(answer.code == "invalid_page_token", "\(query)")
    }
    #expect(try client.ask("GET", rows + "?limit=3&prefix=k&pageToken=\(token)").status == 200)
  }

  @Test func `a stream gives the whole range a row a line`() throws {
    let client = try Self.world(rowCount: 1_500).client()
    let accept = ["Accept: application/x-ndjson"]
    let answer = try client.ask("GET", "/v1/tables/t/rows", nil, accept)
    #expect(answer.fields["content-type"] == "application/x-ndjson")
    #expect(answer.isWhole)
    #expect(answer.body == (0..<1_500).map { Self.row($0) + "\n" }.joined())
    let part = try client.ask("GET", "/v1/tables/t/rows?limit=2&reverse=true", nil, accept)
    #expect(part.body == Self.row(1_499) + "\n" + Self.row(1_498) + "\n")
  }

  @Test func `a slow reader of a stream holds no more than its share`() throws {
    let world = try ServerWorld.withTable()
    let client = try world.client()
    let value = String(repeating: "v", count: 100_000)
    for index in 0..<100 {
      let body = #"{"families":{"f":{"i":"\#(value)"}}}"#
      #expect(try client.ask("PUT", "/v1/tables/t/rows/\(index)", body).status == 204)
    }
    client.send(
      Client.request("GET", "/v1/tables/t/rows", nil, ["Accept: application/x-ndjson"])
        + Client.request("GET", "/healthz"))
    // Other connections are served while this one does not read.
    for _ in 0..<50 { #expect(try world.client().ask("GET", "/healthz").status == 200) }
    let stream = try client.answer()
    #expect(stream.isWhole)
    #expect(stream.body.utf8.count > 10_000_000)
    #expect(try client.answer().status == 200)
  }

  @Test func `HTTP/1.0 gets its stream to the end of the connection`() throws {
    let client = try Self.world(rowCount: 3).client()
    client.send("GET /v1/tables/t/rows HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n")
    let answer = try client.answer()
    #expect(answer.body == (0..<3).map { Self.row($0) + "\n" }.joined())
    #expect(client.isAtEnd)
  }

  @Test func `an unchanged range is 304 until something in it changes`() throws {
    let client = try Self.world(rowCount: 3).client()
    for target in ["/v1/tables/t/rows?prefix=k", "/v1/tables/t/rows/k0001"] {
      let tag = try #require(try client.ask("GET", target).fields["etag"])
      let condition = ["If-None-Match: \"other\", W/\(tag)"]
      let same = try client.ask("GET", target, nil, condition)
      #expect(same.status == 304)
      #expect(same.fields["etag"] != nil)
      _ = try client.ask("PUT", "/v1/tables/t/rows/z", #"{"families":{"f":{"i":"1"}}}"#)
      #expect(try client.ask("GET", target, nil, condition).status == 304, "elsewhere")
      _ = try client.ask("PATCH", "/v1/tables/t/rows/k0001", #"{"families":{"f":{"j":"1"}}}"#)
      let changed = try client.ask("GET", target, nil, condition)
      #expect(changed.status == 200)
      #expect(changed.fields["etag"] != tag)
    }
  }

  @Test func `an entity tag answers its own question only`() throws {
    let client = try Self.world(rowCount: 3).client()
    let rows = "/v1/tables/t/rows"
    let tag = try #require(try client.ask("GET", rows + "?limit=2").fields["etag"])
    for query in ["?limit=3", "?limit=2&columns=f", "?limit=2&keysOnly=true", "/k0001"] {
      let answer = try client.ask("GET", rows + query, nil, ["If-None-Match: \(tag)"])
      #expect(answer.status == 200, "\(query)")
    }
    #expect(
      try client.ask("PATCH", "/v1/tables/t", #"{"families":{"new":{}}}"#).status == 200)
    #expect(
      try client.ask("GET", rows + "?limit=2", nil, ["If-None-Match: \(tag)"]).status == 200)
  }

  @Test func `a held read answers when something changes`() throws {
    let world = try Self.world(rowCount: 3)
    let waiting = try world.client()
    let writing = try world.client()
    let target = "/v1/tables/t/rows?prefix=k"
    let tag = try #require(try waiting.ask("GET", target).fields["etag"])
    waiting.send(
      Client.request("GET", target, nil, ["If-None-Match: \(tag)", "Prefer: wait=30"])
        + Client.request("GET", "/healthz"))
    _ = try writing.ask("PUT", "/v1/tables/t/rows/z", #"{"families":{"f":{"i":"1"}}}"#)
    _ = try writing.ask("PUT", "/v1/tables/t/rows/k9", #"{"families":{"f":{"i":"9"}}}"#)
    let answer = try waiting.answer()
    #expect(answer.status == 200)
    #expect(answer.body.contains(#""key":"k9""#))
    #expect(try waiting.answer().body == "{\"status\":\"ok\"}\n")
  }

  @Test func `a held read ends when its time is over`() throws {
    let client = try Self.world(rowCount: 1).client()
    let target = "/v1/tables/t/rows/k0000"
    let tag = try #require(try client.ask("GET", target).fields["etag"])
    let answer = try client.ask(
      "GET", target, nil, ["If-None-Match: \(tag)", "Prefer: respond-async, wait=1"])
    #expect(answer.status == 304)
    #expect(answer.fields["preference-applied"] == "wait=1")
  }
}
