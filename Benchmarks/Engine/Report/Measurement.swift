// What one workload on one engine gave: a line of JSON.

import Histogram

typealias Latencies = Histogram<UInt32>

extension Latencies {
  static let longest: UInt64 = 100_000_000_000

  /// Nanoseconds, up to a hundred seconds, three digits.
  static var empty: Latencies {
    Latencies(
      lowestDiscernibleValue: 1, highestTrackableValue: longest,
      numberOfSignificantValueDigits: .three)
  }

  /// Microseconds below which this percentage stayed.
  func microseconds(_ percentile: Double) -> Double {
    totalCount == 0 ? 0 : Double(valueAtPercentile(percentile)) / 1_000
  }
}

/// One workload on one engine. What does not apply is left out.
struct Measurement: Codable, Equatable, Sendable {
  var engine: String
  var workload: String
  var threads = 1
  var operations: UInt64 = 0
  var seconds = 0.0
  var operationsPerSecond: Double?
  var p50Microseconds: Double?
  var p99Microseconds: Double?
  var p999Microseconds: Double?
  var maxMicroseconds: Double?
  /// All threads of the process, background included.
  var cpuMicrosecondsPerOperation: Double?
  /// Bytes written to the device, logs included, for each byte of keys and values.
  var writeAmplification: Double?
  /// Until flushes and compactions were done.
  var settleSeconds: Double?
  var diskBytes: Int?
  /// Of the process so far.
  var peakBytes: Int?

  init(engine: String, workload: String) {
    self.engine = engine
    self.workload = workload
  }

  mutating func set(_ latencies: Latencies) {
    p50Microseconds = latencies.microseconds(50)
    p99Microseconds = latencies.microseconds(99)
    p999Microseconds = latencies.microseconds(99.9)
    maxMicroseconds = latencies.microseconds(100)
  }
}
