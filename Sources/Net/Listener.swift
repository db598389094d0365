// A listening socket on one loop, which hands each new connection to the loop that has the fewest.
// (Loops that all wait for the same socket are woken last-in-first-out: most connections end up on
// one of them.)

internal import CLinux
internal import Glibc
internal import Synchronization

/// A listening socket. Used on its loop only, its count from all (`@unchecked` for that).
final class Listener: EventSource, @unchecked Sendable {
  /// Connections accepted in one turn, so that a flood of them does not starve those we have.
  private static let acceptLimit = 64
  /// How long to leave the socket alone when the process has no descriptor left.
  private static let exhaustedNanoseconds: UInt64 = 50_000_000

  let connectionCount = Atomic<Int>(0)
  let makeHandler: @Sendable (Connection) -> any ConnectionHandler
  /// Nil for a plain front.
  let tls: ListenerTLS?

  private let descriptor: Int32
  private let maximumConnections: Int
  private let loop: EventLoop
  private let loops: [EventLoop]
  private var token: UInt64?
  private var nextLoop = 0

  init(
    _ descriptor: Int32, maximumConnections: Int, on loop: EventLoop, loops: [EventLoop],
    tls: ListenerTLS?, makeHandler: @escaping @Sendable (Connection) -> any ConnectionHandler
  ) {
    self.descriptor = descriptor
    self.maximumConnections = maximumConnections
    self.loop = loop
    self.loops = loops
    self.tls = tls
    self.makeHandler = makeHandler
  }

  /// On the loop.
  func open() {
    guard !loop.isShuttingDown else {
      _ = Glibc.close(descriptor)
      return
    }
    token = loop.register(descriptor, self, events: EPOLLIN.rawValue)
    precondition(token != nil, "a loop watches a listener")
  }

  func handle(events: UInt32) {
    for _ in 0..<Listener.acceptLimit {
      let accepted = strata_accept(descriptor)
      guard accepted >= 0 else {
        switch errno {
        case EAGAIN: return
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return rest()
        // The peer was faster to leave, or the network spoke: the next one may be fine.
        default: continue
        }
      }
      let count = connectionCount.add(1, ordering: .relaxed).newValue
      guard count <= maximumConnections else {
        connectionCount.subtract(1, ordering: .relaxed)
        _ = Glibc.close(accepted)
        continue
      }
      ListenAddress.set(accepted, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      let target = chooseLoop()
      target.connectionCount.add(1, ordering: .relaxed)
      if target === loop {
        Connection.open(accepted, on: target, listener: self)
      } else {
        target.execute { Connection.open(accepted, on: target, listener: self) }
      }
    }
  }

  func beginShutDown() { close() }

  func close() {
    guard let token else { return }
    self.token = nil
    loop.unregister(descriptor, token)
    _ = Glibc.close(descriptor)
  }

  /// The loop with the fewest connections, in turn among equals.
  private func chooseLoop() -> EventLoop {
    nextLoop = (nextLoop + 1) % loops.count
    var best = loops[nextLoop]
    var bestCount = best.connectionCount.load(ordering: .relaxed)
    for step in 1..<max(1, loops.count) {
      let other = loops[(nextLoop + step) % loops.count]
      let count = other.connectionCount.load(ordering: .relaxed)
      if count < bestCount { (best, bestCount) = (other, count) }
    }
    return best
  }

  /// Leaves those who wait in the backlog there for a moment instead of asking in vain again and
  /// again.
  private func rest() {
    guard let token else { return }
    loop.modify(descriptor, token, events: 0)
    _ = loop.schedule(afterNanoseconds: Listener.exhaustedNanoseconds) { [weak self] in
      guard let self, let token = self.token else { return }
      self.loop.modify(self.descriptor, token, events: EPOLLIN.rawValue)
    }
  }
}
