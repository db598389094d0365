// A line chart as SVG. The vertical axis is plain from zero, or logarithmic with ticks at 1, 2
// and 5.

import Foundation

struct ChartPoint {
  var x: Double
  var y: Double
  init(_ x: Double, _ y: Double) {
    self.x = x
    self.y = y
  }
}

struct ChartTick {
  var at: Double
  var text: String
  init(_ at: Double, _ text: String) {
    self.at = at
    self.text = text
  }
}

/// Lines over one pair of axes.
struct Chart {
  let lines: [[ChartPoint]]
  let horizontal: ClosedRange<Double>
  let ticks: [ChartTick]
  let unit: String
  let isLogarithmic: Bool

  private static let width = 920.0
  private static let height = 340.0
  private static let left = 76.0
  private static let right = 16.0
  private static let top = 14.0
  private static let bottom = 34.0

  var svg: String {
    let scale = vertical
    var parts = [
      "<svg viewBox=\"0 0 \(Int(Chart.width)) \(Int(Chart.height))\" role=\"img\">"
    ]
    for tick in verticalTicks(scale) {
      let y = place(tick.at, scale)
      parts.append(rule(Chart.left, y, Chart.width - Chart.right, y))
      parts.append(label(Chart.left - 8, y + 4, "end", tick.text))
    }
    parts.append(label(Chart.left + 4, Chart.top + 4, "start", unit))
    for tick in ticks {
      let x = place(x: tick.at)
      parts.append(rule(x, Chart.top, x, Chart.height - Chart.bottom))
      let anchor = x > Chart.width - 60 ? "end" : "middle"
      parts.append(label(x, Chart.height - 12, anchor, tick.text))
    }
    for (index, line) in lines.enumerated() where !line.isEmpty {
      let points = line.map { point in
        let y = isLogarithmic ? max(point.y, scale.lowerBound) : point.y
        return "\(text(place(x: point.x))),\(text(place(y, scale)))"
      }
      parts.append(
        "<polyline class=\"line l\(index % 8)\" points=\"\(points.joined(separator: " "))\"/>")
    }
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }

  /// What the vertical axis spans.
  private var vertical: ClosedRange<Double> {
    let values = lines.flatMap { $0.map(\.y) }
    let most = values.max() ?? 1
    guard isLogarithmic else { return 0...max(most * 1.1, 1) }
    let least = max(values.filter { $0 > 0 }.min() ?? 1, 0.1)
    return (least / 1.2)...max(most * 1.2, least * 2)
  }

  private func verticalTicks(_ scale: ClosedRange<Double>) -> [ChartTick] {
    guard isLogarithmic else {
      let step = Chart.roundStep(scale.upperBound / 5)
      return stride(from: 0, through: scale.upperBound, by: step)
        .map { ChartTick($0, NumberText.grouped($0)) }
    }
    let isWide = scale.upperBound / scale.lowerBound > 3_000
    var ticks: [ChartTick] = []
    for exponent in -1...9 {
      for factor in isWide ? [1.0] : [1.0, 2, 5] {
        let value = factor * pow(10, Double(exponent))
        if scale.contains(value) {
          ticks.append(ChartTick(value, value < 1 ? "\(value)" : NumberText.grouped(value)))
        }
      }
    }
    return ticks
  }

  /// The next of 1, 2, 5, 10, …
  static func roundStep(_ least: Double) -> Double {
    let power = pow(10, log10(max(least, 1e-9)).rounded(.down))
    return ([1, 2, 5].first { $0 * power >= least } ?? 10) * power
  }

  private func place(x: Double) -> Double {
    let share = (x - horizontal.lowerBound) / (horizontal.upperBound - horizontal.lowerBound)
    return Chart.left + share * (Chart.width - Chart.left - Chart.right)
  }

  private func place(_ y: Double, _ scale: ClosedRange<Double>) -> Double {
    let share =
      isLogarithmic
      ? log(y / scale.lowerBound) / log(scale.upperBound / scale.lowerBound)
      : (y - scale.lowerBound) / (scale.upperBound - scale.lowerBound)
    return Chart.height - Chart.bottom - share * (Chart.height - Chart.top - Chart.bottom)
  }

  private func text(_ value: Double) -> String { NumberText.decimals(value, 1) }

  private func rule(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    "<line class=\"rule\" x1=\"\(text(x1))\" y1=\"\(text(y1))\" x2=\"\(text(x2))\" "
      + "y2=\"\(text(y2))\"/>"
  }

  private func label(_ x: Double, _ y: Double, _ anchor: String, _ words: String) -> String {
    "<text x=\"\(text(x))\" y=\"\(text(y))\" text-anchor=\"\(anchor)\">"
      + "\(HTMLReport.escaped(words))</text>"
  }
}
