// Aligned columns of text: the first flush left, the others flush right.

/// A table to be printed.
struct TextTable {
  private var rows: [[String]]

  init(_ header: [String]) { rows = [header] }

  mutating func add(_ row: [String]) { rows.append(row) }

  var text: String {
    let columns = rows[0].indices
    let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for column in columns {
        let pad = String(repeating: " ", count: widths[column] - row[column].count)
        line += column == 0 ? row[column] + pad : "  " + pad + row[column]
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}

/// Numbers as people read them.
enum NumberText {
  static func grouped(_ value: Double) -> String {
    let digits = String(Int(value.rounded()))
    var text = ""
    for (index, digit) in digits.reversed().enumerated() {
      if index > 0, index % 3 == 0, digit != "-" { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  /// Three digits or so.
  static func short(_ value: Double) -> String {
    if value >= 100 { return grouped(value) }
    return decimals(value, value >= 10 ? 1 : 2)
  }

  static func decimals(_ value: Double, _ count: Int) -> String {
    var scale = 1
    for _ in 0..<count { scale *= 10 }
    let scaled = Int((value * Double(scale)).rounded())
    guard count > 0 else { return "\(scaled)" }
    let fraction = String(abs(scaled) % scale)
    let zeros = String(repeating: "0", count: count - fraction.count)
    return "\(scaled < 0 ? "-" : "")\(abs(scaled) / scale).\(zeros)\(fraction)"
  }
}

extension RunReport {
  /// A line a run, and one a kind of request in mixes.
  var table: String {
    var table = TextTable([
      "workload", "conns×pipe", "ops/s", "p50 µs", "p90", "p99", "p99.9", "max", "server µs/op",
      "loader µs/op", "MB/s", "rows/s", "refused", "errors", "unsent",
    ])
    for run in runs {
      let latency = run.latency
      table.add(
        [
          "\(run.system) \(run.workload)", "\(run.connections)×\(run.pipeline)",
          NumberText.grouped(run.operationsPerSecond),
        ]
          + [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(NumberText.short)
          + [
            run.serverMicrosecondsPerOperation.map { NumberText.decimals($0, 2) } ?? "–",
            NumberText.decimals(run.loaderMicrosecondsPerOperation, 2),
            NumberText.decimals(run.megabytesPerSecond, 1),
            run.rowsPerSecond.map(NumberText.grouped) ?? "–", "\(run.outcomes.retryLater)",
            "\(run.errors)", "\(run.unsent)",
          ])
      guard run.kinds.count > 1 else { continue }
      for kind in run.kinds {
        let latency = kind.latency
        table.add(
          ["  \(kind.name)", "", NumberText.grouped(Double(kind.operations) / run.seconds)]
            + [latency.p50, latency.p90, latency.p99, latency.p999, latency.max]
            .map(NumberText.short) + Array(repeating: "", count: 7))
      }
    }
    return table.text
  }
}
