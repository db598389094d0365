// Acknowledgements of streams: how many frames they cover, and what they refuse.

import Bytes
import Testing

@testable import kvbench

@Suite struct StreamProgressTests {
  private func progress(_ text: String) throws -> StreamProgress? {
    try ByteView.of(text) { try StreamProgress(lines: $0, first: 1_000, rowsPerFrame: 100) }
  }

  @Test func `positions are counted in whole frames, the last line says it`() throws {
    let cases: [(line: String, frames: UInt64)] = [
      (#"{"committed":99,"position":1098,"errors":[]}"#, 0),
      (#"{"committed":100,"position":1099,"errors":[]}"#, 1),
      (#"{"committed":0,"position":0,"errors":[]}"#, 0),
      (
        #"{"committed":100,"position":1099,"errors":[]}"# + "\n"
          + #"{"committed":350,"position":1349,"errors":[],"done":true}"# + "\n", 3
      ),
    ]
    for (line, frames) in cases {
      let progress = try #require(try progress(line))
      #expect(progress.frameCount == frames)
      #expect(progress.refusedCount == 0)
    }
  }

  @Test func `refused lines and an end by an error are told`() throws {
    let refused = try progress(
      #"{"committed":99,"position":1099,"errors":[{"line":7,"code":"unknown_family"}]}"#)
    #expect(refused?.refusedCount == 1)
    #expect(throws: BenchmarkFailure.self) {
      _ = try progress(#"{"committed":0,"errors":[],"error":{"code":"retry_later"}}"#)
    }
    #expect(try progress("") == nil)
  }

  @Test func `a stream over HTTP is one request of chunks, each of whole lines`() throws {
    var plan = TrafficPlan(
      workload: .simple("stream", .value, .stream(3)), dialect: HTTPDialect(host: "h"),
      records: 300, keys: .uniform)
    plan.sampling = 1
    let traffic = try Traffic(
      plan, thread: 0, connections: 1, depth: 4, contents: RowContents())
    var output = ByteBuffer()
    var ticket = Ticket()
    for _ in 0..<2 { traffic.begin(&ticket, id: 1, into: &output) }
    let text = String(decoding: output.array, as: UTF8.self)
    let parts = text.components("\r\n")
    #expect(parts[0].hasPrefix("POST /v1/tables/bench_value/rows:ingest?producer=kvbench-0-0&"))
    #expect(parts.contains("Transfer-Encoding: chunked"))
    let start = try #require(parts.firstIndex(of: "")) + 1
    for chunk in [start, start + 2] {
      #expect(Int(parts[chunk], radix: 16) == parts[chunk + 1].utf8.count)
      #expect(parts[chunk + 1].filter { $0 == "\n" }.count == 3)
      #expect(parts[chunk + 1].hasPrefix("{\"key\":\""))
    }
    #expect(text.components("POST").count == 2)
  }
}

extension String {
  fileprivate func components(_ separator: String) -> [String] {
    var parts: [String] = []
    var rest = Substring(self)
    while let range = rest.firstRange(of: separator) {
      parts.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return parts + [String(rest)]
  }
}
