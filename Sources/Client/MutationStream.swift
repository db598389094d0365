// Bulk writes: lists go out while earlier ones are being made durable, on one connection and one
// thread. Sending reads acknowledgements as it goes, so neither side ever waits for the other.

internal import BinaryProtocol
internal import Bytes
package import DataModel
internal import Glibc

/// Many mutation requests in flight; acknowledgements come in order.
///
/// To stop early (Ctrl-C), stop sending and call `finish`: what was sent is acknowledged, nothing
/// else happens.
package final class MutationStream {
  /// What one sent list came to: all rows but the rejected ones are durable and visible.
  package struct Acknowledgement: Sendable {
    /// The number `send` returned.
    package var number: UInt64
    package var rejected: [(row: Int, code: String, message: String)]
  }

  /// Called from within `send` and `finish`, and from other calls on the same client; must not
  /// call the client itself.
  package var onAcknowledged: (Acknowledgement) -> Void = { _ in }
  /// Every list up to this number is acknowledged.
  package private(set) var acknowledged: UInt64 = 0

  /// With a producer: every position below is taken in.
  package private(set) var nextPosition: UInt64 = 0

  /// Nil when finished: who keeps the stream does not keep the connection.
  private var client: StoreClient?
  private let table: String
  private let producer: String?
  private let id: UInt64
  private let window: Int
  private var sequence: UInt64 = 0
  private var firstToReport: UInt64 = 1
  private var lastToReport = UInt64.max
  private var hasEnded = false
  private var failure: ClientError?
  private var body = ByteBuffer()

  /// Output that waits for the socket before `send` does.
  private static let unsentByteCount = 1 << 20

  init(
    _ client: StoreClient, _ table: String, _ id: UInt64, window: Int, producer: String?
  ) {
    self.client = client
    self.table = table
    self.id = id
    self.window = window
    self.producer = producer
  }

  /// Opens the stream without rows and waits for the position.
  func askForPosition() throws(ClientError) {
    guard let client else { return }
    firstToReport = 2
    try append(MutationList(capacity: 0), to: client)
    try advance(client) { acknowledged == sequence }
  }

  /// Sends the list's rows as one request; waits while `window` requests are unanswered.
  /// Acknowledgements that have arrived are passed to `onAcknowledged` from within `send` and
  /// `finish`.
  ///
  /// - Parameter position: Of the first row, with a producer; the others follow it.
  /// - Returns: The list's number, in the order of sending.
  /// - Throws: What ended the stream. Lists that are not acknowledged by then may have been
  ///   applied or not.
  package func send(
    _ list: borrowing MutationList, at position: UInt64 = 0
  ) throws(ClientError) -> UInt64 {
    guard let client, !hasEnded else {
      throw failure ?? .refused(code: "finished", message: "The stream is finished.")
    }
    try append(list, at: position, to: client)
    try advance(client) {
      sequence - acknowledged < UInt64(window)
        && client.wire.unsentByteCount < MutationStream.unsentByteCount
    }
    return sequence
  }

  private func append(
    _ list: borrowing MutationList, at position: UInt64 = 0, flags: FrameFlags = [],
    forgetsProducer: Bool = false, to client: StoreClient
  ) throws(ClientError) {
    body.clear(keepingAtMost: 4 << 20)
    let isFirst = sequence == 0
    WriteRequestEncoder.mutateStream(
      isFirst ? table : nil, sequence: sequence + 1, producer: isFirst ? producer : nil,
      position: position, forgetsProducer: forgetsProducer, list, into: &body)
    try client.wire.append(.mutateStream, id, flags: flags) { $0.append(body.view) }
    sequence += 1
  }

  /// Waits until everything sent is acknowledged.
  package func drain() throws(ClientError) {
    if let failure { throw failure }
    guard let client, !hasEnded else { return }
    try advance(client) { acknowledged == sequence }
  }

  /// Waits until everything sent is acknowledged, and ends the stream.
  ///
  /// - Parameter forgetsProducer: Everything there is has been sent: the producer's position is
  ///   not needed any more.
  package func finish(forgetsProducer: Bool = false) throws(ClientError) {
    guard let client else {
      if let failure { throw failure }
      return
    }
    defer {
      client.streams[id] = nil
      self.client = nil
    }
    guard !hasEnded else {
      if let failure { throw failure }
      return
    }
    // An empty list ends the stream; it is not the caller's and is not reported.
    lastToReport = sequence
    try append(
      MutationList(capacity: 0), flags: .end, forgetsProducer: forgetsProducer, to: client)
    try advance(client) { hasEnded }
  }

  /// Sends and receives until `isEnough`; throws what ended the stream.
  private func advance(_ client: StoreClient, until isEnough: () -> Bool) throws(ClientError) {
    let wire = client.wire
    while true {
      let isSent = try wire.send()
      while let frame = try wire.received() { try client.deliver(frame) }
      if let failure { throw failure }
      if isEnough() { return }
      try wire.wait(for: Int16(isSent ? POLLIN : POLLIN | POLLOUT), milliseconds: -1)
    }
  }

  /// Takes an acknowledgement in.
  func receive(_ frame: ReceivedFrame) throws(ClientError) {
    if frame.isLast { hasEnded = true }
    guard frame.header.status == Status.ok.rawValue else {
      failure = Wire.refusal(frame)
      return
    }
    let response: MutateStreamResponse
    do throws(WireError) { response = try MutateStreamResponse(wire: frame.body) } catch {
      throw .protocolViolation("The server sent an acknowledgement that cannot be read: \(error).")
    }
    guard response.acknowledged >= acknowledged, response.acknowledged <= sequence else {
      throw .protocolViolation("The server acknowledged what was not sent.")
    }
    if producer != nil { nextPosition = response.nextPosition }
    var rejected = response.rejected[...]
    while acknowledged < response.acknowledged {
      acknowledged += 1
      var rows: [(row: Int, code: String, message: String)] = []
      while let next = rejected.first, next.sequence <= acknowledged {
        rows.append((Int(next.row.row), next.row.error.code, next.row.error.message))
        rejected.removeFirst()
      }
      if acknowledged >= firstToReport, acknowledged <= lastToReport {
        onAcknowledged(Acknowledgement(number: acknowledged, rejected: rows))
      }
    }
  }
}
