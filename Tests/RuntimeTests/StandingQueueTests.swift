// When a queue's new arrivals are refused: after a wait that lasts, and no longer than it lasts.

import Testing

@testable import Runtime

@Suite struct StandingQueueTests {
  private static let millisecond: UInt64 = 1_000_000

  /// What the queue says at each millisecond of these waits.
  private func verdicts(_ waits: [UInt64], limit: UInt64 = 50) -> [Bool] {
    var queue = StandingQueue(limitNanoseconds: limit * Self.millisecond)
    return waits.enumerated().map { index, wait in
      queue.mustShed(waited: wait * Self.millisecond, now: UInt64(index) * Self.millisecond)
    }
  }

  @Test func `a burst is served, a standing queue is not, and a short wait ends it`() {
    let standing = verdicts([UInt64](repeating: 60, count: 150))
    #expect(standing.firstIndex(of: true) == 100)
    #expect(standing[100...].allSatisfy { $0 })
    // Below the limit once in a while: a burst after another.
    let bursts = verdicts((0..<1_000).map { $0 % 90 == 0 ? 10 : 300 })
    #expect(!bursts.contains(true))
    let over = verdicts([UInt64](repeating: 60, count: 120) + [49] + [60, 60])
    #expect(over[119] && !over[120] && !over[121] && !over[122])
  }

  @Test func `without a limit nothing is refused`() {
    #expect(!verdicts([UInt64](repeating: 10_000, count: 500), limit: 0).contains(true))
  }
}
