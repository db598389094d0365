// The scheduler of the server: a queue and a fixed number of threads a lane.

internal import CLinux
internal import Glibc

/// How long threads run before others that are ready have their turn, in nanoseconds. Without it a
/// loop waits for the whole turn, some milliseconds, of whatever merges files on its core.
package enum ThreadSlice {
  /// Of threads that answer requests or let them wait.
  package static let request: UInt64 = 100_000
  package static let background: UInt64 = 400_000
}

/// Runs work on threads of its own.
package final class ThreadScheduler: Scheduler {
  /// Threads of each lane.
  package struct ThreadCounts: Sendable {
    /// Engines sync side by side; two keep one table's sync from holding up another's.
    package var commit = 2
    package var flush = 1
    /// One: merging must not take more than one core from requests.
    package var compaction = 1
    /// Reads that wait for the disk: enough to keep a queue at the device.
    package var blocking = 4
    package init() {}
  }

  /// Waking a sleeping thread costs more than most commits; beyond this, sleeping is right. Where
  /// there is one core, who looks out for work takes it from those who have some.
  private static let commitSpinNanoseconds: UInt64 = strata_usable_cores() > 1 ? 50_000 : 0

  /// On a busy machine requests go a little before merging; more, and merging falls so far behind
  /// that back-pressure costs the requests what they gained.
  private static let compactionNiceness: Int32 = 2

  private let commit: WorkQueue
  private let flush: WorkQueue
  private let compaction: WorkQueue
  private let blocking: WorkQueue

  package init(_ counts: ThreadCounts = ThreadCounts()) {
    commit = WorkQueue(
      name: "commit", threadCount: counts.commit,
      spinNanoseconds: ThreadScheduler.commitSpinNanoseconds,
      sliceNanoseconds: ThreadSlice.request)
    flush = WorkQueue(
      name: "flush", threadCount: counts.flush, spinNanoseconds: 0,
      sliceNanoseconds: ThreadSlice.background)
    compaction = WorkQueue(
      name: "compaction", threadCount: counts.compaction, spinNanoseconds: 0,
      niceness: ThreadScheduler.compactionNiceness, sliceNanoseconds: ThreadSlice.background)
    blocking = WorkQueue(
      name: "blocking", threadCount: counts.blocking, spinNanoseconds: 0,
      sliceNanoseconds: ThreadSlice.request)
  }

  package func submit(to lane: WorkLane, _ work: @escaping @Sendable () -> Void) {
    queue(lane).submit(work)
  }

  package func submit(
    to lane: WorkLane, afterNanoseconds delayNanoseconds: UInt64,
    _ work: @escaping @Sendable () -> Void
  ) {
    queue(lane).submit(afterNanoseconds: delayNanoseconds, work)
  }

  package func queuedNanoseconds(in lane: WorkLane) -> UInt64 {
    queue(lane).oldestNanoseconds
  }

  package func pause(nanoseconds: UInt64) {
    var rest = timespec()
    rest.tv_sec = Int(nanoseconds / 1_000_000_000)
    rest.tv_nsec = Int(nanoseconds % 1_000_000_000)
    var left = timespec()
    while nanosleep(&rest, &left) == -1, errno == EINTR { rest = left }
  }

  /// Finishes all work that is ready, drops what is delayed, ends the threads. Work submitted
  /// afterwards is dropped. Not to be called on a lane.
  package func shutDown() {
    // Requests first: they may still ask the lanes below for something.
    for lane in [blocking, commit, compaction, flush] { lane.close() }
  }

  private func queue(_ lane: WorkLane) -> WorkQueue {
    switch lane {
    case .commit: commit
    case .flush: flush
    case .compaction: compaction
    case .blocking: blocking
    }
  }
}
