// Too much of everything, on both fronts of the real server: each is refused with a clear error,
// and costs the server no more memory than was sent.

import BinaryProtocol
import Foundation
import Testing

@Suite(.serialized) struct OversizedInputTests {
  /// What the allocator and the buffers of a connection may add to the bytes sent.
  private static let slackByteCount = 3 << 20
  private static let memory = "256MiB"

  private static func request(_ method: String, _ path: String, _ fields: String) -> [UInt8] {
    Array("\(method) /v1/tables/t/rows\(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
  }

  /// A request whose body is `start`, `filler` so many times, and `end`.
  private static func body(
    _ method: String, _ path: String, _ start: String, _ filler: String, _ count: Int,
    _ end: String
  ) -> [(bytes: [UInt8], count: Int)] {
    let length = start.utf8.count + filler.utf8.count * count + end.utf8.count
    return [
      (request(method, path, "Content-Length: \(length)\r\n"), 1), (Array(start.utf8), 1),
      (Array(filler.utf8), count), (Array(end.utf8), 1),
    ]
  }

  private static let chunked = "Transfer-Encoding: chunked\r\n"

  /// Heads and bodies that HTTP itself bounds.
  static let framing: [OversizedInput] = [
    OversizedInput(
      .http, "a request line without end", [(Array("GET /".utf8), 1), ([97], 32 << 20)],
      "414 request_line_too_long", says: "8 KiB"),
    OversizedInput(
      .http, "a header field without end",
      [(Array("GET / HTTP/1.1\r\nX: ".utf8), 1), ([97], 32 << 20)],
      "431 headers_too_large", says: "32 KiB"),
    OversizedInput(
      .http, "header fields without end",
      [(Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8), 1), (Array("X: y\r\n".utf8), 1_000_000)],
      "431 headers_too_large", says: "100"),
    OversizedInput(
      .http, "a Content-Length above the limit",
      [(request("PUT", "/k", "Content-Length: 16777217\r\n"), 1), ([32], 16_777_217)],
      "413 body_too_large", says: "16777216"),
    OversizedInput(
      .http, "a Content-Length above all numbers",
      [(request("PUT", "/k", "Content-Length: \(String(repeating: "9", count: 40))\r\n"), 1)],
      "413 body_too_large", says: "longer"),
    OversizedInput(
      .http, "a chunk above the limit",
      [(request("PUT", "/k", chunked), 1), (Array("1000001\r\n".utf8), 1)],
      "413 body_too_large", says: "16777216"),
    OversizedInput(
      .http, "chunks above the limit",
      [
        (request("PUT", "/k", chunked), 1),
        (Array("10000\r\n".utf8) + [UInt8](repeating: 32, count: 65_536) + [13, 10], 512),
      ], "413 body_too_large", says: "16777216"),
    OversizedInput(
      .http, "a chunk's size without end", [(request("PUT", "/k", chunked), 1), ([48], 16 << 20)],
      "400 malformed_request", says: "256 bytes"),
    OversizedInput(
      .http, "a chunk's extension without end",
      [(request("PUT", "/k", chunked), 1), (Array("1;".utf8), 1), ([97], 16 << 20)],
      "400 malformed_request", says: "256 bytes"),
    OversizedInput(
      .http, "trailers without end",
      [
        (request("PUT", "/k", chunked), 1), (Array("2\r\n{}\r\n0\r\n".utf8), 1),
        (Array("X: y\r\n".utf8), 1_000_000),
      ], "431 headers_too_large", says: "8 KiB"),
  ]

