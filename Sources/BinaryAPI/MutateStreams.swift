// Mutate streams: lists that follow each other under one request id, acknowledged by sequence.
// An acknowledgement is cumulative, so that many lists made durable together cost one frame.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Fronts
internal import Net
internal import Tablets

/// A mutate stream that is open. On the loop only.
final class MutateStream: @unchecked Sendable {
  let id: UInt64
  let table: Table
  /// Whose rows they are; nil for nobody's, which are applied as often as they are sent.
  let producer: [UInt8]?
  /// Position after the last row of the last frame that arrived.
  var end: UInt64 = 0
  /// Of the last frame that arrived.
  var sequence: UInt64 = 0
  /// Every frame up to here has its outcome.
  private(set) var acknowledged: UInt64 = 0
  /// Outcomes that came before an earlier frame's.
  private var early: [UInt64: Outcome] = [:]
  /// Not sent yet.
  private var response = MutateStreamResponse()
  var hasEnded = false
  var isAcknowledgementDue = false

  /// What became of one frame.
  struct Outcome {
    var rejected: [RejectedRow] = []
    /// The producer's position after it.
    var next: UInt64 = 0

    init() {}

    init(_ rejected: [(row: Int, error: TableServiceError)], next: UInt64 = 0) {
      self.rejected = rejected.map { RejectedRow($0, $1) }
      self.next = next
    }
  }

  init(_ id: UInt64, _ table: Table, producer: ByteView) {
    self.id = id
    self.table = table
    self.producer = producer.isEmpty ? nil : producer.array
  }

  var isFinished: Bool { hasEnded && acknowledged == sequence }

  func complete(_ completed: UInt64, _ outcome: Outcome) {
    early[completed] = outcome
    while let outcome = early.removeValue(forKey: acknowledged + 1) {
      acknowledged += 1
      for row in outcome.rejected { response.rejected.append((acknowledged, row)) }
      response.nextPosition = outcome.next
    }
  }

  /// What has been acknowledged since it was last taken.
  func takeResponse() -> MutateStreamResponse {
    response.acknowledged = acknowledged
    defer { response.rejected = [] }
    return response
  }

  /// Where a frame's rows are, and that they follow those of the frame before.
  func source(_ position: UInt64, rowCount: Int, forgets: Bool) -> IngestSource? {
    guard let producer else { return nil }
    var source = IngestSource(producer: producer, first: position, lineCount: rowCount)
    source.previousEnd = end
    source.isLast = forgets
    if rowCount > 0 { end = max(end, source.end) }
    return source
  }
}

extension BinarySession {
  func mutateStream(_ header: FrameHeader, _ body: ByteView, _ cost: Int) {
    let id = header.requestID
    let request: MutateRequestView
    do throws(WireError) { request = try MutateRequestView(body, isStream: true) } catch {
      endStream(id, Refusal(error))
      return finish(cost)
    }
    let (name, producer, arrived) = (request.table, request.producer, request.sequence)
    guard let stream = mutateStreams[id] ?? openStream(id, name, producer, arrived) else {
      return finish(cost)
    }
    guard !stream.hasEnded, arrived == stream.sequence + 1 else {
      endStream(
        id,
        Refusal(
          .invalid, "out_of_sequence",
          "Frame \(arrived) of the stream came after frame \(stream.sequence)."))
      return finish(cost)
    }
    stream.sequence += 1
    if header.flags.contains(.end) { stream.hasEnded = true }
    let sequence = stream.sequence
    let (position, forgets) = (request.position, request.forgetsProducer)
    guard position <= UInt64(Int64.max) else {
      endStream(
        id, Refusal(.invalid, "invalid_sequence", "A position is at most \(Int64.max)."))
      return finish(cost)
    }
    let list = request.takeList()
    writes.commit()
    if let source = stream.source(position, rowCount: list.rowCount, forgets: forgets) {
      stream.table.ingest(list, from: source) { [self] result in
        completed(stream, sequence, cost, result.map { .init($0.rejected, next: $0.next) })
      }
      return
    }
    guard !list.isEmpty else {
      stream.complete(sequence, .init())
      acknowledge(stream)
      return finish(cost)
    }
    stream.table.mutate(list) { [self] result in
      completed(stream, sequence, cost, result.map { .init($0.rejected) })
    }
  }

  /// A frame has its outcome; from any thread.
  private func completed(
    _ stream: MutateStream, _ sequence: UInt64, _ cost: Int,
    _ result: Result<MutateStream.Outcome, TableServiceError>
  ) {
    loop.execute { [self] in
      if mutateStreams[stream.id] === stream {
        switch result {
        case .success(let outcome):
          stream.complete(sequence, outcome)
          acknowledge(stream)
        case .failure(let error): endStream(stream.id, Refusal(error))
        }
      }
      finish(cost)
    }
  }

  /// The stream that a first frame opens; nil when it is refused, or when the frame is a late one
  /// of a stream that has ended.
  private func openStream(
    _ id: UInt64, _ name: ByteView, _ producer: ByteView, _ sequence: UInt64
  ) -> MutateStream? {
    guard sequence == 1 else { return nil }
    guard scans[id] == nil else {
      refuse(
        .mutateStream, id,
        Refusal(.invalid, "request_id_in_use", "Request id \(id) is in use by a scan."))
      return nil
    }
    guard mutateStreams.count < state.limits.streams else {
      refuse(
        .mutateStream, id,
        Refusal(
          .retryLater, "too_many_streams",
          "At most \(state.limits.streams) mutate streams may be open on one connection."))
      return nil
    }
    do throws(TableServiceError) {
      let stream = MutateStream(id, try front.service.table(name), producer: producer)
      mutateStreams[id] = stream
      return stream
    } catch {
      refuse(.mutateStream, id, Refusal(error))
      return nil
    }
  }

  private func endStream(_ id: UInt64, _ refusal: Refusal) {
    if let stream = mutateStreams.removeValue(forKey: id) { sendAcknowledgement(stream) }
    refuse(.mutateStream, id, refusal)
  }

  /// Sends the acknowledgement after the other completions that this turn of the loop brings.
  private func acknowledge(_ stream: MutateStream) {
    guard !stream.isAcknowledgementDue else { return }
    stream.isAcknowledgementDue = true
    loop.execute { [self] in
      stream.isAcknowledgementDue = false
      guard mutateStreams[stream.id] === stream else { return }
      if stream.isFinished { mutateStreams[stream.id] = nil }
      sendAcknowledgement(stream)
      closeWhenIdle()
    }
  }

  private func sendAcknowledgement(_ stream: MutateStream) {
    let response = stream.takeResponse()
    let flags: FrameFlags = stream.isFinished ? .answer : [.answer, .more]
    send { writer, output in
      writer.message(.mutateStream, stream.id, flags: flags, into: &output) {
        response.encode(into: &$0)
      }
    }
  }
}
