// Reports: kept, read back, compared, shown.

import Foundation
import Histogram
import Testing

@testable import kvbench

@Suite struct ReportTests {
  private func result(scale: Double = 1, workload: String = "get") throws -> RunResult {
    let known = try #require(Workload.named(workload))
    let plan = TrafficPlan(
      workload: known, dialect: StrataDialect(), records: 1_000, keys: .uniform)
    var run = LoadRun(address: try SocketAddress("127.0.0.1:1"), plan: plan)
    run.connections = 16
    run.depth = 4
    run.duration = 5
    var loaded = LoaderResult()
    var latencies = Latencies.empty
    for number in 1...1_000 {
      latencies.record(UInt64(Double(number) * 1_000 * scale))
    }
    loaded.kindNames = known.portions.map(\.name)
    loaded.latencies = known.portions.map { _ in latencies }
    loaded.seconds = Array(repeating: latencies, count: 5)
    loaded.counts.done = 1_000
    loaded.nanoseconds = UInt64(1e9 * scale)
    loaded.processorNanoseconds = 500_000
    var measured = LoadMeasurement(serverSeconds: 0.002 * scale)
    measured.add(loaded)
    return RunResult(run, system: "tcp", measured)
  }

  @Test func `a report reads back as it was written`() throws {
    let report = RunReport(runs: [try result(), try result(workload: "mixed")])
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try report.write(to: path)
    #expect(try RunReport(readingFrom: path) == report)
    #expect(throws: BenchmarkFailure.self) { try RunReport(readingFrom: path + ".none") }
  }

  @Test func `figures come from the histogram`() throws {
    let run = try result()
    #expect(abs(run.latency.p50 - 500) < 1)
    #expect(abs(run.latency.p99 - 990) < 1)
    #expect(abs(run.latency.max - 1_000) < 1)
    #expect(run.operationsPerSecond == 1_000)
    #expect(run.serverMicrosecondsPerOperation == 2)
    #expect(run.loaderMicrosecondsPerOperation == 0.5)
    #expect(run.timeline.count == 5)
    #expect(run.timeline[0].operations == 1_000)
    let shares = run.curve.map(\.share)
    #expect(shares == shares.sorted() && (shares.last ?? 0) > 0.99)
  }

  @Test func `what got slower is named, what got faster is not`() throws {
    let fast = RunReport(runs: [try result()])
    let slow = RunReport(runs: [try result(scale: 1.2)])
    let loss = Comparison(fast, slow)
    #expect(loss.regressions(above: 0.1) == 1)
    #expect(loss.runs[0].regressions(above: 0.1) == ["ops/s", "p50", "p99", "server µs/op"])
    #expect(loss.regressions(above: 0.25) == 0)
    #expect(Comparison(slow, fast).regressions(above: 0.1) == 0)
    #expect(Comparison(fast, fast).regressions(above: 0) == 0)
    #expect(loss.table(markingAbove: 0.1).contains("0.83"))
  }

  @Test func `runs that only one report has are told`() throws {
    let one = RunReport(runs: [try result()])
    let both = RunReport(runs: [try result(), try result(workload: "upsert")])
    #expect(Comparison(both, one).onlyBefore == ["tcp upsert 16x4"])
    #expect(Comparison(one, both).onlyAfter == ["tcp upsert 16x4"])
  }

  @Test func `the page stands alone and quotes what it shows`() throws {
    var report = RunReport(runs: [try result(), try result(scale: 3)])
    report.command = "kvbench run <get> & \"more\""
    let page = HTMLReport(report, title: "a < b").page
    #expect(page.contains("kvbench run &lt;get&gt; &amp; &quot;more&quot;"))
    #expect(page.contains("<title>a &lt; b</title>"))
    #expect(page.contains("prefers-color-scheme: dark"))
    #expect(page.contains(report.machine.processor))
    #expect(page.components(separatedBy: "<polyline").count == 1 + 2 * 4)
    #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("nan"))
  }

  @Test func `nines are decades of rarity`() {
    #expect(HTMLReport.nines(0) == 0)
    #expect(abs(HTMLReport.nines(0.9) - 1) < 1e-9)
    #expect(abs(HTMLReport.nines(0.999) - 3) < 1e-9)
  }

  @Test func `columns of text stand under each other`() {
    var table = TextTable(["run", "ops/s"])
    table.add(["a", "1,234"])
    table.add(["longer", "5"])
    #expect(table.text == "run     ops/s\na       1,234\nlonger      5")
    #expect(NumberText.grouped(1_234_567.4) == "1,234,567")
    #expect(NumberText.decimals(1.005, 1) == "1.0")
    #expect(NumberText.decimals(-0.26, 1) == "-0.3")
  }

  @Test(
    "words of the command line",
    arguments: [("10s", 10), ("500ms", 0.5), ("2m", 120), ("3", 3)] as [(String, Double)])
  func durations(text: String, seconds: Double) {
    #expect(DurationArgument(argument: text)?.seconds == seconds)
  }

  @Test func `shapes and shares are read, nonsense is not`() {
    #expect(LoadShapes(argument: "1x1,16x64")?.shapes == [LoadShape(1, 1), LoadShape(16, 64)])
    #expect(LoadShapes(argument: "16") == nil)
    #expect(LoadShapes(argument: "0x4") == nil)
    #expect(ShareArgument(argument: "10%")?.share == 0.1)
    #expect(ShareArgument(argument: "0.25")?.share == 0.25)
    #expect(ShareArgument(argument: "much") == nil)
    #expect(DurationArgument(argument: "soon") == nil)
  }
}
