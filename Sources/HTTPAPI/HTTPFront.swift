// The HTTP front: what its connections share. Start reading at `HTTPConnection.received`, which
// takes requests from bytes, and `Routes.answer`, which sends each to its route.

internal import Fronts
package import Net
package import Runtime
internal import Synchronization
package import Tablets

/// The HTTP/JSON front of a table service.
package final class HTTPFront: Sendable {
  let service: TableService
  let scheduler: any Scheduler
  let time: any TimeSource
  let options: HTTPOptions
  let bodies: BodyBudget
  let reads: LaneGate
  let waitingCount = Atomic<Int>(0)
  let connectionCount = Atomic<Int>(0)
  private let draining = Atomic<Bool>(false)
  private let contexts = PerLoop<LoopContext>()

  package init(
    service: TableService, scheduler: any Scheduler, time: any TimeSource,
    options: HTTPOptions = HTTPOptions()
  ) {
    self.service = service
    self.scheduler = scheduler
    self.time = time
    self.options = options
    reads = LaneGate(
      scheduler, .blocking, time: time, limitNanoseconds: options.shedNanoseconds)
    bodies = BodyBudget(byteCount: options.bodiesByteCount)
  }

  /// The handler of a new connection; on the connection's loop.
  package func makeHandler(for connection: Connection) -> any ConnectionHandler {
    let loop = connection.loop
    let context = contexts.of(loop) { LoopContext(loop: loop, front: self) }
    return HTTPConnection(connection, context: context)
  }

  /// True once the server shuts down: answers carry `Connection: close`.
  var isDraining: Bool { draining.load(ordering: .relaxed) }

  func noteShutDown() { draining.store(true, ordering: .relaxed) }

  var allContexts: [LoopContext] { contexts.all }
}