  /// Bodies that JSON or the data model bounds.
  static let bodies: [OversizedInput] = [
    OversizedInput(
      .http, "JSON nested 100,000 deep",
      body("PUT", "/k", "{\"families\":{\"j\":{\"x\":", "[", 100_000, ""),
      "400 malformed_json", says: "64", goesOn: true),
    OversizedInput(
      .http, "a number of 1 MB",
      body("PUT", "/k", "{\"families\":{\"j\":{\"x\":", "1", 1_000_000, "}}}"),
      "400 malformed_json", says: "does not fit", goesOn: true),
    OversizedInput(
      .http, "a row key above the limit",
      [(request("GET", "/" + String(repeating: "k", count: 4_097), ""), 1)],
      "400 invalid_row_key", says: "4096", goesOn: true),
    OversizedInput(
      .http, "a qualifier above the limit",
      body("PUT", "/k", "{\"families\":{\"f\":{\"", "q", 16_385, "\":\"v\"}}}"),
      "400 limit_exceeded", says: "16384", goesOn: true),
    OversizedInput(
      .http, "a filter nested 30 deep",
      body(
        "POST", "/k:checkAndMutate",
        "{\"predicate\":" + String(repeating: "{\"chain\":[", count: 29), "{\"passAll\":{}}", 1,
        String(repeating: "]}", count: 29) + "}"),
      "400 invalid_filter", says: "20", goesOn: true),
    OversizedInput(
      .http, "a filter of a million filters",
      body("POST", "/k:checkAndMutate", "{\"predicate\":{\"chain\":[{}", ",{}", 1_000_000, "]}}"),
      "400 malformed_json", says: "20000", goesOn: true),
    OversizedInput(
      .http, "a table of 300,000 values",
      [
        (Array("POST /v1/tables HTTP/1.1\r\nHost: a\r\nContent-Length: 900009\r\n\r\n".utf8), 1),
        (Array("{\"x\":[1".utf8), 1), (Array(",[]".utf8), 300_000), (Array("]}".utf8), 1),
      ], "400 malformed_json", says: "20000", goesOn: true),
    OversizedInput(
      .http, "100,001 mutations",
      body(
        "POST", "/k:mutate", "{\"mutations\":[{\"deleteFromRow\":{}}", ",{\"deleteFromRow\":{}}",
        100_000, "]}"),
      "400 too_many_mutations", says: "100000", goesOn: true),
    OversizedInput(
      .http, "a million keys",
      body("POST", ":batchGet", "{\"keys\":[\"k\"", ",\"k\"", 1_000_000, "]}"),
      "400 too_many_keys", says: "1000", goesOn: true),
    OversizedInput(
      .http, "an ingested line of 128 MiB",
      [
        (request("POST", ":ingest", chunked), 1),
        (Array("10000\r\n".utf8) + [UInt8](repeating: 32, count: 65_536) + [13, 10], 2_048),
        (Array("0\r\n\r\n".utf8), 1),
      ], "200 line_too_long", says: "12582912", goesOn: true),
  ]

  static let frames: [OversizedInput] = [
    OversizedInput(
      .tcp, "a frame of 4 GiB", [(Frames.header(.get, declaring: .max), 1), ([0], 8 << 20)],
      "tooLarge frame_too_long", says: "109051904"),
    OversizedInput(
      .tcp, "a frame one byte above the limit",
      [(Frames.header(.mutate, declaring: UInt32(ProtocolLimits.bodyByteCount) + 1), 1)],
      "tooLarge frame_too_long", says: "109051904"),
    OversizedInput(
      .tcp, "a row key above the limit",
      [(Frames.mutate(key: [UInt8](repeating: 107, count: 4_097), valueByteCount: 1) + [1], 1)],
      "invalid invalid_row_key", says: "4096", goesOn: true),
    OversizedInput(
      .tcp, "a qualifier above the limit",
      [
        (
          Frames.mutate(qualifier: [UInt8](repeating: 113, count: 16_385), valueByteCount: 1) + [1],
          1
        )
      ],
      "invalid invalid_qualifier", says: "16384", goesOn: true),
    OversizedInput(
      .tcp, "a value above the limit",
      [(Frames.mutate(valueByteCount: (100 << 20) + 1), 1), ([1], (100 << 20) + 1)],
      "tooLarge too_large", says: "104857600", goesOn: true),
    OversizedInput(
      .tcp, "a filter nested 30 deep",
      [
        (
          Frames.frame(
            .get,
            Frames.field(1, "t") + Frames.field(2, "k")
              + Frames.field(3, Frames.field(3, Frames.nestedFilter(30)))), 1
        )
      ],
      "tooLarge too_large", says: "20", goesOn: true),
    OversizedInput(
      .tcp, "a filter nested 10,000 deep",
      [
        (
          Frames.frame(
            .get,
            Frames.field(1, "t") + Frames.field(2, "k")
              + Frames.field(3, Frames.field(3, Frames.nestedFilter(10_000)))), 1
        )
      ],
      "tooLarge too_large", says: "20", goesOn: true),
    OversizedInput(
      .tcp, "a million keys",
      [
        (Frames.header(.batchGet, declaring: 3_000_003) + Frames.field(1, "t"), 1),
        (Frames.field(2, "k"), 1_000_000),
      ], "tooLarge too_large", says: "1000", goesOn: true),
    OversizedInput(
      .tcp, "100,001 mutations",
      [
        (
          Frames.header(.mutate, declaring: 3 + 4 + 400_007)
            + Frames.field(1, "t") + Frames.field(2, of: 400_007) + Frames.field(1, "k"), 1
        ), (Frames.field(2, Frames.field(4, [])), 100_001),
      ], "tooLarge too_large", says: "100000", goesOn: true),
    OversizedInput(
      .tcp, "a ping of 1 MiB",
      [(Frames.frame(.ping, Frames.field(1, [UInt8](repeating: 0, count: 1 << 20))), 1)],
      "tooLarge too_large", says: "1024", goesOn: true),
  ]

