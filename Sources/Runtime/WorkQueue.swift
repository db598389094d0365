// The queue of one lane and the threads that empty it: work at once in the order of its coming,
// delayed work when it is due. Idle threads sleep on a condition; where latency counts, one that
// has just been busy first looks out for more: waking a sleeper costs 35 µs each way.

internal import CLinux
internal import Glibc
internal import Synchronization

/// `@unchecked`: everything but `waiting` is read and written under `mutex`.
final class WorkQueue: @unchecked Sendable {
  typealias Work = @Sendable () -> Void

  private struct Delayed {
    var due: UInt64
    var work: Work
  }

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private let spinNanoseconds: UInt64
  private var ready: [Work?] = []
  /// When each piece of `ready` came.
  private var arrivals: [UInt64] = []
  /// Position of the oldest piece of `ready`; those before it are done and let go of.
  private var readyStart = 0
  /// Latest due first, so that the next due is the last.
  private var delayed: [Delayed] = []
  private var sleeperCount = 0
  private var spinnerCount = 0
  private var isClosing = false
  private var threads: [WorkerThread] = []
  /// Pieces in `ready`, for spinning threads to watch without the mutex.
  private let waiting = Atomic<Int>(0)

  /// - Parameter spinNanoseconds: How long a thread looks out for more work before it sleeps.
  init(
    name: String, threadCount: Int, spinNanoseconds: UInt64, niceness: Int32 = 0,
    sliceNanoseconds: UInt64
  ) {
    self.spinNanoseconds = spinNanoseconds
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    condition = .allocate(capacity: 1)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
    threads = (0..<threadCount).compactMap { index in
      WorkerThread(name: threadCount == 1 ? name : "\(name)-\(index)") { [self] in
        strata_set_slice(sliceNanoseconds)
        if niceness != 0 { strata_set_niceness(niceness) }
        run()
      }
    }
    precondition(!threads.isEmpty, "the system has a thread for lane \(name)")
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Queues the work; drops it after `close`.
  func submit(_ work: @escaping Work) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard !isClosing else { return }
    append(work)
    let count = ready.count - readyStart
    waiting.store(count, ordering: .releasing)
    // Spinning threads see the work by themselves.
    if sleeperCount > 0, count > spinnerCount { pthread_cond_signal(condition) }
  }

  /// How long the oldest ready piece has waited.
  var oldestNanoseconds: UInt64 {
    if waiting.load(ordering: .relaxed) == 0 { return 0 }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard readyStart < ready.count else { return 0 }
    let now = SystemTime().monotonicNanoseconds
    return now &- min(now, arrivals[readyStart])
  }

  /// Mutex held.
  private func append(_ work: @escaping Work) {
    ready.append(work)
    arrivals.append(SystemTime().monotonicNanoseconds)
  }

  func submit(afterNanoseconds delay: UInt64, _ work: @escaping Work) {
    let due = SystemTime().monotonicNanoseconds.addingReportingOverflow(delay)
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard !isClosing, !due.overflow else { return }
    let piece = Delayed(due: due.partialValue, work: work)
    let place = delayed.firstIndex { $0.due <= piece.due } ?? delayed.count
    delayed.insert(piece, at: place)
    // A sleeper must learn of an earlier end of its sleep.
    if place == delayed.count - 1 { pthread_cond_signal(condition) }
  }

  /// Finishes what is ready, drops what is delayed, ends the threads.
  func close() {
    pthread_mutex_lock(mutex)
    isClosing = true
    delayed.removeAll()
    pthread_cond_broadcast(condition)
    let ending = threads
    threads = []
    pthread_mutex_unlock(mutex)
    for thread in ending { thread.join() }
  }

  private func run() {
    while let work = next() { work() }
  }

  /// The next piece of work, when there is one; nil when the queue closes.
  private func next() -> Work? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    var maySpin = spinNanoseconds > 0
    while true {
      if let work = takeDue() { return work }
      if isClosing { return nil }
      if maySpin {
        maySpin = false
        spin()
        continue
      }
      sleep()
    }
  }

  /// Mutex held: the oldest ready piece, after what has become due joined them.
  private func takeDue() -> Work? {
    if let next = delayed.last, next.due <= SystemTime().monotonicNanoseconds {
      delayed.removeLast()
      append(next.work)
    }
    guard readyStart < ready.count else { return nil }
    let work = ready[readyStart]
    ready[readyStart] = nil
    readyStart += 1
    if readyStart == ready.count {
      ready.removeAll(keepingCapacity: ready.count <= 1_024)
      arrivals.removeAll(keepingCapacity: arrivals.count <= 1_024)
      readyStart = 0
    } else if readyStart >= 1_024 {
      ready.removeFirst(readyStart)
      arrivals.removeFirst(readyStart)
      readyStart = 0
    }
    waiting.store(ready.count - readyStart, ordering: .relaxed)
    return work
  }

  /// Mutex held, given up meanwhile: watches for work for a while.
  private func spin() {
    spinnerCount += 1
    pthread_mutex_unlock(mutex)
    let time = SystemTime()
    let end = time.monotonicNanoseconds + spinNanoseconds
    while waiting.load(ordering: .acquiring) == 0, time.monotonicNanoseconds < end {
      for _ in 0..<16 { strata_pause() }
    }
    pthread_mutex_lock(mutex)
    spinnerCount -= 1
  }

  /// Mutex held, given up meanwhile: sleeps until woken or until delayed work is due.
  private func sleep() {
    sleeperCount += 1
    defer { sleeperCount -= 1 }
    guard let due = delayed.last?.due else {
      pthread_cond_wait(condition, mutex)
      return
    }
    var end = timespec()
    end.tv_sec = Int(due / 1_000_000_000)
    end.tv_nsec = Int(due % 1_000_000_000)
    pthread_cond_timedwait(condition, mutex, &end)
  }
}
