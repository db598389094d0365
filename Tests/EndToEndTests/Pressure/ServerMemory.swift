// What a server process holds in memory, as the kernel counts it.

import Foundation
import Glibc

/// Reads a process's resident bytes.
struct ServerMemory {
  let process: Int32

  init(of server: ServerProcess) { process = server.processIdentifier }

  /// Now (VmRSS).
  var residentByteCount: Int { value(of: "VmRSS:") }

  /// The most since the start or since `forgetMost` (VmHWM).
  var mostByteCount: Int { value(of: "VmHWM:") }

  /// From here on `mostByteCount` counts anew.
  func forgetMost() throws {
    try Data("5".utf8).write(to: URL(filePath: "/proc/\(process)/clear_refs"))
  }

  /// Waits until it has held the same for so long; gives up after thirty seconds.
  func settle(for quiet: Duration = .seconds(1)) {
    var last = residentByteCount
    var since = ContinuousClock.now
    let start = since
    while since.duration(to: .now) < quiet, start.duration(to: .now) < .seconds(30) {
      usleep(50_000)
      let now = residentByteCount
      if abs(now - last) > 256 << 10 {
        last = now
        since = .now
      }
    }
  }

  private func value(of name: String) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    let words = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }) ?? []
    return words.count > 1 ? (Int(words[1]) ?? 0) << 10 : 0
  }
}
