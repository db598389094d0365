// Where background work runs. The server hands in threads; a simulation hands in a queue that it
// empties step by step, so that one seed gives one trace.

/// A kind of work with a queue and threads of its own, so that one kind never waits for another.
package enum WorkLane: Int, CaseIterable, Sendable {
  /// Group commits: append, sync, publish. Short, latency-bound.
  case commit
  /// Memtables to table files. Must not wait behind compactions.
  case flush
  /// Merging table files; garbage collection passes.
  case compaction
  /// Requests that must wait for the disk; schema changes.
  case blocking
}

/// Runs work later, on a thread that may block.
package protocol Scheduler: AnyObject, Sendable {
  /// Runs `work` once, soon. Work of one lane may run concurrently with other work of that lane.
  func submit(to lane: WorkLane, _ work: @escaping @Sendable () -> Void)
  /// Runs `work` once, not before `delayNanoseconds` have passed.
  func submit(
    to lane: WorkLane, afterNanoseconds delayNanoseconds: UInt64,
    _ work: @escaping @Sendable () -> Void)
  /// How long the oldest work of the lane has been waiting for a thread.
  func queuedNanoseconds(in lane: WorkLane) -> UInt64
  /// Holds the calling thread (of a lane) for this long; a simulation advances its clock instead.
  func pause(nanoseconds: UInt64)
}

extension Scheduler {
  package func queuedNanoseconds(in lane: WorkLane) -> UInt64 { 0 }
}
