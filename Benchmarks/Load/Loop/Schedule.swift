// When requests are to be sent. In an open loop the moments are fixed in advance and latency counts
// from them, sent or not: what waits because the server is slow has waited all the same.

/// The moments of one thread's requests at a fixed rate.
struct OpenLoopSchedule: Sendable {
  private let start: UInt64
  private let interval: Double
  private(set) var issued: UInt64 = 0

  init(start: UInt64, perSecond: Double) {
    self.start = start
    interval = 1e9 / perSecond
  }

  /// When the next request is to be sent.
  var nextDue: UInt64 { start + UInt64(Double(issued) * interval) }

  /// Gives up what was due before `moment`; how many requests that was.
  mutating func skip(before moment: UInt64) -> UInt64 {
    guard moment > nextDue else { return 0 }
    let first = issued
    issued = max(issued, UInt64(Double(moment - start) / interval))
    return issued - first
  }

  /// Takes the next request when its moment has come.
  @inline(__always)
  mutating func take(at now: UInt64) -> UInt64? {
    let due = nextDue
    guard due <= now else { return nil }
    issued &+= 1
    return due
  }
}

/// How a thread waits for answers and for what it has to send: asleep, so that what it measures has
/// the machine, but awake while a sleep would end too late.
struct Pace {
  /// Nobody waits longer.
  var limit: UInt64
  /// Asks without sleeping until then: an answer is near.
  var awakeUntil: UInt64
  /// Asks without sleeping from then on: something is to be sent at `limit`.
  var awakeFrom = UInt64.max

  /// What it takes to wake, at least: a sleep ends so much earlier.
  static let wakeUpNanoseconds: UInt64 = 20_000

  /// How long to sleep at `moment`; zero asks.
  func sleepNanoseconds(at moment: UInt64) -> UInt64 {
    let until = min(limit, awakeFrom)
    return moment < awakeUntil || moment >= until ? 0 : until - moment
  }
}
