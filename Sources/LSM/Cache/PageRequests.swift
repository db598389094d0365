// Which shards of the row cache wait for their pages. They are served one by one, each by a piece
// of work of its own, so that reads from the disk, in the same lane, never wait for more than one.

internal import Runtime
internal import Synchronization

/// Requests for pages of 64 shards at most. Safe for concurrent use.
final class PageRequests: Sendable {
  private struct State {
    /// A bit each.
    var shards: UInt64 = 0
    var isScheduled = false
  }

  private let scheduler: any Scheduler
  private let state = Mutex(State())

  init(scheduler: any Scheduler) { self.scheduler = scheduler }

  /// Has `bring` called for the shard soon, on a thread that may wait, unless it is about to be.
  func request(_ shard: Int, _ bring: @escaping @Sendable (Int) -> Void) {
    let isFirst = state.withLock { state in
      state.shards |= 1 << UInt64(shard)
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if isFirst { schedule(bring) }
  }

  private func schedule(_ bring: @escaping @Sendable (Int) -> Void) {
    scheduler.submit(to: .blocking) { [self] in
      let next = state.withLock { state -> Int? in
        state.isScheduled = state.shards != 0
        guard state.isScheduled else { return nil }
        let first = state.shards.trailingZeroBitCount
        state.shards &= state.shards &- 1
        return first
      }
      guard let next else { return }
      bring(next)
      schedule(bring)
    }
  }
}
