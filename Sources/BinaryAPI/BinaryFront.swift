// The binary front: what its connections share, and how it ends.

internal import DataModel
package import Net
package import Runtime
internal import Synchronization
package import Tablets

/// How a front treats its connections.
package struct BinaryFrontOptions: Sendable {
  package var limits = ConnectionLimits()
  /// Memory for requests between arrival and answer, all connections together.
  package var inFlightByteCount = 64 << 20
  /// A connection that has not greeted by then is closed.
  package var greetingNanoseconds: UInt64 = 10_000_000_000
  package init() {}
}

/// Makes the handlers of accepted connections.
package final class BinaryFront: Sendable {
  let service: TableService
  let scheduler: any Scheduler
  let time: any TimeSource
  let options: BinaryFrontOptions
  let budget: InFlightBudget
  private let sessions = Mutex<(isDraining: Bool, open: [ObjectIdentifier: BinarySession])>(
    (false, [:]))

  package init(
    service: TableService, scheduler: any Scheduler, time: any TimeSource,
    options: BinaryFrontOptions = BinaryFrontOptions()
  ) {
    self.service = service
    self.scheduler = scheduler
    self.time = time
    self.options = options
    self.budget = InFlightBudget(byteCount: options.inFlightByteCount)
  }

  /// The handler of a connection that was just accepted; call on its loop.
  package func handler(for connection: Connection) -> any ConnectionHandler {
    let session = BinarySession(self, connection)
    let isDraining = sessions.withLock { sessions in
      sessions.open[ObjectIdentifier(session)] = session
      return sessions.isDraining
    }
    session.start()
    if isDraining { session.drain() }
    return session
  }

  /// Tells every client to go elsewhere; each connection closes when what it has in flight is
  /// answered. Call before the loops are shut down.
  package func drain() {
    let open = sessions.withLock { sessions in
      sessions.isDraining = true
      return Array(sessions.open.values)
    }
    for session in open { session.loop.execute { session.drain() } }
  }

  /// Connections that are open now.
  package var connectionCount: Int { sessions.withLock { $0.open.count } }

  func remove(_ session: BinarySession) {
    sessions.withLock { sessions in
      _ = sessions.open.removeValue(forKey: ObjectIdentifier(session))
    }
  }
}
