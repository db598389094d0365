// Threads for tests that need real ones.

internal import Runtime

/// Threads of a test.
package enum TestThreads {
  /// Runs `body` on `count` threads of its own and waits for all.
  package static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let threads = (0..<count).compactMap { index in
      WorkerThread(name: "test-\(index)") { body(index) }
    }
    precondition(threads.count == count, "the system has threads left")
    for thread in threads { thread.join() }
  }
}