  @Test func `a clear error, and no more memory than was sent`() throws {
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(directory: directory.path("data"), ["--memory", Self.memory])
    let table = #"{"name":"t","families":{"f":{},"j":{"type":"json"}}}"#
    let http = try HTTPExchange(server.http)
    #expect(try http.request("POST", "/v1/tables", body: table).status == 201)
    let memory = ServerMemory(of: server)
    var report = "| input | sent, KiB | more in memory, KiB | answer |\n"
    for input in Self.framing + Self.bodies + Self.frames {
      try memory.forgetMost()
      let before = memory.mostByteCount
      let outcome = try input.send(to: server)
      let growth = memory.mostByteCount - before
      #expect(
        outcome.answer.hasPrefix(input.answer),
        "\(input.title): \(outcome.answer) \(outcome.text)")
      #expect(
        outcome.text.contains(input.says) || input.says.isEmpty, "\(input.title): \(outcome.text)")
      #expect(outcome.isClosed == !input.goesOn, "\(input.title)")
      #expect(
        growth <= outcome.sentByteCount + Self.slackByteCount,
        "\(input.title): \(outcome.sentByteCount) bytes sent, \(growth) more in memory")
      report += "| \(input.title) | \(outcome.sentByteCount >> 10) | \(growth >> 10) | "
      report += "\(outcome.answer) |\n"
    }
    print(report)
    #expect(try http.request("GET", "/healthz").status == 200)
    #expect(server.stop() == 0)
  }

  /// Takes seconds and half a gigabyte: for `make oversized`.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["STRATA_OVERSIZED"] != nil))
  func `a row that would grow above the limit is refused, and stays`() throws {
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(directory: directory.path("data"), ["--memory", "1GiB"])
    let http = try HTTPExchange(server.http)
    _ = try http.request("POST", "/v1/tables", body: #"{"name":"t","families":{"f":{}}}"#)
    let memory = ServerMemory(of: server)
    let valueByteCount = 90 << 20
    for (number, answer) in ["ok", "ok", "invalid row_too_large"].enumerated() {
      let head = Frames.mutate(qualifier: [UInt8(number)], valueByteCount: valueByteCount)
      let input = OversizedInput(
        .tcp, "value \(number)", [(head, 1), ([1], valueByteCount)], answer, says: "",
        goesOn: true)
      // What the values before it still cost is not this one's: their flush, and the merging that
      // begins when nothing was written for two seconds.
      memory.settle(for: .seconds(4))
      try memory.forgetMost()
      let before = memory.mostByteCount
      let outcome = try input.send(to: server)
      let growth = memory.mostByteCount - before
      #expect(outcome.answer == answer, "\(outcome.text)")
      print("\(input.title): \(outcome.answer), \(outcome.text)")
      print("\(growth >> 20) MiB more in memory for 90 MiB")
      if number == 2 {
        #expect(growth <= Self.refusedRowFactor * valueByteCount + Self.slackByteCount)
      }
    }
    #expect(server.stop() == 0)
  }

  /// In sizes of the value: the two that the row has are read to be counted, the third is there as
  /// a list and packed.
  private static let refusedRowFactor = 4
}
