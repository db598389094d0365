// Time, latencies and the line that is printed about them.

import Glibc
import Runtime

/// xorshift64 (Marsaglia 2003): fast enough not to be what is measured.
struct Xorshift {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

/// Latencies of one workload on one thread; handed to the main thread when it is done.
final class Meter: @unchecked Sendable {
  private let time: SystemTime
  private let started: UInt64
  private let startedThread = Meter.threadNanoseconds
  private var samples: [UInt32] = []

  init(_ time: SystemTime) {
    self.time = time
    started = time.monotonicNanoseconds
  }

  /// Processor time of the calling thread: what an operation costs on a busy machine too.
  var threadElapsed: UInt64 { Meter.threadNanoseconds - startedThread }

  private static var threadNanoseconds: UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }

  var elapsed: UInt64 { time.monotonicNanoseconds - started }
  func add(_ nanoseconds: UInt64) { samples.append(UInt32(clamping: nanoseconds)) }
  func add(_ other: Meter) { samples += other.samples }

  /// Nanoseconds below which this share of the operations stayed.
  func percentiles(_ shares: [Double]) -> [UInt32] {
    let sorted = samples.sorted()
    guard let last = sorted.indices.last else { return shares.map { _ in 0 } }
    return shares.map { sorted[min(last, Int(Double(sorted.count) * $0))] }
  }
}

/// One line of JSON.
struct Report {
  private var fields: [String]

  init(_ workload: String, count: Int, _ meter: Meter) {
    let elapsed = meter.elapsed
    let perSecond = Double(count) / (Double(elapsed) / 1e9)
    fields = [
      "\"workload\": \"\(workload)\"", "\"n\": \(count)",
      "\"opsPerSecond\": \(Int(perSecond))",
      "\"nanosecondsPerOp\": \(Int(Double(elapsed) / Double(count)))",
      "\"cpuNanosecondsPerOp\": \(Int(Double(meter.threadElapsed) / Double(count)))",
    ]
  }

  mutating func add(_ name: String, _ value: Int) { fields.append("\"\(name)\": \(value)") }
  mutating func add(_ name: String, _ value: String) { fields.append("\"\(name)\": \"\(value)\"") }
  mutating func add(_ name: String, _ value: Double) {
    fields.append("\"\(name)\": \((value * 100).rounded() / 100)")
  }

  mutating func add(_ meter: Meter) {
    let values = meter.percentiles([0.5, 0.99, 0.999, 1])
    for (name, value) in zip(["p50us", "p99us", "p999us", "longestUs"], values) {
      add(name, Double(value) / 1_000)
    }
  }

  func emit() {
    print("{\(fields.joined(separator: ", "))}")
    fflush(nil)
  }
}
