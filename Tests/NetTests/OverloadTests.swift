// How a loop's turn is divided while there is more to do than can be done.

import Testing

@testable import Net

@Suite struct OverloadTests {
  private static let millisecond: UInt64 = 1_000_000
  /// Turns of 10 ms.
  private static let limit = 50 * millisecond

  @Test func `what the first leave of a turn goes to those behind them`() {
    var overload = Overload(limitNanoseconds: Self.limit)
    overload.begin(at: 0)
    overload.beginTurn(at: 0, readyCount: 4)
    // A fourth of ten milliseconds; it is used up.
    #expect(overload.takeShare(at: 0) == 2_500_000)
    // The second takes nothing of its third.
    #expect(overload.takeShare(at: 2_500_000) == 5 * Self.millisecond)
    #expect(overload.takeShare(at: 2_500_000) == 2_500_000 + 3_750_000)
    #expect(overload.takeShare(at: 6_250_000) == 10 * Self.millisecond)
    // More than were announced share what is left, and nothing is left behind the turn's end.
    #expect(overload.takeShare(at: 9 * Self.millisecond) == 10 * Self.millisecond)
    #expect(overload.takeShare(at: 11 * Self.millisecond) == 11 * Self.millisecond)
  }

  @Test func `it is over when nobody was refused for an interval`() {
    var overload = Overload(limitNanoseconds: Self.limit)
    #expect(!overload.isActive)
    overload.begin(at: 0)
    overload.beginTurn(at: 90 * Self.millisecond, readyCount: 1)
    #expect(overload.isActive)
    overload.noteRefusal(at: 95 * Self.millisecond)
    overload.beginTurn(at: 190 * Self.millisecond, readyCount: 1)
    #expect(overload.isActive)
    overload.beginTurn(at: 195 * Self.millisecond, readyCount: 1)
    #expect(!overload.isActive)
  }
}
