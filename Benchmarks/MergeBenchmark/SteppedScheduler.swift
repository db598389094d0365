// Runs background work when told to, on the caller's thread, and adds up its processor time by
// lane. Pauses turn the clock on, and nothing else does.

import Glibc
import LSM
import Runtime
import Synchronization

/// Background work in steps, and the time it sees.
final class SteppedScheduler: Scheduler, TimeSource {
  /// What was done since the start.
  struct Totals {
    var flushCount = 0
    var flushNanoseconds: UInt64 = 0
    var bytesFlushed: UInt64 = 0
    var compactionCount = 0
    var compactionNanoseconds: UInt64 = 0
    var bytesCompacted: UInt64 = 0

    static func - (left: Totals, right: Totals) -> Totals {
      Totals(
        flushCount: left.flushCount - right.flushCount,
        flushNanoseconds: left.flushNanoseconds - right.flushNanoseconds,
        bytesFlushed: left.bytesFlushed - right.bytesFlushed,
        compactionCount: left.compactionCount - right.compactionCount,
        compactionNanoseconds: left.compactionNanoseconds - right.compactionNanoseconds,
        bytesCompacted: left.bytesCompacted - right.bytesCompacted)
    }
  }

  private struct State {
    var waiting: [(lane: WorkLane, work: @Sendable () -> Void)] = []
    var totals = Totals()
  }

  private let state = Mutex(State())
  private let paused = Atomic<UInt64>(0)

  var totals: Totals { state.withLock { $0.totals } }

  // Time that passed would let a busy machine's engine take itself for idle.
  var monotonicNanoseconds: UInt64 { paused.load(ordering: .relaxed) }
  var wallMicroseconds: Int64 { 1_700_000_000_000_000 + Int64(monotonicNanoseconds / 1_000) }

  func submit(to lane: WorkLane, _ work: @escaping @Sendable () -> Void) {
    state.withLock { $0.waiting.append((lane, work)) }
  }

  func submit(
    to lane: WorkLane, afterNanoseconds delayNanoseconds: UInt64,
    _ work: @escaping @Sendable () -> Void
  ) {
    // Nothing here is ever idle: what would be tidied up then is dropped.
    if delayNanoseconds == 0 || lane == .commit { submit(to: lane, work) }
  }

  func pause(nanoseconds: UInt64) { paused.wrappingAdd(nanoseconds, ordering: .relaxed) }

  func note(_ event: EngineEvent) {
    state.withLock { state in
      switch event {
      case .flushed(_, let byteCount, _):
        state.totals.flushCount += 1
        state.totals.bytesFlushed += byteCount
      case .compacted(_, _, _, _, let byteCount, _):
        state.totals.compactionCount += 1
        state.totals.bytesCompacted += byteCount
      case .backgroundFailed, .becameReadOnly: preconditionFailure("\(event)")
      case .recovered, .writersSlowed, .collected: break
      }
    }
  }

  /// Runs what waits, and what that brings, until nothing does.
  func runAll() {
    while let next = state.withLock({ $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }) {
      let started = SteppedScheduler.threadNanoseconds
      next.work()
      let spent = SteppedScheduler.threadNanoseconds - started
      state.withLock { state in
        switch next.lane {
        case .flush: state.totals.flushNanoseconds += spent
        case .compaction: state.totals.compactionNanoseconds += spent
        case .commit, .blocking: break
        }
      }
    }
  }

  private static var threadNanoseconds: UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }
}
