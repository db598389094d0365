// Connections: pipelines, order, bodies in pieces, deadlines, shut-down.

import LSM
import Synchronization
import Testing

@testable import HTTPAPI

@Suite struct ConnectionTests {
  private static let body = #"{"families":{"f":{"x":"y"}}}"#

  @Test func `pipelined answers come in the order of their requests`() throws {
    // Synced writes are answered by another thread, later than the loop could read.
    let world = try ServerWorld.withTable(durability: .sync)
    let client = try world.client()
    var text = ""
    for index in 0..<100 {
      let path = "/v1/tables/t/rows/\(index)"
      // Every read follows the write that it must see, and precedes the one that it must not.
      text += Client.request("GET", path)
      text += Client.request("PUT", path, #"{"families":{"f":{"x":"\#(index)"}}}"#)
      text += Client.request("GET", path)
      text += Client.request("GET", "/v1/tables/t/stats")
    }
    client.send(text)
    for index in 0..<100 {
      #expect(try client.answer().status == 404)
      #expect(try client.answer().status == 204)
      #expect(try client.answer().body.contains(#""x":"\#(index)""#))
      #expect(try client.answer().body.contains(#""table":"t""#))
    }
  }

  @Test func `a body may come byte by byte, and in chunks`() throws {
    let client = try ServerWorld.withTable().client()
    let path = "/v1/tables/t/rows/k"
    for byte in Client.request("PUT", path, Self.body) { client.send(String(byte)) }
    #expect(try client.answer().status == 204)
    var text = "PATCH \(path) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    for byte in Self.body { text += "1\r\n\(byte)\r\n" }
    client.send(text + "0\r\n\r\n")
    #expect(try client.answer().status == 204)
    #expect(try client.ask("GET", path).status == 200)
  }

  @Test func `who expects 100-continue is told to go on, or why not`() throws {
    var options = HTTPOptions()
    options.bodyByteCount = 1_000
    let world = try ServerWorld.withTable(options)
    let client = try world.client()
    let head = "PUT /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    client.send(head + "Content-Length: \(Self.body.utf8.count)\r\n\r\n")
    #expect(try client.answer().status == 100)
    client.send(Self.body)
    #expect(try client.answer().status == 204)
    client.send(head + "Content-Length: 1001\r\n\r\n")
    #expect(try client.answer().status == 413)
  }

  @Test func `HTTP/1.0 ends with its answer unless it asks otherwise`() throws {
    let world = try ServerWorld()
    let kept = try world.client()
    kept.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(try kept.answer().fields["connection"] == "keep-alive")
    kept.send("GET /healthz HTTP/1.0\r\n\r\n")
    #expect(try kept.answer().fields["connection"] == "close")
    #expect(kept.isAtEnd)
  }

  @Test func `bodies in flight have a budget`() throws {
    var options = HTTPOptions()
    options.bodiesByteCount = 10_000
    let world = try ServerWorld.withTable(options)
    let holding = try world.client()
    let path = "/v1/tables/t/rows/k"
    let large = #"{"families":{"f":{"x":"\#(String(repeating: "y", count: 8_000))"}}}"#
    // All but the last byte: the body is held.
    holding.send(String(Client.request("PUT", path, large).dropLast()))
    let client = try world.client()
    var answer = try client.ask("PUT", path, large)
    #expect(answer.status == 503)
    #expect(answer.code == "retry_later")
    #expect(answer.fields["retry-after"] == "1")
    holding.send("}")
    #expect(try holding.answer().status == 204)
    answer = try world.client().ask("PUT", path, large)
    #expect(answer.status == 204)
    #expect(world.front.bodies.heldByteCount == 0)
  }

  @Test(arguments: [
    "G", "GET /healthz HTTP/1.1\r\nHost: a\r\n",
    "PUT /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
  ])
  func `a request that does not go on is told so and ended`(text: String) throws {
    var options = HTTPOptions()
    options.tickNanoseconds = 10_000_000
    options.headerTicks = 3
    options.bodyTicks = 3
    let client = try ServerWorld(options).client()
    client.send(text)
    #expect(try client.answer().status == 408)
    #expect(client.isAtEnd)
  }

  @Test func `an idle connection is ended without a word`() throws {
    var options = HTTPOptions()
    options.tickNanoseconds = 10_000_000
    options.idleTicks = 3
    options.headerTicks = 3
    let world = try ServerWorld(options)
    #expect(try world.client().isAtEnd)
    let client = try world.client()
    #expect(try client.ask("GET", "/healthz").status == 200)
    #expect(client.isAtEnd)
  }

  @Test func `shutting down answers what is held and closes`() throws {
    let world = try ServerWorld.withTable()
    let client = try world.client()
    let path = "/v1/tables/t/rows/k"
    _ = try client.ask("PUT", path, Self.body)
    let tag = try #require(try client.ask("GET", path).fields["etag"])
    client.send(Client.request("GET", path, nil, ["If-None-Match: \(tag)", "Prefer: wait=60"]))
    // Answered only once the request before it was taken up.
    while world.front.waitingCount.load(ordering: .relaxed) == 0 {
      _ = try world.client().ask("GET", "/healthz")
    }
    world.shutDown()
    #expect(try client.answer().status == 304)
    #expect(client.isAtEnd)
    #expect(world.front.waitingCount.load(ordering: .relaxed) == 0)
  }

  @Test func `a client that goes away leaves nothing behind`() throws {
    let world = try ServerWorld.withTable()
    let path = "/v1/tables/t/rows/k"
    do {
      let client = try world.client()
      _ = try client.ask("PUT", path, Self.body)
      let tag = try #require(try client.ask("GET", path).fields["etag"])
      client.send(Client.request("GET", path, nil, ["If-None-Match: \(tag)", "Prefer: wait=60"]))
      while world.front.waitingCount.load(ordering: .relaxed) == 0 {
        _ = try world.client().ask("GET", "/healthz")
      }
      client.send(Client.request("GET", "/healthz"))
    }
    let client = try world.client()
    for _ in 0..<1_000 where world.front.waitingCount.load(ordering: .relaxed) > 0 {
      _ = try client.ask("GET", "/healthz")
    }
    #expect(world.front.waitingCount.load(ordering: .relaxed) == 0)
  }
}
