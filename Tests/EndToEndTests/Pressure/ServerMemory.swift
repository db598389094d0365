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

  /// Heaps of malloc beside the main one, as the kernel lists them: each lies at a multiple of 64
  /// MiB and reserves as much, of which the front is in use.
  var furtherHeapCount: Int {
    let heapByteCount: UInt = 64 << 20
    let text = (try? String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8)) ?? ""
    var usedStart: UInt = 0
    var count = 0
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      // A mapping of nothing has no name.
      guard words.count == 5 else { continue }
      let bounds = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard bounds.count == 2 else { continue }
      if words[1] == "rw-p" {
        usedStart = bounds[0]
      } else if words[1] == "---p", usedStart.isMultiple(of: heapByteCount),
        bounds[1] &- usedStart == heapByteCount
      {
        count += 1
      }
    }
    return count
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
