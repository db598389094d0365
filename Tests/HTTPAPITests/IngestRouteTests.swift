// rows:ingest: bodies in any pieces, answers while they come, each line once, nothing silent.

import Bytes
import Glibc
import JSON
import Runtime
import TestSupport
import Testing

@testable import HTTPAPI

@Suite struct IngestRouteTests {
  /// A server with a table of counters `n`, text `f` and a table for what is refused.
  private func world(
    _ options: HTTPOptions = HTTPOptions(), time: any TimeSource = SystemTime()
  ) throws -> ServerWorld {
    let world = try ServerWorld(options, time: time)
    let client = try world.client()
    for table in [
      #"{"name":"t","families":{"n":{"aggregate":"sum"},"f":{}}}"#,
      #"{"name":"dead","families":{"error":{}}}"#,
    ] {
      let answer = try client.ask("POST", "/v1/tables", table)
      guard answer.status == 201 else { throw Unexpected(text: answer.body) }
    }
    return world
  }

  private static func path(_ query: String = "") -> String {
    "/v1/tables/t/rows:ingest" + (query.isEmpty ? "" : "?\(query)")
  }

  /// A line that adds 1 to one of ten rows.
  private static func line(_ number: Int) -> String {
    #"{"key":"row\#(number % 10)","timestamp":1000,"families":{"n":{"count":1}}}"# + "\n"
  }

  private static func lines(_ range: Range<Int>) -> String { range.map { line($0) }.joined() }

  private static func chunk(_ text: String) -> String {
    String(text.utf8.count, radix: 16) + "\r\n\(text)\r\n"
  }

  private static func head(_ query: String = "") -> String {
    "POST \(path(query)) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
  }

  /// The last line of an answer.
  private func last(_ answer: Answer) throws -> JSONValue {
    let line = answer.body.split(separator: "\n").last ?? ""
    return try ByteView.of(String(line)) { try JSONValue(parsing: $0) }
  }

  private func total(_ client: Client) throws -> Int {
    let page = try client.ask("GET", "/v1/tables/t/rows?limit=100")
    let counts = page.body.split(separator: "\"count\":").dropFirst()
    return counts.reduce(0) { $0 + (Int($1.prefix { $0.isNumber }) ?? 0) }
  }

  @Test func `a line longer than what a stream reads ahead is taken`() throws {
    let client = try world().client()
    let value = String(repeating: "v", count: 3_000_000)
    let line = #"{"key":"k","families":{"f":{"x":"\#(value)"}}}"# + "\n"
    let end = try last(client.ask("POST", Self.path(), line + Self.lines(1..<3)))
    #expect(end["committed"] == .integer(3))
    let row = try client.ask("GET", "/v1/tables/t/rows/k")
    #expect(row.body.utf8.count > value.utf8.count, "\(row.status) \(row.body.prefix(200))")
  }

  @Test func `each line of a producer counts once`() throws {
    let client = try world().client()
    let query = "producer=p&sequence=1"
    let first = try last(client.ask("POST", Self.path(query), Self.lines(1..<21)))
    #expect(first["committed"] == .integer(20) && first["position"] == .integer(20))
    #expect(first["done"] == .boolean(true) && first["errors"] == .array([]))
    let again = try last(client.ask("POST", Self.path(query), Self.lines(1..<31)))
    #expect(again["committed"] == .integer(10) && again["repeated"] == .integer(20))
    let later = try last(
      client.ask("POST", Self.path("producer=p&sequence=21"), Self.lines(21..<41)))
    #expect(later["committed"] == .integer(10) && later["position"] == .integer(40))
    #expect(try total(client) == 40)
    #expect(
      try client.ask("GET", "/v1/tables/t/producers").body
        == #"{"producers":[{"producer":"p","position":40}]}"# + "\n")
    #expect(try client.ask("DELETE", "/v1/tables/t/producers/p").status == 204)
    #expect(try client.ask("GET", "/v1/tables/t/producers/p").code == "unknown_producer")
    // Of nobody: as often as sent.
    for _ in 0..<2 { _ = try client.ask("POST", Self.path(), Self.lines(0..<5)) }
    #expect(try total(client) == 50)
  }

  @Test func `a long body comes in chunks of any size, and the connection goes on`() throws {
    let client = try world().client()
    let text = Array(Self.lines(0..<30_000).utf8)
    var sent = 0
    var size = 1
    client.send(Self.head("producer=p&sequence=0"))
    while sent < text.count {
      let part = text[sent..<min(sent + size, text.count)]
      client.send(Self.chunk(String(decoding: part, as: UTF8.self)))
      sent += size
      size = size * 5 % 70_001
    }
    client.send("0\r\n\r\n" + Client.request("GET", "/v1/tables/t/producers"))
    let answer = try client.answer()
    #expect(answer.isWhole && answer.fields["content-type"] == "application/x-ndjson")
    #expect(try last(answer)["committed"] == .integer(30000))
    #expect(try client.answer().body.contains("29999"))
    #expect(try total(client) == 30_000)
  }

  @Test func `progress is told while the body goes on`() throws {
    let world = try world()
    let client = try world.client()
    client.send(Self.head("producer=p&sequence=1") + Self.chunk(Self.line(1)))
    #expect(try client.answerHead().status == 200)
    #expect(try client.chunk().contains(#""committed":1,"position":1"#))
    client.send(Self.chunk(Self.lines(2..<4)))
    #expect(try client.chunk().contains(#""position":3"#))
    // The rows are there for others already.
    #expect(try total(try world.client()) == 3)
    client.send("0\r\n\r\n")
    #expect(try client.chunk().contains(#""done":true"#))
  }

