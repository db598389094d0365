// A named thread that can be joined.

internal import CLinux
internal import Glibc

/// A thread of the process. `@unchecked`: the handle is written before the object is handed out.
package final class WorkerThread: @unchecked Sendable {
  private var handle = pthread_t()

  /// Starts a thread that runs `body` and ends.
  ///
  /// - Parameter name: Shown by tools; at most 15 bytes.
  /// - Returns: Nil when the system has no thread left.
  package init?(name: String, _ body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
    let result = pthread_create(
      &handle, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
        strata_name_thread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard result == 0 else {
      start.release()
      return nil
    }
  }

  /// Waits for the thread's end. Once only, and not on the thread itself.
  package func join() { pthread_join(handle, nil) }
}

/// What a new thread is handed.
private final class ThreadStart: Sendable {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}
