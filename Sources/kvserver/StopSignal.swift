// SIGTERM and SIGINT: the first asks the server to stop, the second ends it at once. SIGHUP asks a
// server that has certificates to read them again; it ends one that has none, as a closed terminal
// should.

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
  private let hangUp = Mutex<@Sendable () -> Void>({})

  init?(logger: Logger, catchesHangUp: Bool) {
    bell = Bell()
    thread = Mutex(nil)
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    if catchesHangUp { sigaddset(&signals, SIGHUP) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waited = signals
    let started = WorkerThread(name: "signals") { [self] in
      let signal = next(of: waited)
      logger.info("stopping", metadata: ["signal": "\(signal == SIGINT ? "SIGINT" : "SIGTERM")"])
      requested.store(true, ordering: .releasing)
      bell.ring()
      _ = next(of: waited)
      StandardStreams.printError("kvserver: second signal, exiting at once")
      _exit(1)
    }
    guard let started else { return nil }
    thread.withLock { $0 = started }
  }

  /// The next signal that stops; those that do not are served.
  private func next(of signals: sigset_t) -> Int32 {
    var signals = signals
    var signal: Int32 = 0
    while true {
      sigwait(&signals, &signal)
      guard signal == SIGHUP else { return signal }
      hangUp.withLock { $0 }()
    }
  }

  /// What SIGHUP does from now on; on the thread of the signals.
  func onHangUp(_ work: @escaping @Sendable () -> Void) { hangUp.withLock { $0 = work } }

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
