// How a loop's turn is divided while there is more to do than can be done.

import Bytes
import Glibc
import TestSupport
import Testing

@testable import Net

@Suite struct OverloadTests {
  private static let millisecond: UInt64 = 1_000_000
  /// Turns of 10 ms, an eighth of that for refusing.
  private static let limit = 50 * millisecond

  private static func active(readyCount: Int) -> Overload {
    var overload = Overload(limitNanoseconds: limit)
    overload.begin(at: 0)
    overload.beginTurn(at: 0, readyCount: readyCount)
    return overload
  }

  /// Serves for as long as it takes, then refuses.
  private static func use(
    _ overload: inout Overload, serving: UInt64, refusing: UInt64 = 0, at now: UInt64 = 0
  ) {
    var share = TurnShare(start: now, nanoseconds: refusing > 0 ? serving : .max)
    let isUsedUpAtOnce = share.isUsedUp(at: now + serving)
    #expect(isUsedUpAtOnce == (share.nanoseconds == 0), "the smallest share serves one")
    let isUsedUp = share.isUsedUp(at: now + serving)
    #expect(isUsedUp == (refusing > 0))
    overload.endShare(share, at: now + serving + refusing)
  }

  @Test func `what the first leave of a turn goes to those behind them`() {
    var overload = Self.active(readyCount: 4)
    // A fourth of ten milliseconds; it is used up.
    #expect(overload.takeShare(at: 0).nanoseconds == 2_500_000)
    Self.use(&overload, serving: 2_500_000)
    // The second takes nothing of its third.
    #expect(overload.takeShare(at: 0).nanoseconds == 2_500_000)
    #expect(overload.takeShare(at: 0).nanoseconds == 3_750_000)
    Self.use(&overload, serving: 3_750_000)
    #expect(overload.takeShare(at: 0).nanoseconds == 3_750_000)
    #expect(overload.canServe)
    // More than were announced share what is left, and nothing is left behind the turn's end.
    Self.use(&overload, serving: 3 * Self.millisecond)
    #expect(overload.takeShare(at: 0).nanoseconds == 750_000)
    Self.use(&overload, serving: 750_000)
    var nothing = overload.takeShare(at: 7)
    #expect(nothing.nanoseconds == 0)
    #expect(nothing.refusingSince == nil, "who asks for nothing that may be refused is served")
    let isUsedUp = nothing.isUsedUp(at: 8)
    #expect(isUsedUp && nothing.refusingSince == 7)
    #expect(!overload.canServe)
  }

  @Test func `refusing takes nothing from serving, and has an eighth of it in the long run`() {
    var overload = Self.active(readyCount: 1)
    // A burst may take as long as a turn serves.
    #expect(!overload.mustLeave)
    Self.use(&overload, serving: 0, refusing: 9 * Self.millisecond)
    #expect(!overload.mustLeave)
    Self.use(&overload, serving: 0, refusing: 3 * Self.millisecond)
    #expect(overload.mustLeave)
    #expect(overload.takeShare(at: 0).nanoseconds == 10 * Self.millisecond)
    // Two milliseconds too much are made good in as many turns as it takes.
    overload.beginTurn(at: 1, readyCount: 1)
    #expect(overload.mustLeave)
    overload.beginTurn(at: 2, readyCount: 1)
    #expect(!overload.mustLeave)
  }

  @Test func `who has waited in line is served as long as a turn lasts, and the next is shorter`() {
    var overload = Self.active(readyCount: 1)
    Self.use(&overload, serving: 8 * Self.millisecond)
    #expect(overload.wholeShare(at: 0).nanoseconds == 10 * Self.millisecond)
    Self.use(&overload, serving: 6 * Self.millisecond)
    #expect(!overload.canServe)
    overload.beginTurn(at: 1, readyCount: 1)
    #expect(overload.takeShare(at: 1).nanoseconds == 6 * Self.millisecond)
  }

  @Test func `it is over when nobody was refused for an interval`() {
    var overload = Overload(limitNanoseconds: Self.limit)
    #expect(!overload.isActive)
    overload.begin(at: 0)
    overload.beginTurn(at: 90 * Self.millisecond, readyCount: 1)
    #expect(overload.isActive)
    Self.use(&overload, serving: 0, refusing: 1, at: 95 * Self.millisecond - 1)
    overload.beginTurn(at: 190 * Self.millisecond, readyCount: 1)
    #expect(overload.isActive)
    overload.beginTurn(at: 195 * Self.millisecond, readyCount: 1)
    #expect(!overload.isActive)
  }

  /// A request is a byte, and refusing one takes as long as serving one: there is not the time to
  /// refuse all who cannot be served.
  @Test func `where refusing costs too much they wait in line, and each has its turn`() throws {
    var options = EventLoopOptions()
    options.shedNanoseconds = 20_000_000
    try withListener(loops: 1, options: options) { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        for _ in 0..<bytes.count {
          connection.output.append(connection.mustShed ? "r" : "s")
          usleep(1_000)
        }
        return bytes.count
      }
      return handler
    } _: { port, _ in
      let sockets = try (0..<60).map { _ in try BlockingSocket(port: port) }
      let count = 40
      var served = [Int](repeating: 0, count: sockets.count)
      var refused = 0
      for round in 0..<count {
        if round == 0 { for socket in sockets { socket.send("x") } }
        for (index, socket) in sockets.enumerated() {
          let answer = socket.receiveText(1)
          if answer == "s" { served[index] += 1 } else { refused += 1 }
          if round + 1 < count { socket.send("x") }
        }
      }
      let all = served.reduce(0, +)
      #expect(all + refused == sockets.count * count)
      #expect(refused > 0, "overload is noticed")
      #expect(all > 2 * refused, "\(all) served, \(refused) refused")
      #expect(served.allSatisfy { $0 > 0 }, "\(served)")
    }
  }
}
