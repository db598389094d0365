// Writes answer frames: single messages, refusals, and rows cut into frames of bounded length.
// Works on any buffer, so that a worker can prepare what the loop then sends.

internal import BinaryProtocol
internal import Bytes
internal import DataModel

/// Writes the answers of one connection, whose client takes bodies up to a limit.
struct AnswerWriter: Sendable {
  let bodyLimit: Int

  /// Where a row is cut.
  var pieceByteCount: Int { min(ProtocolLimits.answerPieceByteCount, bodyLimit / 4) }
  /// A chunk of rows is sent when it has grown this long.
  var chunkByteCount: Int { min(64 << 10, bodyLimit / 4) }

  func refusal(
    _ refusal: Refusal, to operation: UInt8, _ requestID: UInt64, into buffer: inout ByteBuffer
  ) {
    var header = FrameHeader(
      operation: .ping, flags: .answer, status: refusal.status, requestID: requestID)
    header.operation = operation
    let frame = FrameWriter(header, into: &buffer)
    refusal.error.encode(into: &buffer)
    frame.finish(in: &buffer)
  }

  /// One frame; a refusal in its place when the client would not take it.
  func message(
    _ operation: Operation, _ requestID: UInt64, flags: FrameFlags = .answer,
    into buffer: inout ByteBuffer, _ write: (inout ByteBuffer) -> Void
  ) {
    let frame = FrameWriter(
      FrameHeader(operation: operation, flags: flags, requestID: requestID), into: &buffer)
    write(&buffer)
    guard frame.bodyByteCount(in: buffer) <= bodyLimit else {
      frame.discard(from: &buffer)
      refusal(
        Refusal(
          .tooLarge, "answer_too_large",
          "The answer is longer than the body that the client said it takes."),
        to: operation.rawValue, requestID, into: &buffer)
      return
    }
    frame.finish(in: &buffer)
  }

  /// The cells of one row as field 1, in as many frames as they need.
  func cells(
    of row: RowBuffer, _ operation: Operation, _ requestID: UInt64, into buffer: inout ByteBuffer
  ) {
    var start = 0
    repeat {
      let frame = FrameWriter(
        FrameHeader(operation: operation, flags: .answer, requestID: requestID), into: &buffer)
      guard
        let end = RowEncoder.append(
          cellsOf: row, from: start, limit: pieceByteCount, most: bodyLimit, as: 1, to: &buffer)
      else {
        frame.discard(from: &buffer)
        refusal(.cellTooLarge, to: operation.rawValue, requestID, into: &buffer)
        return
      }
      if end < row.cells.count {
        frame.finish(operation, flags: [.answer, .more], in: &buffer)
      } else {
        frame.finish(in: &buffer)
      }
      start = end
    } while start < row.cells.count
  }
}

/// The frames of an answer of many rows. Every frame but the last says that more follow; the
/// answer ends with `finish` or with a refusal.
struct RowFrames {
  let operation: Operation
  let requestID: UInt64
  let writer: AnswerWriter
  private var frame: FrameWriter?
  /// Bytes of bodies that have been closed.
  private(set) var closedByteCount = 0
  /// A refusal has ended the answer.
  private(set) var hasFailed = false

  init(_ operation: Operation, _ requestID: UInt64, _ writer: AnswerWriter) {
    self.operation = operation
    self.requestID = requestID
    self.writer = writer
  }

  /// Bytes in the frame that is open.
  func openByteCount(in buffer: borrowing ByteBuffer) -> Int {
    frame?.bodyByteCount(in: buffer) ?? 0
  }

  /// Appends a row in one or several frames; false, with nothing of its rest written, when a cell
  /// is longer than the client takes.
  mutating func append(_ row: RowBuffer, withKey: Bool, to buffer: inout ByteBuffer) -> Bool {
    var start = 0
    repeat {
      if start < row.cells.count {
        let longest = row.cells[start].value.count
        guard longest <= writer.bodyLimit - RowEncoder.overheadByteCount else { return false }
        if longest > writer.pieceByteCount / 2 { close(&buffer) }
      }
      let current = openFrame(&buffer)
      start = RowEncoder.append(
        row, from: start, withKey: withKey && start == 0, limit: writer.pieceByteCount, as: 1,
        to: &buffer)
      if current.bodyByteCount(in: buffer) >= writer.chunkByteCount { close(&buffer) }
    } while start < row.cells.count
    return true
  }

  /// Closes the open frame, if any; more follow.
  mutating func close(_ buffer: inout ByteBuffer) {
    guard let frame else { return }
    closedByteCount += frame.bodyByteCount(in: buffer)
    frame.finish(in: &buffer)
    self.frame = nil
  }

  /// Ends the answer with a last, perhaps empty, frame.
  mutating func finish(_ buffer: inout ByteBuffer) {
    let last = openFrame(&buffer)
    closedByteCount += last.bodyByteCount(in: buffer)
    last.finish(operation, flags: .answer, in: &buffer)
    frame = nil
  }

  /// Ends the answer with a refusal.
  mutating func fail(_ refusal: Refusal, _ buffer: inout ByteBuffer) {
    close(&buffer)
    hasFailed = true
    writer.refusal(refusal, to: operation.rawValue, requestID, into: &buffer)
  }

  private mutating func openFrame(_ buffer: inout ByteBuffer) -> FrameWriter {
    if let frame { return frame }
    let opened = FrameWriter(
      FrameHeader(operation: operation, flags: [.answer, .more], requestID: requestID),
      into: &buffer)
    frame = opened
    return opened
  }
}

/// Bytes that a worker prepared for the loop. One owner at a time: the worker hands it over.
final class PreparedAnswer: @unchecked Sendable {
  var bytes = ByteBuffer()
}
