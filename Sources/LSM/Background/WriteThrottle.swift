// How fast commits may come so that flushes and compactions keep up: smoothly slower as they fall
// behind, instead of at full speed and then not at all.
//
//   pressure := the worst of
//     sealed memtables   0 at 0.55 of their limit, 1 at twice the limit, in bytes
//     level 0 files      0 at 2 × the trigger, 1 at 5 × the trigger
//     compaction debt    0 at 1 GB or half of the store, 1 at four times that
//     memtable memory    0 at the share of the budget, 1 at twice the share
//   rate     := fastest × (1 − pressure)², never below slowest
//
// Commits are held back so that their bytes stay below the rate, by at most 25 ms at a time.

internal import Synchronization

/// Turns the state of the background into delays. Pressure may be told from any thread; delays are
/// asked for by whoever has the right to commit.
final class WriteThrottle: @unchecked Sendable {
  // `nextAllowed` belongs to whoever has the right to commit.
  private static let longestDelay: UInt64 = 25_000_000
  private static let fastest = 400e6
  private static let slowest = 4e6

  /// What the background is behind with.
  struct Backlog {
    var sealedByteCount = 0
    var sealedByteLimit = 64 << 20
    var levelZeroCount = 0
    var levelZeroTrigger = 8
    var debtByteCount: UInt64 = 0
    var storeByteCount: UInt64 = 0
  }

  /// Bytes a second; 0 for no limit.
  private let rate = Atomic<UInt64>(0)
  private let isStopped = Atomic<Bool>(false)
  private let memory: MemoryBudget
  private var nextAllowed: UInt64 = 0

  init(memory: MemoryBudget) { self.memory = memory }

  /// - Returns: The rate, in bytes a second, when it is limited now and was not before.
  func update(_ backlog: Backlog) -> UInt64? {
    isStopped.store(backlog.sealedByteCount >= 2 * backlog.sealedByteLimit, ordering: .relaxed)
    let new = WriteThrottle.rate(WriteThrottle.pressure(backlog))
    let old = rate.exchange(new, ordering: .relaxed)
    return old == 0 && new > 0 ? new : nil
  }

  static func pressure(_ backlog: Backlog) -> Double {
    let limit = Double(max(1, backlog.sealedByteLimit))
    let sealed = (Double(backlog.sealedByteCount) - 0.55 * limit) / (1.45 * limit)
    let trigger = Double(backlog.levelZeroTrigger)
    let levelZero = (Double(backlog.levelZeroCount) - 2 * trigger) / (3 * trigger)
    let free = max(1e9, Double(backlog.storeByteCount) / 2)
    let debt = (Double(backlog.debtByteCount) - free) / (3 * free)
    return min(1, max(0, sealed, levelZero, debt))
  }

  static func rate(_ pressure: Double) -> UInt64 {
    guard pressure > 0 else { return 0 }
    let open = 1 - min(1, pressure)
    return UInt64(max(slowest, fastest * open * open))
  }

  /// The rate with the memory of all engines taken into account.
  private var currentRate: UInt64 {
    let own = rate.load(ordering: .relaxed)
    let share = Double(max(1, memory.memtableByteCount))
    let excess = Double(memory.memtableBytesInUse) / share - 1
    guard excess > 0 else { return own }
    let shared = WriteThrottle.rate(excess)
    return own == 0 ? shared : min(own, shared)
  }

  /// Nanoseconds to wait before the next group; at most 25 ms.
  func delay(at clock: @autoclosure () -> UInt64) -> UInt64 {
    if isStopped.load(ordering: .relaxed) { return WriteThrottle.longestDelay / 5 }
    if nextAllowed == 0 { return 0 }
    let now = clock()
    guard nextAllowed > now else { return 0 }
    return min(nextAllowed - now, WriteThrottle.longestDelay)
  }

  /// True while commits must wait for a flush whatever the delay.
  var mustStop: Bool { isStopped.load(ordering: .relaxed) }

  /// Small groups at a low rate, so that each is held back only shortly.
  var groupByteLimit: Int {
    let rate = currentRate
    return rate == 0 ? .max : max(16 << 10, Int(Double(rate) * 0.02))
  }

  func committed(_ byteCount: Int, at clock: @autoclosure () -> UInt64) {
    let rate = currentRate
    guard rate > 0 else {
      nextAllowed = 0
      return
    }
    let now = clock()
    let cost = UInt64(Double(byteCount) / Double(rate) * 1e9)
    nextAllowed = min(max(nextAllowed, now) + cost, now + WriteThrottle.longestDelay)
  }
}
