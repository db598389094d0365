// Processors: pinning, sleeping, and what processes spent.

import CLinux
import Glibc

enum Processor {
  /// Pins the calling thread to a processor; nil leaves it free.
  static func pin(to processor: Int?) {
    guard let processor else { return }
    _ = strata_pin_thread(Int32(clamping: processor))
  }

  /// Sleeps, but no longer than until `isOver`.
  static func sleep(_ seconds: Double, unless isOver: () -> Bool) {
    var left = seconds
    while left > 0, !isOver() {
      let part = min(left, 0.25)
      usleep(UInt32(part * 1e6))
      left -= part
    }
  }
}

extension Processor {
  /// Bytes that processes hold in memory (VmRSS); 0 where none is named.
  static func residentByteCount(of processes: [Int32]) -> UInt64 {
    processes.reduce(0) { sum, process in
      guard let file = fopen("/proc/\(process)/statm", "r") else { return sum }
      defer { fclose(file) }
      var bytes = [CChar](repeating: 0, count: 256)
      guard fgets(&bytes, 256, file) != nil else { return sum }
      let text = bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let pages = text.split(separator: 32).dropFirst().first.flatMap {
        UInt64(String(decoding: $0, as: UTF8.self))
      }
      return sum + (pages ?? 0) * UInt64(getpagesize())
    }
  }
}

/// Processor time that processes have spent so far.
struct ProcessorTime {
  private var ticks: Double?

  init(of processes: [Int32]) {
    guard !processes.isEmpty else { return }
    ticks = processes.reduce(0) { $0 + ProcessorTime.ticks(of: $1) }
  }

  /// utime and stime of /proc/PID/stat, in clock ticks.
  private static func ticks(of process: Int32) -> Double {
    guard let file = fopen("/proc/\(process)/stat", "r") else { return 0 }
    defer { fclose(file) }
    var bytes = [CChar](repeating: 0, count: 4_096)
    guard fgets(&bytes, 4_096, file) != nil else { return 0 }
    // The name may hold spaces; fields count from the parenthesis behind it.
    let text = bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    guard let close = text.lastIndex(of: UInt8(ascii: ")")) else { return 0 }
    let fields = text[(close + 1)...].split(separator: 32).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      return 0
    }
    return user + system
  }

  /// Nil where no process was named.
  func seconds(since earlier: ProcessorTime) -> Double? {
    guard let ticks, let before = earlier.ticks else { return nil }
    return (ticks - before) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}
