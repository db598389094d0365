// How fast flushes and compactions may write, so that requests come first: a rate derived from what
// comes in and from what has piled up. When they are urgent nothing is held back.
//
//   rate := floor + inflow × amplification + debt / 20 s
//
// What is written at once is small: on a busy core a merge then takes a few milliseconds now and
// then, where the same work in one go would keep all requests waiting.

package import Runtime
internal import Synchronization

/// What a budget is for.
package struct IOPace: Sendable {
  /// Never slower than this while there are commits.
  fileprivate let busyBytesPerSecond: Double
  /// Bytes written for each byte that comes in.
  fileprivate let amplification: Double

  /// Levels rewrite each byte that often, all of them together.
  package static let compaction = IOPace(
    busyBytesPerSecond: 16 * 1_048_576, amplification: 12)
  /// A memtable is written out in a third of the time in which the next one fills.
  package static let flush = IOPace(busyBytesPerSecond: 24 * 1_048_576, amplification: 3)
}

/// Paces the writing of one kind of background job of one engine. Safe for concurrent use.
package final class IOBudget: Sendable {
  /// Never slower than this without commits: an idle engine settles at leisure, but it settles.
  private static let idleBytesPerSecond = 64.0 * 1_048_576
  /// Less than this coming in is an idle engine.
  private static let idleInflow = 65_536.0
  /// Time in which what has piled up should be gone.
  private static let payOffSeconds = 20.0
  /// Time constant of the inflow's average.
  private static let averagingSeconds = 2.0
  /// Bytes that may be written at once after a rest, in seconds of the rate.
  private static let burstSeconds = 0.005
  /// Below this a pause costs more than it gives; the debt of tokens stands.
  private static let shortestPauseNanoseconds = 1_000_000.0
  /// A pause at most; whoever pauses looks up in between.
  private static let longestPauseNanoseconds = 50_000_000.0

  private struct State {
    var inflowBytesPerSecond = 0.0
    var debtByteCount = 0.0
    var isUrgent = false
    /// How many wait for the job.
    var hurrierCount = 0
    /// Bytes that may be written now; negative while a job has to wait.
    var tokens = 0.0
    var tokensAt: UInt64
    var inflowAt: UInt64
  }

  private let time: any TimeSource
  private let pace: IOPace
  private let isWanted: @Sendable () -> Bool
  private let pendingInflow = Atomic<Int>(0)
  private let state: Mutex<State>

  /// - Parameter isWanted: Others wait for the thread, or for the memory, that a job has: nothing
  ///   is held back. Must not block.
  package init(
    time: any TimeSource, for pace: IOPace,
    isWanted: @escaping @Sendable () -> Bool = { false }
  ) {
    self.time = time
    self.pace = pace
    self.isWanted = isWanted
    let now = time.monotonicNanoseconds
    state = Mutex(State(tokensAt: now, inflowAt: now))
  }

  /// Bytes have been committed. Cheap: called by every group.
  package func received(byteCount: Int) {
    pendingInflow.wrappingAdd(byteCount, ordering: .relaxed)
  }

  /// What compactions have before them, after each change of version.
  ///
  /// - Parameter isUrgent: Writers are, or soon will be, slowed: jobs run at full speed.
  package func setDebt(byteCount: UInt64, isUrgent: Bool) {
    state.withLock { state in
      state.debtByteCount = Double(byteCount)
      state.isUrgent = isUrgent
    }
  }

  /// Holds nothing back while `body` waits for jobs.
  package func hurrying<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    state.withLock { $0.hurrierCount += 1 }
    defer { state.withLock { $0.hurrierCount -= 1 } }
    return try body()
  }

  package var bytesPerSecond: Double { state.withLock { rate($0) } }

  /// A job has written this much.
  ///
  /// - Returns: For how long it should rest now; 0 for not at all. Ask again afterwards with 0.
  package func pauseNanoseconds(afterWriting byteCount: Int) -> UInt64 {
    let now = time.monotonicNanoseconds
    let inflow = pendingInflow.exchange(0, ordering: .relaxed)
    let isWanted = isWanted()
    return state.withLock { state in
      IOBudget.average(&state, adding: inflow, now)
      let rate = rate(state)
      let passed = now > state.tokensAt ? Double(now - state.tokensAt) / 1e9 : 0
      state.tokensAt = now
      state.tokens = Swift.min(state.tokens + passed * rate, rate * IOBudget.burstSeconds)
      state.tokens -= Double(byteCount)
      if isWanted || state.isUrgent || state.hurrierCount > 0 {
        state.tokens = Swift.max(0, state.tokens)
      }
      let pause = -state.tokens / rate * 1e9
      guard pause >= IOBudget.shortestPauseNanoseconds else { return 0 }
      return UInt64(Swift.min(pause, IOBudget.longestPauseNanoseconds))
    }
  }

  private static func average(_ state: inout State, adding inflow: Int, _ now: UInt64) {
    let passed = now > state.inflowAt ? Double(now - state.inflowAt) / 1e9 : 0
    state.inflowAt = now
    // An exponential average whose weights do not depend on how often it is asked for.
    let kept = averagingSeconds / (averagingSeconds + passed)
    state.inflowBytesPerSecond =
      state.inflowBytesPerSecond * kept + Double(inflow) / (averagingSeconds + passed)
  }

  private func rate(_ state: State) -> Double {
    let inflow = state.inflowBytesPerSecond
    let floor = inflow < IOBudget.idleInflow ? IOBudget.idleBytesPerSecond : pace.busyBytesPerSecond
    return floor + inflow * pace.amplification + state.debtByteCount / IOBudget.payOffSeconds
  }
}
