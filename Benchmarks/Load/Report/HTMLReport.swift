// A report as one HTML file: a table of the runs, a chart of latency by percentile, and where runs
// lasted a few seconds what each second was like. Nothing is fetched; light and dark by the
// reader's preference.

import Foundation

/// Writes the page.
struct HTMLReport {
  private let report: RunReport
  private let title: String
  /// Distinct on white and on near-black, and to most colour-blind readers.
  private static let colours = 8

  init(_ report: RunReport, title: String) {
    self.report = report
    self.title = title
  }

  func write(to path: String) throws { try Data(page.utf8).write(to: URL(filePath: path)) }

  static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }

  /// Runs that share charts: neighbours of one workload, as many as there are colours.
  private var groups: [[RunResult]] {
    var groups: [[RunResult]] = []
    for run in report.runs {
      if let last = groups.last, last.count < HTMLReport.colours, last[0].workload == run.workload {
        groups[groups.count - 1].append(run)
      } else {
        groups.append([run])
      }
    }
    return groups
  }

  private func charts(_ runs: [RunResult]) -> String {
    let name = HTMLReport.escaped(runs[0].workload)
    let legend = legend(runs)
    var text = """
      <h2>\(name): latency by percentile</h2>
      \(latencyChart(runs).svg)
      \(legend)

      """
    if runs.contains(where: { $0.timeline.count > 4 }) {
      text += """
        <h2>\(name): operations of each second</h2>
        \(timeline(runs, "operations", isLogarithmic: false) { Double($0.operations) }.svg)
        <h2>\(name): p99 of each second</h2>
        \(timeline(runs, "µs", isLogarithmic: true) { Double($0.p99Nanoseconds) / 1_000 }.svg)
        <h2>\(name): longest of each second</h2>
        \(timeline(runs, "µs", isLogarithmic: true) { Double($0.maxNanoseconds) / 1_000 }.svg)
        \(legend)

        """
    }
    return text
  }

  var page: String {
    let body = """
      <h1>\(HTMLReport.escaped(title))</h1>
      <p class="facts"><code>\(HTMLReport.escaped(report.command))</code><br>
      \(HTMLReport.escaped(report.machine.line))<br>\(HTMLReport.escaped(report.date))</p>
      \(table)
      \(groups.map(charts).joined())
      """
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(HTMLReport.escaped(title))</title>
      <style>\(HTMLReport.style)</style>
      </head>
      <body>
      \(body)
      </body>
      </html>

      """
  }

  private var table: String {
    let header = [
      "run", "ops/s", "p50 µs", "p90", "p99", "p99.9", "max", "server µs/op", "loader µs/op",
      "refused", "errors",
    ]
    let rows = report.runs.map { run in
      let latency = run.latency
      let cells =
        [HTMLReport.escaped(run.identity), NumberText.grouped(run.operationsPerSecond)]
        + [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(NumberText.short)
        + [
          run.serverMicrosecondsPerOperation.map { NumberText.decimals($0, 2) } ?? "–",
          NumberText.decimals(run.loaderMicrosecondsPerOperation, 2),
          "\(run.outcomes.retryLater)", "\(run.errors)",
        ]
      return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    let head = header.map { "<th>\($0)</th>" }.joined()
    return """
      <div class="wide"><table><thead><tr>\(head)</tr></thead>
      <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>
      """
  }

  private func legend(_ runs: [RunResult]) -> String {
    let entries = runs.enumerated().map { index, run in
      "<li><span class=\"swatch b\(index % HTMLReport.colours)\"></span>"
        + "\(HTMLReport.escaped(run.identity))</li>"
    }
    return "<ul class=\"legend\">\(entries.joined())</ul>"
  }

  // MARK: - Charts

  /// Percentiles on an axis of nines: each step to the right is ten times rarer.
  private func latencyChart(_ runs: [RunResult]) -> Chart {
    let lines = runs.map { run in
      run.curve.map { ChartPoint(HTMLReport.nines($0.share), max($0.microseconds, 1)) }
    }
    let last = max(lines.flatMap { $0.map(\.x) }.max() ?? 3, 2)
    let names = ["0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "7 nines"]
    let decades = names.enumerated().filter { Double($0.offset) <= last.rounded(.up) }
      .map { ChartTick(Double($0.offset), $0.element) }
    let ticks = decades + [ChartTick(HTMLReport.nines(0.5), "50 %")]
    return Chart(
      lines: lines, horizontal: 0...last.rounded(.up), ticks: ticks, unit: "µs",
      isLogarithmic: true)
  }

  static func nines(_ share: Double) -> Double { -log10(max(1 - share, 1e-7)) }

  private func timeline(
    _ runs: [RunResult], _ unit: String, isLogarithmic: Bool, _ value: (SecondRecord) -> Double
  ) -> Chart {
    let lines = runs.map { run in
      run.timeline.enumerated().map { ChartPoint(Double($0.offset + 1), value($0.element)) }
    }
    let last = Double(runs.map(\.timeline.count).max() ?? 1)
    let step = max((last / 10).rounded(.up), 1)
    let ticks = stride(from: step, through: last, by: step).map { ChartTick($0, "\(Int($0)) s") }
    return Chart(
      lines: lines, horizontal: 1...max(last, 2), ticks: ticks, unit: unit,
      isLogarithmic: isLogarithmic)
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #6a737d;
      --rule: #d0d7de; --c0: #0b62c4; --c1: #c2410c; --c2: #15803d; --c3: #9333ea; --c4: #b45309;
      --c5: #0e7490; --c6: #be185d; --c7: #4b5563; }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e6edf3; --paper: #0d1117; --faint: #9aa4af; --rule: #30363d; --c0: #6cb2ff;
        --c1: #ff9a62; --c2: #5ddb8a; --c3: #c99bff; --c4: #f2c14e; --c5: #5fd4e8; --c6: #ff8fc0;
        --c7: #b3bcc7; } }
    body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
    h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
    .facts { color: var(--faint); } code { overflow-wrap: anywhere; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    th, td { text-align: right; padding: .2rem .7rem; border-bottom: 1px solid var(--rule);
      white-space: nowrap; }
    th:first-child, td:first-child { text-align: left; }
    svg { width: 100%; height: auto; } svg text { fill: var(--faint); font-size: 12px; }
    .rule { stroke: var(--rule); } .line { fill: none; stroke-width: 2; }
    .legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
    .swatch { display: inline-block; width: 1.2rem; height: .25rem; margin-right: .4rem;
      vertical-align: middle; }
    \((0..<colours).map(colourRules).joined(separator: "\n"))
    """

  private static func colourRules(_ index: Int) -> String {
    ".l\(index) { stroke: var(--c\(index)); } .b\(index) { background: var(--c\(index)); }"
  }
}
