// What a connection hears while its loop has too much to do.

import Testing

@testable import HTTPAPI

@Suite struct OverloadTests {
  private static let row = "/v1/tables/t/rows/k"
  private static let body = #"{"families":{"f":{"x":"y"}}}"#

  /// Asks until it is refused: until the loop's queue has stood for long enough.
  private func awaitOverload(_ client: Client) throws {
    for _ in 0..<200 where try client.ask("GET", Self.row).status == 503 { return }
    Issue.record("nobody is refused")
  }

  /// Sends a request until it is refused: now and then a turn has time for one.
  private func refusal(
    _ client: Client, _ request: String, hasBody: Bool = true
  ) throws -> Answer {
    for _ in 0..<200 {
      client.send(request)
      let answer = try client.answer(hasBody: hasBody)
      if answer.status == 503 { return answer }
    }
    throw NobodyIsRefused()
  }

  private struct NobodyIsRefused: Error {}

  private func checkRefusal(_ answer: Answer, _ sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(answer.status == 503, sourceLocation: sourceLocation)
    #expect(answer.code == "overloaded", sourceLocation: sourceLocation)
    #expect(answer.fields["retry-after"] == "1", sourceLocation: sourceLocation)
    #expect(
      answer.fields["content-type"] == "application/problem+json", sourceLocation: sourceLocation)
    #expect(answer.fields["date"]?.isEmpty == false, sourceLocation: sourceLocation)
  }

  @Test func `refusals come in their order, bodies are passed over, the connection goes on`()
    throws
  {
    let world = try ServerWorld.withTable(shedNanoseconds: 20_000_000)
    let client = try world.client()
    #expect(try client.ask("PUT", Self.row, Self.body).status == 204)
    try world.whileBusy {
      try awaitOverload(client)
      // A new table takes its time on another thread; what is refused behind it waits for it.
      client.send(
        Client.request("POST", "/v1/tables", #"{"name":"u","families":{"f":{}}}"#)
          + Client.request("PUT", Self.row, #"{"families":{"f":{"x":"lost"}}}"#)
          + "PATCH \(Self.row) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "3\r\n{GE\r\n0\r\n\r\n" + Client.request("GET", Self.row)
          + Client.request("GET", "/healthz"))
      #expect(try client.answer().status == 201)
      for _ in 0..<3 { checkRefusal(try client.answer()) }
      #expect(try client.answer().status == 200, "who watches is not refused")
    }
    // Overload ends when nobody was refused for a while.
    var answer = try client.ask("GET", Self.row)
    for _ in 0..<200 where answer.status == 503 { answer = try client.ask("GET", Self.row) }
    #expect(answer.body.contains(#""x":"y""#), "what was refused has no effect")
  }

  @Test func `a body in pieces is passed over too`() throws {
    let world = try ServerWorld.withTable(shedNanoseconds: 20_000_000)
    let client = try world.client()
    try world.whileBusy {
      try awaitOverload(client)
      for byte in Client.request("PUT", Self.row, Self.body) { client.send(String(byte)) }
      checkRefusal(try client.answer())
      #expect(world.front.bodies.heldByteCount == 0)
      #expect(try client.ask("GET", Self.row).status == 503)
    }
  }

  @Test func `refusals end as their requests want it`() throws {
    let world = try ServerWorld.withTable(shedNanoseconds: 20_000_000)
    let client = try world.client()
    try world.whileBusy {
      let head = try refusal(client, Client.request("HEAD", Self.row), hasBody: false)
      #expect(head.fields["retry-after"] == "1")
      // Nothing of a body came with it, or this would not be an answer.
      checkRefusal(try refusal(client, Client.request("GET", Self.row)))
      let old = try refusal(
        client, "GET \(Self.row) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      checkRefusal(old)
      #expect(old.fields["connection"] == "keep-alive")
      let expecting = ["Expect: 100-continue"]
      checkRefusal(try refusal(client, Client.request("PUT", Self.row, "", expecting)))
      try awaitOverload(client)
      client.send(Client.request("GET", Self.row, nil, ["Connection: close"]))
      let last = try client.answer()
      checkRefusal(last)
      #expect(last.fields["connection"] == "close")
      #expect(client.isAtEnd)
    }
  }
}
