// The built engine benchmark on our own engine: every workload runs, and finds what it wrote.

import Foundation
import Testing

@Suite struct EngineBenchmarkTests {
  private static let workloads: Set<String> = [
    "fillrandom", "fillbatch", "overwrite", "sync1", "sync8", "sync32", "read", "read2", "hot",
    "miss", "scan", "seek10", "seek100", "readwhilewriting", "pacedwriter", "widefill",
    "wideread", "coldread", "coldseek100", "coldscan", "recover", "deleted", "deletedsettled",
  ]

  private func bench(_ arguments: [String]) throws -> ProgramResult {
    try run(Programs.path("kvenginebench"), arguments)
  }

  @Test func `every workload runs on our engine, and whole rows on our tables`() throws {
    let directory = try TemporaryDirectory()
    let json = directory.path("lines.json")
    let result = try bench([
      "--engines", "strata", "strata-rows", "--entries", "2000", "--seconds", "0.02",
      "--memory", "64", "--directory", directory.path("work"), "--json", json,
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("÷ best LSM"))
    var seen: [String: Set<String>] = [:]
    for line in try String(contentsOfFile: json, encoding: .utf8).split(separator: "\n") {
      let fields = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let name = try #require(fields["workload"] as? String)
      seen[try #require(fields["engine"] as? String), default: []].insert(name)
      #expect(fields["operations"] as? Int ?? 0 > 0, "\(name) did nothing")
      #expect(fields["peakBytes"] as? Int ?? 0 > 1 << 20, "\(name)")
    }
    #expect(seen == ["strata": Self.workloads, "strata-rows": ["widefill", "wideread"]])
    let shown = try bench(["show", json])
    #expect(shown.status == 0 && result.output.hasPrefix(shown.output.dropLast()))
    let left = try FileManager.default.contentsOfDirectory(atPath: directory.path("work"))
    #expect(left.isEmpty, "\(left) is left behind")
  }

  @Test func `a wrong call says so`() throws {
    #expect(try bench(["--engines", "nothing"]).status == 2)
    #expect(try bench(["--entries", "1"]).status == 2)
  }
}
