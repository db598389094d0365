// What a server did with more than it can do, beside what is wanted of it.

import Foundation
import Histogram

/// One overload, and the peak before it. Rates a second; times in milliseconds.
struct OverloadReport: Codable, Equatable, Sendable {
  static let wantedGoodput = 0.8
  static let wantedRefusalMilliseconds = 50.0

  var workload: String
  var system: String
  var peakShape: String
  var shape: String
  var seconds: Double
  var peakPerSecond: Double
  /// What was to be sent, and what was.
  var offeredPerSecond: Double
  var sentPerSecond: Double
  /// Given up by the loader, for want of room on any connection or of time.
  var notSentPerSecond: Double
  var donePerSecond: Double
  var refusedPerSecond: Double
  var unanswered: UInt64
  var outcomes: OutcomeCounts
  /// Of what was done, in microseconds.
  var latency: LatencySummary
  /// Of what was refused, in microseconds.
  var refusals: LatencySummary
  /// The longest refusal while the server had yet to notice.
  var longestEarlyRefusalMilliseconds: Double
  var residentByteCount: UInt64
  var memoryByteCount: UInt64?
  var serverShare: Double?
  var loaderShare: Double
  var problem: String?

  var goodput: Double { donePerSecond / max(peakPerSecond, 1) }

  init(
    _ run: LoadRun, system: String, peak: LoadMeasurement, peakShape: LoadShape,
    overload: LoadMeasurement, memoryByteCount: UInt64?
  ) {
    let seconds = max(overload.wallSeconds, 1e-9)
    workload = run.plan.workload.name
    self.system = system
    self.peakShape = peakShape.text
    shape = "\(run.connections)x\(run.depth)"
    self.seconds = seconds
    peakPerSecond = peak.operationsPerSecond
    offeredPerSecond = run.requestsPerSecond ?? 0
    sentPerSecond = Double(overload.sent) / seconds
    notSentPerSecond = Double(overload.unsent) / seconds
    donePerSecond = Double(overload.counts.done) / seconds
    refusedPerSecond = Double(overload.counts.retryLater) / seconds
    unanswered = overload.unanswered
    outcomes = overload.counts
    latency = LatencySummary(overload.all)
    refusals = LatencySummary(overload.refusals)
    longestEarlyRefusalMilliseconds = Double(overload.longestEarlyRefusal) / 1e6
    residentByteCount = overload.residentByteCount
    self.memoryByteCount = memoryByteCount
    serverShare = overload.serverSeconds.map { $0 / max(run.duration, 1e-9) }
    loaderShare = overload.loaderMicroseconds / 1e6 / seconds
    problem = overload.firstProblem
  }

  /// What is not as wanted.
  var shortfalls: [String] {
    var found: [String] = []
    if goodput < OverloadReport.wantedGoodput { found.append("goodput") }
    if refusals.p99 > OverloadReport.wantedRefusalMilliseconds * 1_000 { found.append("refusals") }
    if let memoryByteCount, residentByteCount > memoryByteCount { found.append("memory") }
    if outcomes.errors > 0 { found.append("errors") }
    if unanswered > 0 { found.append("requests without an answer") }
    return found
  }

  var table: String {
    func rate(_ perSecond: Double) -> String {
      "\(NumberText.grouped(perSecond))/s = "
        + "\(NumberText.decimals(perSecond / max(peakPerSecond, 1), 2)) × peak"
    }
    func times(_ latency: LatencySummary) -> String {
      [latency.p50, latency.p99, latency.p999, latency.max]
        .map { NumberText.decimals($0 / 1_000, 1) }.joined(separator: " / ") + " ms"
    }
    func megabytes(_ count: UInt64) -> String { "\(count >> 20) MiB" }
    var table = TextTable([
      "\(system) \(workload), \(Int(seconds.rounded())) s", "measured", "wanted",
    ])
    table.add(["peak, closed loop \(peakShape)", "\(NumberText.grouped(peakPerSecond))/s", ""])
    table.add(["offered, open loop \(shape)", rate(offeredPerSecond), ""])
    table.add(["sent", rate(sentPerSecond), ""])
    table.add(["not sent: no room, or the loader too slow", rate(notSentPerSecond), ""])
    table.add(["done (goodput)", rate(donePerSecond), "at least 0.80"])
    table.add(["  after, p50 / p99 / p99.9 / max", times(latency), ""])
    table.add(["refused", rate(refusedPerSecond), ""])
    table.add(["  after, p50 / p99 / p99.9 / max", times(refusals), "p99 50 ms"])
    table.add([
      "  the longest in the warm-up",
      NumberText.decimals(longestEarlyRefusalMilliseconds, 1) + " ms",
      "",
    ])
    table.add(["errors, unanswered", "\(outcomes.errors), \(unanswered)", "0, 0"])
    table.add([
      "server's memory, at most", megabytes(residentByteCount),
      memoryByteCount.map { "at most " + megabytes($0) } ?? "",
    ])
    table.add([
      "processors: server, loader",
      "\(serverShare.map { NumberText.decimals($0, 2) } ?? "–"), "
        + NumberText.decimals(loaderShare, 2), "",
    ])
    let note = "Times count from a request's handing over to the network to its answer's reading."
    return [table.text, note, problem].compactMap(\.self).joined(separator: "\n")
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(filePath: path))
  }
}
