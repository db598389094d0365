// How a loop divides its turns while there is more to do than it can. A turn serves for a twentieth
// of the accepted wait, and in the long run refusing has an eighth of what serving has: what is
// done does not shrink with the number of those who ask in vain.
//
// A refusal costs a read and a write, whether one request is refused by it or a hundred. So whoever
// is not served is left unread for a while, and then all it has sent is refused at once. Where even
// that would cost more than refusing has, connections wait in line: they are not read, their peers
// feel it, and when it is their turn they are served.
//
//   normal ──a queue stands (StandingQueue, InputBacklog)──> overload
//   overload ──nobody refused or in line for an interval──> normal
//
//   turn := the line, as far as serving goes │ the others, oldest input first, until there is
//           nothing left to do it with: a share of serving, or a refusal unless its input is young,
//           or, where it is old and nothing is left or would help, into the line │ the line again

internal import Runtime

/// The division of one loop's turns. Confined to the loop.
struct Overload {
  /// A connection whose reads wait for its writes needs some turns: they are within the accepted
  /// wait.
  private static let turnsPerLimit: UInt64 = 20
  /// A turn that serves nobody gets nowhere.
  private static let leastServingNanoseconds: UInt64 = 100_000
  /// Many small shares would serve everybody a little, and nobody's requests to the end.
  private static let sharesPerTurn: UInt64 = 4
  /// Serving has at least eight ninths of what is spent on requests.
  private static let servingPerRefusing: UInt64 = 8

  private let servingNanoseconds: UInt64
  private let leastShareNanoseconds: UInt64
  /// Input that has waited less is not refused yet: more comes, and goes with the same write.
  private let youngNanoseconds: UInt64
  /// Input that has waited longer is rather served late than refused late.
  private let oldNanoseconds: UInt64
  private(set) var isActive = false
  /// When somebody was refused or in line last.
  private var lastExcess: UInt64 = 0
  /// Spent on serving in the present turn, and what earlier ones have spent too much.
  private var served: UInt64 = 0
  /// The first part of that, and whether it was used up in the turn before.
  private var servedInTurn: UInt64 = 0
  private var wasUsedUp = true
  /// What may be spent on refusing; below zero after a refusal that took longer.
  private var credit: Int64 = 0
  /// Spent on refusing in the present turn, and what there was for it.
  private var refused: UInt64 = 0
  private var creditAtStart: UInt64 = 0
  /// Connections that have not had their share of the turn.
  private var readyCount = 0

  /// What becomes of a connection that has something to be read.
  enum Decision: Equatable {
    /// Read, with a share of so many nanoseconds for serving.
    case reads(UInt64)
    /// Nobody can be read any more in this turn.
    case leaves
    /// Waits in line.
    case queues
  }

  /// - Parameter limitNanoseconds: Wait that is taken for no harm.
  init(limitNanoseconds: UInt64) {
    servingNanoseconds = max(
      limitNanoseconds / Overload.turnsPerLimit, Overload.leastServingNanoseconds)
    leastShareNanoseconds = servingNanoseconds / Overload.sharesPerTurn
    youngNanoseconds = limitNanoseconds / 10 * 3
    oldNanoseconds = limitNanoseconds / 10 * 6
  }

  /// A burst of refusals may take as long as serving.
  private var creditLimit: Int64 { Int64(clamping: servingNanoseconds) }

  /// A queue stands.
  mutating func begin(at now: UInt64) {
    if !isActive {
      isActive = true
      credit = creditLimit
      beginTurn(at: now, readyCount: 1)
    }
    lastExcess = now
  }

  /// The loop came back with so many connections that have something and are not in line.
  mutating func beginTurn(at now: UInt64, readyCount: Int, inLine lineCount: Int = 0) {
    if lineCount > 0 { lastExcess = now }
    if now &- lastExcess >= StandingQueue.intervalNanoseconds { isActive = false }
    wasUsedUp = !canServe
    served = min(served > servingNanoseconds ? served &- servingNanoseconds : 0, servingNanoseconds)
    let earned = max(servedInTurn, servingNanoseconds) / Overload.servingPerRefusing
    credit = min(creditLimit, credit + Int64(clamping: earned))
    servedInTurn = 0
    refused = 0
    creditAtStart = UInt64(clamping: credit)
    self.readyCount = readyCount
  }

  /// There is time left for serving.
  var canServe: Bool { served < servingNanoseconds }

  /// What becomes of the next connection.
  ///
  /// - Parameters:
  ///   - age: Nanoseconds for which it has had something to be read.
  ///   - mayQueue: It asks for a little: many refusals together cost little, and later they would
  ///     be late.
  ///   - isBehindItself: Some of that time it would not be read, for what it had sent before: its
  ///     refusals would have to wait for that as well.
  mutating func decide(age: UInt64, mayQueue: Bool, isBehindItself: Bool = false) -> Decision {
    let isOld = age >= oldNanoseconds
    let isLate = isOld && isBehindItself && mayQueue
    let mayRefuse = credit > 0 && age >= youngNanoseconds && !isLate
    // Both go on side by side, so that nobody's place decides.
    if canServe, !mayRefuse || !wasUsedUp || isServingBehind { return .reads(takeShare()) }
    if mayRefuse { return .reads(0) }
    guard isOld else { return .leaves }
    return mayQueue ? .queues : .reads(0)
  }

  /// Less of serving than of refusing has been used up.
  private var isServingBehind: Bool {
    Double(served) * Double(creditAtStart) <= Double(refused) * Double(servingNanoseconds)
  }

  /// Nanoseconds of the next connection's part of the turn: what the ones before it have left is
  /// divided among it and those behind it, in parts that are not too small.
  mutating func takeShare() -> UInt64 {
    let rest = served < servingNanoseconds ? servingNanoseconds &- served : 0
    let among = UInt64(max(readyCount, 1))
    readyCount -= 1
    return min(max(rest / among, leastShareNanoseconds), rest)
  }

  /// The share of a connection that has waited in line: as much as a turn has, which later turns
  /// make good.
  var wholeShare: UInt64 { servingNanoseconds }

  /// The connection of a share has had what it had.
  mutating func endShare(_ share: TurnShare, at now: UInt64) {
    let since = share.refusingSince ?? now
    served &+= since &- share.start
    servedInTurn &+= since &- share.start
    guard share.refusingSince != nil else { return }
    lastExcess = now
    refused &+= now &- since
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
  private var hasServed: Bool

  /// - Parameter hasServed: Something is served with it that was decided before.
  init(start: UInt64, nanoseconds: UInt64, hasServed: Bool = false) {
    self.start = start
    self.nanoseconds = nanoseconds
    self.hasServed = hasServed
  }

  /// Whether it is used up; then it stays so. The smallest share serves once (many small ones would
  /// serve nobody). Without any, even the reading was for refusing.
  mutating func isUsedUp(at now: UInt64) -> Bool {
    if !hasServed, nanoseconds > 0 {
      hasServed = true
      return false
    }
    if refusingSince == nil, now &- start >= nanoseconds {
      refusingSince = hasServed ? now : start
    }
    return refusingSince != nil
  }
}

/// Which share a connection has.
enum ShareKind {
  /// What `Overload.decide` has said.
  case decided(UInt64)
  /// The next one.
  case next
  /// Of who has waited in line.
  case whole
  /// For what was admitted before.
  case continued
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
