// The binary front: what its connections share.

package import Net
package import Runtime
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
    session.start()
    return session
  }
}
