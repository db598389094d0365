// SIGTERM and SIGINT: the first asks the server to stop, the second ends it at once.

internal import Glibc
internal import Logging
internal import Runtime
internal import Synchronization

/// Waits for the signals on a thread of its own; all other threads have them blocked. Make it
/// before any other thread.
final class StopSignal: Sendable {
  private let requested = Atomic<Bool>(false)
  private let thread: Mutex<WorkerThread?>
  private let bell: Bell

  init?(logger: Logger) {
    bell = Bell()
    thread = Mutex(nil)
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waited = signals
    let started = WorkerThread(name: "signals") { [self] in
      var waited = waited
      var signal: Int32 = 0
      sigwait(&waited, &signal)
      logger.info("stopping", metadata: ["signal": "\(signal == SIGINT ? "SIGINT" : "SIGTERM")"])
      requested.store(true, ordering: .releasing)
      bell.ring()
      sigwait(&waited, &signal)
      StandardStreams.printError("kvserver: second signal, exiting at once")
      _exit(1)
    }
    guard let started else { return nil }
    thread.withLock { $0 = started }
  }

  /// True after the first signal.
  var isRequested: Bool { requested.load(ordering: .acquiring) }

  /// Returns after the first signal.
  func wait() { bell.wait() }
}

/// A semaphore that threads wait for; one ring, one waiter. `@unchecked`: sem_t is made for that.
final class Bell: @unchecked Sendable {
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func ring() { sem_post(semaphore) }

  func wait() {
    while sem_wait(semaphore) == -1, errno == EINTR {}
  }

  /// True when it rang in time.
  func wait(atMostNanoseconds count: UInt64) -> Bool {
    var end = timespec()
    clock_gettime(CLOCK_REALTIME, &end)
    let nanoseconds = UInt64(end.tv_nsec) + count
    end.tv_sec += Int(nanoseconds / 1_000_000_000)
    end.tv_nsec = Int(nanoseconds % 1_000_000_000)
    while sem_timedwait(semaphore, &end) == -1 {
      if errno != EINTR { return false }
    }
    return true
  }
}
