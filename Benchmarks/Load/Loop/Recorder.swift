// Latencies of one thread: an HdrHistogram a kind of request, and what each second was like.

import Histogram

typealias Latencies = Histogram<UInt32>

extension Latencies {
  /// Nanoseconds, up to a hundred seconds, three digits.
  static var empty: Latencies {
    Latencies(
      lowestDiscernibleValue: 1, highestTrackableValue: 100_000_000_000,
      numberOfSignificantValueDigits: .three)
  }

  static let longest: UInt64 = 100_000_000_000
}

/// One second of a run.
struct SecondRecord: Codable, Equatable, Sendable {
  var operations: UInt64
  var p99Nanoseconds: UInt64
  var maxNanoseconds: UInt64
}

/// How many operations went which way.
struct OutcomeCounts: Codable, Equatable, Sendable {
  var done: UInt64 = 0
  /// Refused for now.
  var retryLater: UInt64 = 0
  var failed: UInt64 = 0
  /// Rows that are not there.
  var absent: UInt64 = 0
  /// Answers that cannot be right.
  var wrong: UInt64 = 0

  var errors: UInt64 { failed + absent + wrong }

  static func + (left: OutcomeCounts, right: OutcomeCounts) -> OutcomeCounts {
    OutcomeCounts(
      done: left.done + right.done, retryLater: left.retryLater + right.retryLater,
      failed: left.failed + right.failed, absent: left.absent + right.absent,
      wrong: left.wrong + right.wrong)
  }
}

/// Records one thread's operations. Histograms hold this second only; they are added to the whole
/// when it is over.
struct Recorder {
  private(set) var totals: [Latencies]
  private(set) var seconds: [Latencies] = []
  private(set) var counts = OutcomeCounts()
  /// How long it took to be refused for now.
  private(set) var refusals = Latencies.empty
  /// The longest of them before measuring began.
  private(set) var longestEarlyRefusal: UInt64 = 0
  private var current: [Latencies]
  private var secondEnd: UInt64 = 0
  private let keepsSeconds: Bool

  init(kinds: Int, keepsSeconds: Bool) {
    totals = Array(repeating: .empty, count: kinds)
    current = totals
    self.keepsSeconds = keepsSeconds
  }

  mutating func begin(at now: UInt64) {
    secondEnd = now + 1_000_000_000
    counts = OutcomeCounts()
  }

  @inline(__always)
  mutating func record(_ kind: Int, _ nanoseconds: UInt64, _ count: Int = 1) {
    counts.done &+= UInt64(count)
    _ = current[kind].record(min(nanoseconds, Latencies.longest), count: UInt32(count))
  }

  @inline(__always)
  mutating func record(refusalAfter nanoseconds: UInt64, isMeasured: Bool) {
    if isMeasured {
      counts.retryLater &+= 1
      _ = refusals.record(min(nanoseconds, Latencies.longest), count: 1)
    } else {
      longestEarlyRefusal = max(longestEarlyRefusal, nanoseconds)
    }
  }

  @inline(__always)
  mutating func record(_ verdict: Verdict) {
    switch verdict {
    case .failed: counts.failed += 1
    case .absent: counts.absent += 1
    case .wrong: counts.wrong += 1
    case .more, .again, .done, .retryLater: break
    }
  }

  /// Ends the seconds that are over.
  @inline(__always)
  mutating func tick(_ now: UInt64) {
    if now >= secondEnd { endSeconds(now) }
  }

  private mutating func endSeconds(_ now: UInt64) {
    while now >= secondEnd {
      fold()
      secondEnd += 1_000_000_000
    }
  }

  /// Adds what is recorded to the whole.
  mutating func finish() { fold() }

  private mutating func fold() {
    var second = current[0]
    for kind in current.indices {
      if kind > 0 { second.add(current[kind]) }
      totals[kind].add(current[kind])
      current[kind].reset()
    }
    if keepsSeconds { seconds.append(second) }
  }
}
