// Timers of one loop: a binary heap by due time. A cancelled timer lets go of its work at once and
// of its place when it comes up or when cancelled ones are the majority.

/// A timer that has not fired. Used on its loop only (`@unchecked` for that).
package final class LoopTimer: @unchecked Sendable {
  fileprivate let due: UInt64
  fileprivate var work: (@Sendable () -> Void)?
  private unowned let loop: EventLoop

  init(due: UInt64, loop: EventLoop, work: @escaping @Sendable () -> Void) {
    self.due = due
    self.loop = loop
    self.work = work
  }

  /// Keeps the timer from firing; on the loop.
  package func cancel() {
    guard work != nil else { return }
    work = nil
    loop.timerCancelled()
  }
}

/// Timers by due time.
struct TimerHeap {
  private var heap: [LoopTimer] = []
  private var cancelledCount = 0

  /// When the next timer is due (cancelled ones included: waking for them is rare and cheap).
  var nextDue: UInt64? { heap.first?.due }

  mutating func insert(_ timer: LoopTimer) {
    heap.append(timer)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].due < heap[parent].due else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// The work of the next timer that is due; nil when none is.
  mutating func popDue(at now: UInt64) -> (@Sendable () -> Void)? {
    while let first = heap.first, first.due <= now {
      let last = heap.removeLast()
      if !heap.isEmpty {
        heap[0] = last
        siftDown(from: 0)
      }
      if let work = first.work {
        first.work = nil
        return work
      }
      cancelledCount -= 1
    }
    return nil
  }

  /// Notes a cancellation; sweeps when most of the heap is dead.
  mutating func noteCancelled() {
    cancelledCount += 1
    guard cancelledCount > 64, cancelledCount > heap.count / 2 else { return }
    heap.removeAll { $0.work == nil }
    cancelledCount = 0
    for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(from: place) }
  }

  private mutating func siftDown(from start: Int) {
    var parent = start
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, heap[child + 1].due < heap[child].due { child += 1 }
      guard heap[child].due < heap[parent].due else { return }
      heap.swapAt(child, parent)
      parent = child
    }
  }
}
