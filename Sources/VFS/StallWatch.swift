// Knows which file operations are under way and since when, so that a disk that does not answer is
// reported while it does not, and not when it is over.
//
// An operation takes a slot when it begins and gives it back when it ends: two short locks, some
// tens of nanoseconds beside a system call. Somebody else looks now and then, on a thread that
// waits for no disk.

internal import Synchronization

/// File operations under way. Safe for concurrent use.
package final class StallWatch: Sendable {
  /// An operation that takes, or took, too long.
  package struct Stall: Sendable, Equatable {
    package let operation: FileOperation
    package let path: String
    /// So far, or in all.
    package let nanoseconds: UInt64
  }

  /// What one look has found.
  package struct Findings: Sendable, Equatable {
    /// Passed the limit since the last look, and not over.
    package var stalled: [Stall] = []
    /// Were reported, and are over.
    package var ended: [Stall] = []
  }

  /// Counts for the metrics.
  package struct Figures: Sendable, Equatable {
    /// Operations that are over the limit now.
    package var stalledCount = 0
    /// All that ever were.
    package var totalCount: UInt64 = 0
  }

  private struct Slot {
    var operation: FileOperation
    var path: String
    var start: UInt64
    var isReported: Bool
  }

  private struct State {
    var slots: [Slot?] = []
    var free: [Int] = []
    var ended: [Stall] = []
    var totalCount: UInt64 = 0
  }

  /// 4 s, so that with the time between two looks a stall is reported within 5.
  package static let limitNanoseconds: UInt64 = 4_000_000_000

  private let now: @Sendable () -> UInt64
  private let state = Mutex(State())

  /// - Parameter now: Monotonic nanoseconds.
  package init(now: @escaping @Sendable () -> UInt64) { self.now = now }

  /// Runs `work`, watched.
  func watch<Result>(
    _ operation: FileOperation, _ path: String, _ work: () throws(FileError) -> Result
  ) throws(FileError) -> Result {
    let place = begin(operation, path)
    defer { end(place) }
    return try work()
  }

  private func begin(_ operation: FileOperation, _ path: String) -> Int {
    let slot = Slot(operation: operation, path: path, start: now(), isReported: false)
    return state.withLock { state in
      if let place = state.free.popLast() {
        state.slots[place] = slot
        return place
      }
      state.slots.append(slot)
      return state.slots.count - 1
    }
  }

  private func end(_ place: Int) {
    state.withLock { state in
      if let slot = state.slots[place], slot.isReported {
        state.ended.append(StallWatch.stall(slot, until: now()))
      }
      state.slots[place] = nil
      state.free.append(place)
    }
  }

  private static func stall(_ slot: Slot, until now: UInt64) -> Stall {
    Stall(
      operation: slot.operation, path: slot.path, nanoseconds: now &- min(now, slot.start))
  }

  /// Looks at what is under way. Each stall is told once when it has passed the limit and once when
  /// it is over.
  package func look() -> Findings {
    let now = now()
    return state.withLock { state in
      var findings = Findings()
      findings.ended = state.ended
      state.ended = []
      for place in state.slots.indices {
        guard let slot = state.slots[place], !slot.isReported else { continue }
        let stall = StallWatch.stall(slot, until: now)
        guard stall.nanoseconds >= StallWatch.limitNanoseconds else { continue }
        state.slots[place]?.isReported = true
        state.totalCount += 1
        findings.stalled.append(stall)
      }
      return findings
    }
  }

  package var figures: Figures {
    state.withLock { state in
      Figures(
        stalledCount: state.slots.count { $0?.isReported == true }, totalCount: state.totalCount)
    }
  }
}
