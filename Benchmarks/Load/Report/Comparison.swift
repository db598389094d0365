// Two reports beside each other: ratios of runs that both have.

/// The same run before and after.
struct ComparedRun: Equatable, Sendable {
  var identity: String
  var before: RunResult
  var after: RunResult

  /// Of throughput: above 1 is faster.
  var throughput: Double { after.operationsPerSecond / max(before.operationsPerSecond, 1e-9) }
  /// Of latency and processor time: above 1 is slower.
  var p50: Double { after.latency.p50 / max(before.latency.p50, 1e-9) }
  var p99: Double { after.latency.p99 / max(before.latency.p99, 1e-9) }
  var processor: Double? {
    guard let old = before.serverMicrosecondsPerOperation,
      let new = after.serverMicrosecondsPerOperation, old > 0
    else { return nil }
    return new / old
  }

  /// What got worse by more than `share`.
  func regressions(above share: Double) -> [String] {
    var found: [String] = []
    // In an open loop throughput is what was asked for; a fall is a fall all the same.
    if throughput < 1 / (1 + share) { found.append("ops/s") }
    if p50 > 1 + share { found.append("p50") }
    if p99 > 1 + share { found.append("p99") }
    if let processor, processor > 1 + share { found.append("server µs/op") }
    return found
  }
}

/// What two reports have in common, and what not.
struct Comparison: Equatable, Sendable {
  var runs: [ComparedRun] = []
  var onlyBefore: [String] = []
  var onlyAfter: [String] = []

  init(_ before: RunReport, _ after: RunReport) {
    // A report may hold a run several times; the first is compared with the first.
    var rest = after.runs
    for run in before.runs {
      if let index = rest.firstIndex(where: { $0.identity == run.identity }) {
        let other = rest.remove(at: index)
        runs.append(ComparedRun(identity: run.identity, before: run, after: other))
      } else {
        onlyBefore.append(run.identity)
      }
    }
    onlyAfter = rest.map(\.identity)
  }

  func regressions(above share: Double) -> Int {
    runs.filter { !$0.regressions(above: share).isEmpty }.count
  }

  func table(markingAbove share: Double) -> String {
    var table = TextTable([
      "run", "ops/s before", "after", "ratio", "p50 µs before", "after", "ratio", "p99 µs before",
      "after", "ratio", "server µs/op ratio", "slower",
    ])
    for run in runs {
      table.add([
        run.identity, NumberText.grouped(run.before.operationsPerSecond),
        NumberText.grouped(run.after.operationsPerSecond), NumberText.decimals(run.throughput, 2),
        NumberText.short(run.before.latency.p50), NumberText.short(run.after.latency.p50),
        NumberText.decimals(run.p50, 2), NumberText.short(run.before.latency.p99),
        NumberText.short(run.after.latency.p99), NumberText.decimals(run.p99, 2),
        run.processor.map { NumberText.decimals($0, 2) } ?? "–",
        run.regressions(above: share).joined(separator: ", "),
      ])
    }
    var text = table.text
    for name in onlyBefore { text += "\nonly before: \(name)" }
    for name in onlyAfter { text += "\nonly after: \(name)" }
    return text
  }
}
