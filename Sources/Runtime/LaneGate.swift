// Whether a lane takes more requests: a front asks before it hands one over.

internal import Synchronization

/// The gate of one lane. Safe for concurrent use.
package final class LaneGate: Sendable {
  private let scheduler: any Scheduler
  private let lane: WorkLane
  private let time: any TimeSource
  private let queue: Mutex<StandingQueue>

  /// - Parameter limitNanoseconds: Wait that is taken for no harm; 0 keeps the gate open.
  package init(
    _ scheduler: any Scheduler, _ lane: WorkLane, time: any TimeSource, limitNanoseconds: UInt64
  ) {
    self.scheduler = scheduler
    self.lane = lane
    self.time = time
    queue = Mutex(StandingQueue(limitNanoseconds: limitNanoseconds))
  }

  /// True when the lane's queue stands: refuse, and say when to come back.
  package var mustShed: Bool {
    let waited = scheduler.queuedNanoseconds(in: lane)
    return queue.withLock { queue in
      queue.limitNanoseconds > 0
        && queue.mustShed(waited: waited, now: time.monotonicNanoseconds)
    }
  }
}
