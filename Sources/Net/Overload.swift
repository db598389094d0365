// How a loop divides its turns while there is more to do than it can. A turn serves for a fifth of
// the accepted wait, and in the long run refusing has an eighth of what serving has: what is done
// does not shrink with the number of those who ask in vain. Whoever is refused hears it within two
// turns. Where refusing would cost more than that, as with a thousand sockets of a few requests
// each, connections wait in line: they are not read, their peers feel it, and when it is their turn
// they are served.
//
//   normal ──a queue stands (StandingQueue, InputBacklog)──> overload
//   overload ──nobody refused for an interval──> normal
//
//   turn := the line, as far as serving goes │ each other connection: its share, then refusals, or,
//           where those are used up, into the line │ the line again

internal import Runtime

/// The division of one loop's turns. Confined to the loop.
struct Overload {
  /// Two turns, with their refusals and what else a loop does, are within the accepted wait.
  private static let turnsPerLimit: UInt64 = 5
  /// A turn that serves nobody gets nowhere.
  private static let leastServingNanoseconds: UInt64 = 100_000
  /// Serving has at least eight ninths of what is spent on requests.
  private static let servingPerRefusing: UInt64 = 8

  private let servingNanoseconds: UInt64
  private(set) var isActive = false
  private var lastRefusal: UInt64 = 0
  /// Spent on serving in the present turn, and what earlier ones have spent too much.
  private var served: UInt64 = 0
  /// What may be spent on refusing; below zero after a refusal that took longer.
  private var credit: Int64 = 0
  /// Connections that have not had their share of the turn.
  private var readyCount = 0

  /// - Parameter limitNanoseconds: Wait that is taken for no harm.
  init(limitNanoseconds: UInt64) {
    servingNanoseconds = max(
      limitNanoseconds / Overload.turnsPerLimit, Overload.leastServingNanoseconds)
  }

  /// A burst of refusals may take as long as serving; two such turns keep the accepted wait.
  private var creditLimit: Int64 { Int64(clamping: servingNanoseconds) }

  /// A queue stands.
  mutating func begin(at now: UInt64) {
    if !isActive {
      isActive = true
      credit = creditLimit
      beginTurn(at: now, readyCount: 1)
    }
    lastRefusal = now
  }

  /// The loop came back with so many connections that have something and are not in line.
  mutating func beginTurn(at now: UInt64, readyCount: Int) {
    if now &- lastRefusal >= StandingQueue.intervalNanoseconds { isActive = false }
    served = min(served > servingNanoseconds ? served &- servingNanoseconds : 0, servingNanoseconds)
    credit = min(creditLimit, credit + creditLimit / Int64(Overload.servingPerRefusing))
    self.readyCount = readyCount
  }

  /// There is time left for serving.
  var canServe: Bool { served < servingNanoseconds }

  /// There is none for refusing: whoever may be refused is to wait in line instead.
  var mustLeave: Bool { credit <= 0 }

  /// The next connection's part of the turn: what the ones before it have left is divided among it
  /// and those behind it.
  mutating func takeShare(at now: UInt64) -> TurnShare {
    let among = UInt64(max(readyCount, 1))
    readyCount -= 1
    return TurnShare(start: now, nanoseconds: rest / among)
  }

  /// The part of a connection that has waited in line: as much as a turn has, which later turns
  /// make good.
  func wholeShare(at now: UInt64) -> TurnShare {
    TurnShare(start: now, nanoseconds: servingNanoseconds)
  }

  private var rest: UInt64 { served < servingNanoseconds ? servingNanoseconds &- served : 0 }

  /// The connection of a share has had what it had.
  mutating func endShare(_ share: TurnShare, at now: UInt64) {
    let since = share.refusingSince ?? now
    served &+= since &- share.start
    guard share.refusingSince != nil else { return }
    lastRefusal = now
    credit = max(credit - Int64(clamping: now &- since), -creditLimit)
  }
}

/// One connection's part of a turn.
struct TurnShare {
  let start: UInt64
  /// For serving.
  let nanoseconds: UInt64
  /// From when on requests are refused.
  private(set) var refusingSince: UInt64?
  private var hasServed = false

  init(start: UInt64, nanoseconds: UInt64) {
    self.start = start
    self.nanoseconds = nanoseconds
  }

  /// Whether it is used up; then it stays so. Asked for each request: the smallest share serves one
  /// (many small ones would serve nobody). Without any, even the reading was for refusing.
  mutating func isUsedUp(at now: UInt64) -> Bool {
    if !hasServed, nanoseconds > 0 {
      hasServed = true
      return false
    }
    if refusingSince == nil, now &- start >= nanoseconds {
      refusingSince = nanoseconds == 0 ? start : now
    }
    return refusingSince != nil
  }
}

/// Connections that wait to be served, the longest first. Confined to the loop.
struct WaitingLine {
  private var connections: [Connection] = []
  private var servedCount = 0

  var count: Int { connections.count - servedCount }

  mutating func append(_ connection: Connection) { connections.append(connection) }

  mutating func takeFirst() -> Connection? {
    guard servedCount < connections.count else { return nil }
    let first = connections[servedCount]
    servedCount += 1
    // Moving the smaller half costs less than it has cost to take the larger.
    if servedCount > connections.count / 2 {
      connections.removeFirst(servedCount)
      servedCount = 0
    }
    return first
  }
}