  @Test func `refused lines are named, counted, passed over and kept`() throws {
    var options = HTTPOptions()
    options.bodyByteCount = 2_000
    let client = try world(options).client()
    let body =
      Self.line(1) + "no row\n\n" + #"{"key":"k","families":{"no":{"x":"y"}}}"# + "\n"
      + #"{"key":"\#(String(repeating: "k", count: 1_500))","families":{"f":{"a":"b"}}}"# + "\n"
      + String(repeating: "x", count: 3_000) + "\n" + Self.line(2)
    for query in ["producer=p&sequence=101", "producer=q&sequence=101&deadLetter=dead"] {
      let answer = try last(client.ask("POST", Self.path(query), body))
      #expect(answer["committed"] == .integer(3) && answer["position"] == .integer(107))
      guard case .array(let errors)? = answer["errors"] else { throw Unexpected(text: query) }
      #expect(errors.map { $0["line"] } == [.integer(2), .integer(4), .integer(6)])
      #expect(
        errors.map { $0["code"] }
          == [.string("malformed_json"), .string("unknown_family"), .string("line_too_long")])
      #expect(errors[0]["column"] == .integer(2))
      #expect(errors[0]["message"] == .string("not JSON: expected 'null', found 'o'"))
    }
    let dead = try client.ask("GET", "/v1/tables/dead/rows?prefix=t/q/").body
    for position in ["102", "104", "106"] {
      #expect(dead.contains("t/q/00000000000000000\(position)"), "\(dead)")
    }
    #expect(dead.contains(#""text":"no row""#) && dead.contains("unknown_family"))
  }

  /// What only the table can refuse is in the dead-letter table before the position is past it.
  @Test func `a row that the table refuses goes to the dead letters too`() throws {
    let client = try world().client()
    let line = #"{"key":"k","timestamp":1,"families":{"f":{"a":"b"}}}"# + "\n"
    for query in ["producer=q&sequence=1&deadLetter=dead", "deadLetter=dead"] {
      let body = Self.line(1) + line + Self.line(2)
      let answer = try last(client.ask("POST", Self.path(query), body))
      #expect(answer["committed"] == .integer(2), "\(answer)")
    }
    let dead = try client.ask("GET", "/v1/tables/dead/rows").body
    #expect(dead.split(separator: "invalid_timestamp").count == 3, "\(dead)")
  }

  @Test func `nobody's refused lines are under the moment of the front's clock`() throws {
    let clock = ManualClock()
    clock.holdWall(microseconds: 1_700_000_000_123_456)
    let client = try world(time: clock).client()
    _ = try client.ask("POST", Self.path("deadLetter=dead"), "no row\n")
    let dead = try client.ask("GET", "/v1/tables/dead/rows").body
    #expect(dead.contains(#""t/00001700000000123456/00000000000000000001""#), "\(dead)")
  }

  @Test func `a body that breaks off keeps what was whole and says so`() throws {
    let world = try world()
    let cut = try world.client()
    let text = Self.lines(1..<1_001)
    cut.send(
      Self.head("producer=p&sequence=1") + Self.chunk(text + String(Self.line(7).dropLast(2))))
    cut.endSending()
    #expect(try cut.answer().body.contains("incomplete_body"))
    let client = try world.client()
    let position = try client.ask("GET", "/v1/tables/t/producers/p")
    let count = try total(client)
    #expect(count == 1_000 || position.status == 404, "\(position.body)")
    _ = try client.ask("POST", Self.path("producer=p&sequence=1"), Self.lines(1..<2_001))
    #expect(try total(client) == 2_000)
  }

  @Test func `a stream whose table goes ends with the reason`() throws {
    let world = try world()
    let client = try world.client()
    client.send(Self.head() + Self.chunk(Self.line(1)))
    #expect(try client.answerHead().status == 200)
    _ = try client.chunk()
    #expect(try world.client().ask("DELETE", "/v1/tables/t").status == 204)
    client.send(Self.chunk(Self.line(2)))
    #expect(try client.chunk().contains("unknown_table"))
    while try !client.chunk().isEmpty {}
    #expect(client.isAtEnd)
  }

  @Test func `a silent stream ends in time, one that speaks does not`() throws {
    var options = HTTPOptions()
    options.tickNanoseconds = 20_000_000
    options.ingestIdleTicks = 10
    options.idleTicks = 1
    options.bodyTicks = 1
    let client = try world(options).client()
    client.send(Self.head())
    for number in 0..<8 {
      client.send(Self.chunk(Self.line(number)))
      usleep(50_000)
    }
    let answer = try client.answer()
    #expect(answer.body.contains(#""committed":8"#), "\(answer.body)")
    #expect(answer.body.contains("request_timeout"), "\(answer.body)")
  }

  @Test func `what cannot begin is refused before its body`() throws {
    let world = try world()
    for (query, code) in [
      ("producer=p", "invalid_sequence"), ("sequence=1", "invalid_sequence"),
      ("producer=p&sequence=x", "invalid_sequence"), ("producer=p&sequence=-1", "invalid_sequence"),
      ("producer=p&sequence=9223372036854775807", "invalid_sequence"),
      ("producer=&sequence=1", "invalid_producer"), ("x=1", "unknown_parameter"),
      ("producer=p&producer=q&sequence=1", "unknown_parameter"),
      ("deadLetter=no", "unknown_table"), ("deadLetter=t", "invalid_dead_letter"),
    ] {
      let client = try world.client()
      client.send(Self.head(query))
      #expect(try client.answer().code == code, "\(query)")
      #expect(client.isAtEnd)
    }
  }
}
