// The loops of a process and the listeners on them.

internal import CLinux
internal import Glibc
internal import Runtime
internal import Synchronization

/// The loops of a process. Runs until `shutDown`.
package final class EventLoopGroup: Sendable {
  private static let backlog: Int32 = 1_024

  package let loops: [EventLoop]
  /// Until they are joined.
  private let threads: Mutex<[WorkerThread]>
  private let listenerCount = Atomic<Int>(0)

  /// Starts `count` loop threads.
  package init(
    count: Int, options: EventLoopOptions = EventLoopOptions()
  ) throws(NetError) {
    precondition(count > 0, "a group has a loop")
    signal(SIGPIPE, SIG_IGN)
    var loops: [EventLoop] = []
    for _ in 0..<count { loops.append(try EventLoop(options)) }
    self.loops = loops
    var threads: [WorkerThread] = []
    for (index, loop) in loops.enumerated() {
      guard
        let thread = WorkerThread(
          name: "loop-\(index)",
          {
            strata_set_slice(ThreadSlice.request)
            loop.run()
          })
      else {
        throw .system(
          call: "pthread_create", errno: EAGAIN, detail: "cannot start an event loop")
      }
      threads.append(thread)
    }
    self.threads = Mutex(threads)
  }

  /// Listens on `host:port` (IPv6 in brackets; port 0 takes a free one); each connection goes to
  /// the loop with the fewest. Returns the real port.
  ///
  /// - Parameter maximumConnections: Those beyond are accepted and closed at once.
  /// - Parameter tls: Given, every connection begins with a TLS handshake.
  /// - Parameter handler: Called on the connection's loop.
  package func listen(
    on address: String, maximumConnections: Int, tls: ListenerTLS? = nil,
    handler: @escaping @Sendable (Connection) -> any ConnectionHandler
  ) throws(NetError) -> UInt16 {
    let parsed = try ListenAddress(parsing: address)
    let (descriptor, port) = try parsed.makeSocket(backlog: EventLoopGroup.backlog)
    let number = listenerCount.add(1, ordering: .relaxed).oldValue
    let loop = loops[number % loops.count]
    let listener = Listener(
      descriptor, maximumConnections: maximumConnections, on: loop, loops: loops,
      tls: tls, makeHandler: handler)
    loop.execute { listener.open() }
    return port
  }

  /// Stops accepting, lets handlers finish for up to the deadline, closes, joins the threads. Not
  /// on a loop. A second call finds nothing to do.
  package func shutDown(graceNanoseconds: UInt64) {
    for loop in loops { loop.execute { loop.beginShutDown() } }
    let time = SystemTime()
    let start = time.monotonicNanoseconds
    while loops.contains(where: { $0.connectionCount.load(ordering: .relaxed) > 0 }),
      time.monotonicNanoseconds - start < graceNanoseconds
    {
      usleep(1_000)
    }
    for loop in loops { loop.stop() }
    let ending = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in ending { thread.join() }
  }
}
