// How a loop's turn is divided while there is more to do than can be done.

import Bytes
import Glibc
import TestSupport
import Testing

@testable import Net

@Suite struct OverloadTests {
  private static let millisecond: UInt64 = 1_000_000
  /// Turns of 10 ms, an eighth of that for refusing; young for 60 ms, old from 120 ms on.
  private static let limit = 200 * millisecond

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
    #expect(overload.takeShare() == 2_500_000)
    Self.use(&overload, serving: 2_500_000)
    // The second takes nothing of its third.
    #expect(overload.takeShare() == 2_500_000)
    #expect(overload.takeShare() == 3_750_000)
    Self.use(&overload, serving: 3_750_000)
    #expect(overload.takeShare() == 3_750_000)
    #expect(overload.canServe)
    // More than were announced share what is left, and nothing is left behind the turn's end.
    Self.use(&overload, serving: 3 * Self.millisecond)
    #expect(overload.takeShare() == 750_000)
    Self.use(&overload, serving: 750_000)
    #expect(overload.takeShare() == 0)
    #expect(!overload.canServe)
  }

  @Test func `of many the first have a share that serves more than one request`() {
    var overload = Self.active(readyCount: 1_000)
    #expect(overload.takeShare() == 2_500_000)
    Self.use(&overload, serving: 9_500_000)
    #expect(overload.takeShare() == 500_000)
  }

  @Test func `without a share even the reading was for refusing, unless something is served`() {
    var nothing = TurnShare(start: 5, nanoseconds: 0)
    #expect(nothing.refusingSince == nil, "who asks for nothing that may be refused is served")
    let isUsedUp = nothing.isUsedUp(at: 8)
    #expect(isUsedUp && nothing.refusingSince == 5)
    var rest = TurnShare(start: 5, nanoseconds: 0, hasServed: true)
    let isRestUsedUp = rest.isUsedUp(at: 8)
    #expect(isRestUsedUp && rest.refusingSince == 8)
  }

  @Test func `refusing takes nothing from serving, and has an eighth of it in the long run`() {
    var overload = Self.active(readyCount: 1)
    let age = 100 * Self.millisecond
    // A burst may take as long as a turn serves.
    Self.use(&overload, serving: 10 * Self.millisecond, refusing: 9 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .reads(0))
    Self.use(&overload, serving: 0, refusing: 4 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .leaves)
    // Three milliseconds too much are made good in as many turns as it takes.
    overload.beginTurn(at: 1, readyCount: 1)
    #expect(overload.takeShare() == 10 * Self.millisecond)
    Self.use(&overload, serving: 10 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .leaves)
    overload.beginTurn(at: 2, readyCount: 1)
    Self.use(&overload, serving: 10 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .leaves)
    overload.beginTurn(at: 3, readyCount: 1)
    Self.use(&overload, serving: 10 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .reads(0))
    // Where serving takes longer than it should, refusing has an eighth of that.
    Self.use(&overload, serving: 30 * Self.millisecond, refusing: 4 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .leaves)
    overload.beginTurn(at: 4, readyCount: 1)
    Self.use(&overload, serving: 10 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .reads(0))
  }

  @Test func `young input is not refused, old input waits in line`() {
    let young = 59 * Self.millisecond
    let middle = 61 * Self.millisecond
    let old = 121 * Self.millisecond
    var overload = Self.active(readyCount: 1)
    for age in [young, middle, old] {
      #expect(overload.decide(age: age, mayQueue: true) != .reads(0), "there is time to serve")
    }
    Self.use(&overload, serving: 10 * Self.millisecond)
    #expect(overload.decide(age: young, mayQueue: true) == .leaves)
    #expect(overload.decide(age: middle, mayQueue: true) == .reads(0))
    #expect(overload.decide(age: old, mayQueue: true) == .reads(0))
    let isQueued = overload.decide(age: old, mayQueue: true, isBehindItself: true) == .queues
    #expect(isQueued, "its refusals would be late in any case")
    #expect(overload.decide(age: middle, mayQueue: true, isBehindItself: true) == .reads(0))
    Self.use(&overload, serving: 0, refusing: 11 * Self.millisecond)
    #expect(overload.decide(age: middle, mayQueue: true) == .leaves)
    #expect(overload.decide(age: old, mayQueue: true) == .queues)
    #expect(overload.decide(age: old, mayQueue: false) == .reads(0), "later would be later still")
  }

  @Test func `serving and refusing go on side by side, unless all can be served`() {
    var overload = Self.active(readyCount: 100)
    let age = 100 * Self.millisecond
    Self.use(&overload, serving: 10 * Self.millisecond)
    overload.beginTurn(at: 1, readyCount: 100)
    #expect(overload.decide(age: age, mayQueue: true) == .reads(2_500_000))
    Self.use(&overload, serving: Self.millisecond)
    // A tenth of serving is used up, nothing of refusing.
    #expect(overload.decide(age: age, mayQueue: true) == .reads(0))
    Self.use(&overload, serving: 0, refusing: 2 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .reads(2_500_000))
    // The turn ends with time left: whoever comes in the next one can be served.
    overload.beginTurn(at: 2, readyCount: 100)
    Self.use(&overload, serving: 5 * Self.millisecond)
    #expect(overload.decide(age: age, mayQueue: true) == .reads(2_500_000))
  }

  @Test func `who has waited in line is served as long as a turn lasts, and the next is shorter`() {
    var overload = Self.active(readyCount: 1)
    Self.use(&overload, serving: 8 * Self.millisecond)
    #expect(overload.wholeShare == 10 * Self.millisecond)
    Self.use(&overload, serving: 6 * Self.millisecond)
    #expect(!overload.canServe)
    overload.beginTurn(at: 1, readyCount: 1)
    #expect(overload.takeShare() == 6 * Self.millisecond)
  }

  @Test func `it is over when nobody was refused or in line for an interval`() {
    var overload = Overload(limitNanoseconds: Self.limit)
    #expect(!overload.isActive)
    overload.begin(at: 0)
    overload.beginTurn(at: 90 * Self.millisecond, readyCount: 1)
    #expect(overload.isActive)
    Self.use(&overload, serving: 0, refusing: 1, at: 95 * Self.millisecond - 1)
    overload.beginTurn(at: 190 * Self.millisecond, readyCount: 1)
    #expect(overload.isActive)
    overload.beginTurn(at: 194 * Self.millisecond, readyCount: 0, inLine: 1)
    overload.beginTurn(at: 195 * Self.millisecond, readyCount: 1)
    #expect(overload.isActive)
    overload.beginTurn(at: 294 * Self.millisecond, readyCount: 1)
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
      var served = [Int](repeating: 0, count: sockets.count)
      var refused = 0
      var count = 0
      for socket in sockets { socket.send("x") }
      // A busy machine may leave this thread behind the server for a while: no queue stands then.
      while count < 40 || refused == 0 && count < 1_000 {
        for (index, socket) in sockets.enumerated() {
          let answer = socket.receiveText(1)
          if answer == "s" { served[index] += 1 } else { refused += 1 }
          socket.send("x")
        }
        count += 1
      }
      let all = served.reduce(0, +)
      #expect(all + refused == sockets.count * count)
      #expect(refused > 0, "overload is noticed")
      #expect(all > 2 * refused, "\(all) served, \(refused) refused")
      #expect(served.allSatisfy { $0 > 0 }, "\(served)")
    }
  }

  @Test func `requests that are decided together are all served or all refused`() throws {
    var options = EventLoopOptions()
    options.shedNanoseconds = 20_000_000
    try withListener(loops: 1, options: options) { connection in
      connection.requestsDecidedTogether = 8
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        for _ in 0..<bytes.count {
          if connection.mustShed {
            connection.output.append("r")
          } else {
            connection.output.append("s")
            usleep(500)
          }
        }
        return bytes.count
      }
      return handler
    } _: { port, _ in
      let sockets = try (0..<40).map { _ in try BlockingSocket(port: port) }
      var answers: [String: Int] = [:]
      for socket in sockets { socket.send("xxxxxxxx") }
      for round in 0..<1_000 where round < 20 || answers.count < 2 {
        for socket in sockets {
          answers[socket.receiveText(8), default: 0] += 1
          socket.send("xxxxxxxx")
        }
      }
      #expect(Set(answers.keys) == ["ssssssss", "rrrrrrrr"])
    }
  }

  @Test func `a connection's own backlog is a queue that stands`() {
    var backlog = InputBacklog(limitNanoseconds: Self.limit)
    func stands(_ age: UInt64, at now: UInt64) -> Bool {
      backlog.stands(-1, read: 1, age: age, isFull: false, now: now)
    }
    #expect(!stands(Self.limit, at: 1))
    #expect(!stands(Self.limit, at: 1 + 99 * Self.millisecond))
    #expect(stands(Self.limit, at: 1 + 100 * Self.millisecond))
    #expect(!stands(Self.limit - 1, at: 1 + 101 * Self.millisecond))
    #expect(!stands(Self.limit, at: 1 + 300 * Self.millisecond))
  }
}
