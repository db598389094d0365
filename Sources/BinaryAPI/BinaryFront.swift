// The binary front: what its connections share.

internal import BinaryProtocol
internal import Bytes
internal import Fronts
package import Net
package import Runtime
package import Tablets

/// How a front treats its connections.
package struct BinaryFrontOptions: Sendable {
  package var limits = ConnectionLimits()
  /// Memory for requests, all connections together: half for long frames that are arriving, half
  /// for requests between arrival and answer.
  package var inFlightByteCount = 128 << 20
  /// A connection that has not greeted by then is closed.
  package var greetingNanoseconds: UInt64 = 10_000_000_000
  /// A connection whose long frame has made no progress for this long is closed.
  package var stallNanoseconds: UInt64 = 30_000_000_000
  /// Wait for the threads that read from the disk from which on, once it lasts, reads that need
  /// them are refused; 0: never.
  package var shedNanoseconds: UInt64 = 0
  package init() {}
}

/// Makes the handlers of accepted connections.
package final class BinaryFront: Sendable {
  let service: TableService
  let scheduler: any Scheduler
  let time: any TimeSource
  let options: BinaryFrontOptions
  let reads: LaneGate
  let budget: InFlightBudget
  /// Apart from `budget`: a peer that stops in the middle of a long frame holds up other long
  /// frames at most.
  let arrivals: InFlightBudget
  private let writes = PerLoop<LoopWrites>()

  package init(
    service: TableService, scheduler: any Scheduler, time: any TimeSource,
    options: BinaryFrontOptions = BinaryFrontOptions()
  ) {
    self.service = service
    self.scheduler = scheduler
    self.time = time
    self.options = options
    reads = LaneGate(
      scheduler, .blocking, time: time, limitNanoseconds: options.shedNanoseconds)
    self.budget = InFlightBudget(byteCount: options.inFlightByteCount / 2)
    self.arrivals = InFlightBudget(byteCount: options.inFlightByteCount / 2)
  }

  /// What gathers the writes of a loop.
  func writes(of loop: EventLoop) -> LoopWrites {
    writes.of(loop) { LoopWrites(loop) }
  }

  /// What a client hears that greets a port of TLS in plain bytes: a whole greeting that refuses.
  package static let answerToPlainText: [UInt8] = {
    var greeting = ByteBuffer()
    ServerHello.refuse(
      .malformed,
      ErrorMessage(
        code: "tls_required", message: "This port speaks TLS: connect with TLS (kvctl --tls)."),
      into: &greeting)
    return greeting.array
  }()

  /// The handler of a connection that was just accepted; call on its loop.
  package func handler(for connection: Connection) -> any ConnectionHandler {
    let session = BinarySession(self, connection)
    session.start()
    return session
  }
}
