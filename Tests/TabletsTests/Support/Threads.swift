// Threads for tests that need real ones.

import Glibc
import Synchronization

/// Runs `body` on `count` threads of its own and waits for all.
func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  final class Start: Sendable {
    let index: Int
    let body: @Sendable (Int) -> Void
    init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
      self.index = index
      self.body = body
    }
  }
  var threads: [pthread_t] = []
  for index in 0..<count {
    let start = Unmanaged.passRetained(Start(index, body)).toOpaque()
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        start.body(start.index)
        return nil
      }, start)
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
}

/// Counts answers that come on any thread.
final class ConcurrentTally: Sendable {
  let succeeded = Atomic<Int>(0)
  let claimed = Atomic<Int>(0)
  private let open = Atomic<Int>(0)

  func begin() { open.add(1, ordering: .sequentiallyConsistent) }
  func end() { open.subtract(1, ordering: .sequentiallyConsistent) }

  /// Until every begun request has been answered; the test's time limit bounds it.
  func wait() {
    while open.load(ordering: .sequentiallyConsistent) > 0 { usleep(500) }
  }
}
