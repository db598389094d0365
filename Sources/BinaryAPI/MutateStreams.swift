// Mutate streams: lists that follow each other under one request id, acknowledged by sequence.
// An acknowledgement is cumulative, so that many lists made durable together cost one frame.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Net
internal import Tablets

/// A mutate stream that is open. On the loop only.
final class MutateStream: @unchecked Sendable {
  let id: UInt64
  let table: Table
  /// Of the last frame that arrived.
  var sequence: UInt64 = 0
  /// Every frame up to here has its outcome.
  private(set) var acknowledged: UInt64 = 0
  /// Outcomes that came before an earlier frame's.
  private var early: [UInt64: [RejectedRow]] = [:]
  /// Not sent yet.
  private var response = MutateStreamResponse()
  var hasEnded = false
  var isAcknowledgementDue = false

  init(_ id: UInt64, _ table: Table) {
    self.id = id
    self.table = table
  }

  var isFinished: Bool { hasEnded && acknowledged == sequence }

  func complete(_ completed: UInt64, _ rejected: [RejectedRow]) {
    early[completed] = rejected
    while let rows = early.removeValue(forKey: acknowledged + 1) {
      acknowledged += 1
      for row in rows { response.rejected.append((acknowledged, row)) }
    }
  }

  /// What has been acknowledged since it was last taken.
  func takeResponse() -> MutateStreamResponse {
    response.acknowledged = acknowledged
    defer { response = MutateStreamResponse() }
    return response
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
    let (name, arrived) = (request.table, request.sequence)
    guard let stream = mutateStreams[id] ?? openStream(id, name, arrived) else {
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
    let list = request.takeList()
    guard !list.isEmpty else {
      stream.complete(sequence, [])
      acknowledge(stream)
      return finish(cost)
    }
    stream.table.mutate(list) { [self] result in
      loop.execute { [self] in
        if mutateStreams[id] === stream {
          switch result {
          case .success(let receipt):
            stream.complete(sequence, receipt.rejected.map { RejectedRow($0, $1) })
            acknowledge(stream)
          case .failure(let error): endStream(id, Refusal(error))
          }
        }
        finish(cost)
      }
    }
  }

  /// The stream that a first frame opens; nil when it is refused, or when the frame is a late one
  /// of a stream that has ended.
  private func openStream(_ id: UInt64, _ name: ByteView, _ sequence: UInt64) -> MutateStream? {
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
      let stream = MutateStream(id, try front.service.table(name))
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
