// A scheduler without threads: work waits until a test lets it run, in an order that one seed
// decides. Time is a ManualClock that moves when nothing is ready.

package import Runtime
internal import Synchronization

/// Runs work when pumped, on the pumping thread.
package final class ManualScheduler: Scheduler {
  private struct Piece {
    var due: UInt64
    var work: @Sendable () -> Void
  }

  private struct State {
    var pieces: [Piece] = []
    var random: SeededGenerator
  }

  package let clock: ManualClock
  private let state: Mutex<State>

  package init(clock: ManualClock, seed: UInt64) {
    self.clock = clock
    state = Mutex(State(random: SeededGenerator(seed: seed)))
  }

  /// Starts the order of work anew, so that what comes next does not depend on what was before.
  package func reseed(_ seed: UInt64) {
    state.withLock { $0.random = SeededGenerator(seed: seed) }
  }

  package func submit(to lane: WorkLane, _ work: @escaping @Sendable () -> Void) {
    submit(to: lane, afterNanoseconds: 0, work)
  }

  package func submit(
    to lane: WorkLane, afterNanoseconds delayNanoseconds: UInt64,
    _ work: @escaping @Sendable () -> Void
  ) {
    let due = clock.monotonicNanoseconds + delayNanoseconds
    state.withLock { $0.pieces.append(Piece(due: due, work: work)) }
  }

  package func pause(nanoseconds: UInt64) { clock.advance(nanoseconds: nanoseconds) }

  /// Runs one piece that is due, chosen by chance.
  ///
  /// - Returns: False when none is due.
  @discardableResult
  package func runOne() -> Bool {
    let now = clock.monotonicNanoseconds
    let work = state.withLock { state -> (@Sendable () -> Void)? in
      let due = state.pieces.indices.filter { state.pieces[$0].due <= now }
      guard let chosen = due.randomElement(using: &state.random) else { return nil }
      return state.pieces.remove(at: chosen).work
    }
    work?()
    return work != nil
  }

  /// Runs everything that is due, and what that submits.
  package func runReady() {
    while runOne() {}
  }

  /// Lets time pass, running what becomes due.
  package func run(forNanoseconds duration: UInt64) {
    let end = clock.monotonicNanoseconds + duration
    while true {
      runReady()
      let next = state.withLock { $0.pieces.map(\.due).min() }
      guard let next, next <= end else { break }
      let now = clock.monotonicNanoseconds
      if next > now { clock.advance(nanoseconds: next - now) }
    }
    let now = clock.monotonicNanoseconds
    if end > now { clock.advance(nanoseconds: end - now) }
  }

  /// Forgets all work, as a crash does.
  package func dropAll() { state.withLock { $0.pieces = [] } }
}
