// How far a load is: a bar on standard error when that is a terminal, redrawn ten times a second.
//
//   [██████████░░░░░░░░░░]  52%  1,234,567 rows  310.2 MiB  152,300 rows/s  ETA 0:07

import Glibc
import Runtime

/// Draws the bar and sums up.
struct LoadProgress {
  private let total: UInt64?
  private let isShown: Bool
  private let time = SystemTime()
  private let start: UInt64
  private var lastDrawn: UInt64 = 0
  /// Smoothed rate in rows a second.
  private var rate = 0.0
  private var lastRows = 0

  init(total: UInt64?) {
    self.total = total
    isShown = StandardError.isTerminal
    start = time.monotonicNanoseconds
    lastDrawn = start
  }

  var seconds: Double { Double(time.monotonicNanoseconds - start) / 1e9 }

  /// Draws what is committed, when it is time to.
  mutating func update(rows: Int, bytes: UInt64) {
    let now = time.monotonicNanoseconds
    let elapsed = Double(now - lastDrawn) / 1e9
    guard isShown, elapsed >= 0.1 else { return }
    let current = Double(rows - lastRows) / elapsed
    rate = rate == 0 ? current : rate * 0.8 + current * 0.2
    lastDrawn = now
    lastRows = rows
    draw(rows: rows, bytes: bytes)
  }

  private func draw(rows: Int, bytes: UInt64) {
    var text = ""
    if let total {
      let share = min(Double(bytes) / Double(total), 1)
      let filled = Int(share * 20)
      text += "[" + String(repeating: "█", count: filled)
      text += String(repeating: "░", count: 20 - filled) + "] "
      let percent = String(Int(share * 100))
      text += String(repeating: " ", count: 3 - percent.utf8.count) + percent + "%  "
    }
    text += "\(DisplayText.grouped(rows)) rows  \(DisplayText.bytes(bytes))  "
    text += "\(DisplayText.grouped(Int(rate))) rows/s"
    if let total, bytes > 0 {
      text +=
        "  ETA " + LoadProgress.clock(seconds * Double(total - min(bytes, total)) / Double(bytes))
    }
    let width = Terminal.width(of: STDERR_FILENO) ?? 80
    StandardError.write("\r" + DisplayText.fitted(text, max(width - 1, 10)))
  }

  /// Takes the bar away.
  func clear() {
    guard isShown else { return }
    let width = Terminal.width(of: STDERR_FILENO) ?? 80
    StandardError.write("\r" + String(repeating: " ", count: max(width - 1, 10)) + "\r")
  }

  /// Seconds as 1:05 or 2:01:05.
  static func clock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 360_000 else { return "–" }
    let whole = Int(seconds.rounded(.up))
    let tail = whole % 60 < 10 ? "0\(whole % 60)" : "\(whole % 60)"
    guard whole >= 3_600 else { return "\(whole / 60):\(tail)" }
    let minutes = whole / 60 % 60
    return "\(whole / 3_600):" + (minutes < 10 ? "0" : "") + "\(minutes):\(tail)"
  }
}
