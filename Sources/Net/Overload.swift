// How a loop divides itself while there is more to do than it can. Serving stops a fifth of the
// accepted wait after a turn's begin; what is left of the turn goes to refusing, which must cost a
// small part of serving. So whoever is refused hears it within two turns, and the time that serving
// gets does not shrink with the number of those who ask in vain.
//
//   normal ──a queue stands (StandingQueue, InputBacklog)──> overload
//   overload ──nobody refused for an interval──> normal

internal import Runtime

/// The division of one loop's turns. Confined to the loop.
struct Overload {
  /// Turns this long leave room for two of them, and for refusing, within the accepted wait.
  private static let turnsPerLimit: UInt64 = 5

  private let turnNanoseconds: UInt64
  private(set) var isActive = false
  private var lastRefusal: UInt64 = 0
  private var servingEnd: UInt64 = 0
  /// Connections that have not had their share of the turn.
  private var readyCount = 0

  /// - Parameter limitNanoseconds: Wait that is taken for no harm.
  init(limitNanoseconds: UInt64) {
    turnNanoseconds = limitNanoseconds / Overload.turnsPerLimit
  }

  /// A queue stands.
  mutating func begin(at now: UInt64) {
    if !isActive {
      isActive = true
      beginTurn(at: now, readyCount: 1)
    }
    lastRefusal = now
  }

  /// The loop came back with so many connections that have something.
  mutating func beginTurn(at now: UInt64, readyCount: Int) {
    if now &- lastRefusal >= StandingQueue.intervalNanoseconds { isActive = false }
    servingEnd = now &+ turnNanoseconds
    self.readyCount = readyCount
  }

  /// Until when the next connection may be served: what the ones before it have left is divided
  /// among it and those behind it.
  mutating func takeShare(at now: UInt64) -> UInt64 {
    let among = UInt64(max(readyCount, 1))
    readyCount -= 1
    return servingEnd > now ? now &+ (servingEnd &- now) / among : now
  }

  mutating func noteRefusal(at now: UInt64) { lastRefusal = now }
}
