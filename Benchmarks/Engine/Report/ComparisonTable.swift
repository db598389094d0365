// The tables: a line a workload, a column an engine, and how we stand to the others.

/// A figure that tables are made of.
enum Figure: CaseIterable {
  case rate, cpu, p99, longest, seconds, amplification, disk, peak

  var title: String {
    switch self {
    case .rate: "operations/s"
    case .cpu: "CPU µs/operation, background included"
    case .p99: "p99 µs"
    case .longest: "longest pause, ms"
    case .seconds: "seconds"
    case .amplification: "bytes written/byte"
    case .disk: "disk, MB"
    case .peak: "peak memory, MB"
    }
  }

  var moreIsBetter: Bool { self == .rate }

  func value(of measurement: Measurement) -> Double? {
    switch self {
    case .rate: measurement.operationsPerSecond
    case .cpu: measurement.cpuMicrosecondsPerOperation
    case .p99: measurement.p99Microseconds
    case .longest: measurement.maxMicroseconds.map { $0 / 1_000 }
    case .seconds: measurement.seconds
    case .amplification: measurement.writeAmplification
    case .disk: measurement.diskBytes.map { Double($0) / 1e6 }
    case .peak: measurement.peakBytes.map { Double($0) / 1e6 }
    }
  }

  /// Workloads that it says something about.
  var workloads: [Workload] {
    switch self {
    case .rate:
      Workload.allCases.filter { $0 != .recover && $0 != .pacedWriter }
    case .cpu: Workload.allCases.filter { $0 != .pacedWriter }
    case .p99:
      Workload.allCases.filter {
        $0.stage != .recover && $0 != .fillBatches && $0 != .scan && $0 != .coldScan
      }
    case .longest: [.fill, .fillBatches, .overwrite, .pacedWriter, .wideFill]
    case .seconds: [.recover]
    case .amplification: [.fill, .fillBatches, .overwrite, .wideFill]
    case .disk: [.fill, .overwrite, .wideFill]
    case .peak: []
    }
  }

  /// Stages that it says something about as a whole.
  var stages: [Stage] { self == .peak ? Stage.allCases : [] }
}

extension Stage {
  /// What the tables call it.
  fileprivate var title: String {
    switch self {
    case .fill: "filling"
    case .cold: "reading from the device"
    case .read: "reading"
    case .overwrite: "overwriting"
    case .fillBatches: "filling in batches"
    case .sync: "synced puts"
    case .wide: "wide rows"
    case .load: "writing the log"
    case .recover: "opening after kill -9"
    case .deleted: "deleting"
    }
  }
}

extension Measurement {
  fileprivate func isOf(_ name: EngineName) -> Bool { engine == name.rawValue }
}

struct ComparisonTable {
  let engines: [EngineName]
  let measurements: [Measurement]

  /// All tables that have something to show.
  var text: String {
    Figure.allCases.compactMap { section($0) }.joined(separator: "\n\n")
  }

  private func section(_ figure: Figure) -> String? {
    let columns = EngineName.allCases.filter { $0 != .rows }.filter {
      engines.contains($0) || ($0 == .strata && engines.contains(.rows))
    }
    var rows: [[String]] = []
    for workload in figure.workloads {
      rows += lines(workload.title, figure, columns, isWide: workload.stage == .wide) { engine in
        measurements.first { $0.isOf(engine) && $0.workload == workload.rawValue }
          .flatMap(figure.value)
      }
    }
    for stage in figure.stages {
      let names = Workload.allCases.filter { $0.stage == stage }.map(\.rawValue)
      rows += lines(stage.title, figure, columns, isWide: stage == .wide) { engine in
        measurements.filter { $0.isOf(engine) && names.contains($0.workload) }
          .compactMap(figure.value).max()
      }
    }
    if rows.isEmpty { return nil }
    var header = [figure.title] + columns.map(\.title)
    if columns.contains(.strata) { header += ["÷ best LSM", "÷ LMDB"] }
    return TextTable([header] + rows).text
  }

  /// A line; of wide rows one more, our tables' whole rows against the others' keys; none where
  /// nobody has the figure.
  private func lines(
    _ title: String, _ figure: Figure, _ columns: [EngineName], isWide: Bool,
    _ value: (EngineName) -> Double?
  ) -> [[String]] {
    var lines: [[String]] = []
    for ours in isWide ? [EngineName.strata, .rows] : [.strata] {
      let values = columns.map { value($0 == .strata ? ours : $0) }
      let mine = value(ours)
      guard values.contains(where: { $0 != nil }), ours == .strata || mine != nil else { continue }
      var line = [ours == .rows ? "… by \(EngineName.rows.title)" : title]
      line += values.map { $0.map(Self.short) ?? "–" }
      if columns.contains(.strata) {
        let peers = [EngineName.rocksdb, .leveldb].compactMap(value)
        let best = figure.moreIsBetter ? peers.max() : peers.min()
        line += [ratio(mine, best, figure), ratio(mine, value(.lmdb), figure)]
      }
      lines.append(line)
    }
    return lines
  }

  /// Above 1 we are the better.
  private func ratio(_ ours: Double?, _ theirs: Double?, _ figure: Figure) -> String {
    guard let ours, let theirs, ours > 0, theirs > 0 else { return "–" }
    return Self.decimals(figure.moreIsBetter ? ours / theirs : theirs / ours, 2)
  }

  /// Three digits or so.
  static func short(_ value: Double) -> String {
    if value >= 100 { return grouped(Int(value.rounded())) }
    return decimals(value, value >= 10 ? 1 : 2)
  }

  private static func grouped(_ value: Int) -> String {
    value < 1_000
      ? "\(value)" : "\(grouped(value / 1_000)),\(String(value % 1_000 + 1_000).dropFirst())"
  }

  static func decimals(_ value: Double, _ count: Int) -> String {
    let scale = count == 1 ? 10 : 100
    let scaled = Int((value * Double(scale)).rounded())
    let fraction = String(scaled % scale + scale).dropFirst()
    return "\(scaled / scale).\(fraction)"
  }
}

/// Aligned columns: the first flush left, the others flush right.
private struct TextTable {
  let rows: [[String]]

  init(_ rows: [[String]]) { self.rows = rows }

  var text: String {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let pad = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + pad : pad + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
