// A load: lines in, mutation lists out, several in flight; counts what is committed.
//
// Acknowledgements come in the order of sending, so the last one tells how far into the file
// everything is durable or refused.
//
// With a producer each record has its number as position, from 1, refused ones included: those that
// the server has taken in are passed over, here and there. A list's records follow each other.

import Bytes
import Client
import DataModel
import RowText

/// Parses lines of NDJSON or CSV and sends them.
final class Loader {
  enum Format {
    case ndjson, csv
  }

  /// A sent list, until it is acknowledged.
  private struct Batch {
    /// The line of each of its rows.
    var lines: ContiguousArray<Int> = []
    /// The rows' text, where refused ones are to be kept.
    var text = ContiguousArray<UInt8>()
    var textEnds: ContiguousArray<Int> = []
    var lastLine = 0
    var endOffset = 0
    /// Number of its first record.
    var position: UInt64 = 0
  }

  static let batchRowCount = 256
  static let batchByteCount = 64 << 10
  /// Cells of one request stay well under its limit, however many a row has.
  static let batchMutationCount = DataModelLimits.mutationCount / 2

  /// Rows that are durable.
  private(set) var committedRows = 0
  /// All lines up to this one are durable or refused.
  private(set) var committedLine = 0
  /// Bytes of the input up to there.
  private(set) var committedBytes: UInt64 = 0
  /// Records that an earlier load brought in.
  private(set) var skippedCount: UInt64 = 0
  /// The whole input has been read and sent.
  private(set) var isComplete = false
  var rejects: RejectLog
  /// A failure while noting a refusal, to be thrown where throwing is possible.
  private var noteFailure: (any Error)?

  private let stream: MutationStream?
  private let schema: RowTextSchema
  private let format: Format
  private let timestamp: Timestamp
  private var lines: LineBuffer
  private var json: RowJSONReader
  private var csv: CSVRowReader?
  /// Number of the last record read.
  private var recordNumber: UInt64 = 0
  private var list = MutationList(capacity: Loader.batchByteCount * 2)
  private var batch = Batch()
  private var inFlight: [Batch] = []
  private var firstInFlight = 0

  /// - Parameter stream: nil reads and checks the lines without sending them.
  init(
    _ schema: RowTextSchema, _ format: Format, timestamp: Timestamp, to stream: MutationStream?,
    rejects: consuming RejectLog
  ) {
    self.schema = schema
    self.format = format
    self.timestamp = timestamp
    self.stream = stream
    self.rejects = rejects
    lines = LineBuffer(format == .csv ? .records : .lines)
    json = RowJSONReader(schema, timestamp: timestamp)
    stream?.onAcknowledged = { [unowned self] in acknowledge($0) }
  }

  /// Reads to the end of the input, or until someone wants to stop.
  func run(
    _ input: borrowing LoadInput, maxRejects: Int, onProgress: (Loader) -> Void
  ) throws {
    let resumed = stream?.nextPosition ?? 0
    skippedCount = resumed > 0 ? resumed - 1 : 0
    var hasMore = true
    while hasMore, !Interruption.isRequested, rejects.count <= maxRejects {
      hasMore = try input.read(into: &lines)
      if !hasMore, !Interruption.isRequested { lines.finish() }
      while !Interruption.isRequested, rejects.count <= maxRejects, try readLine() {
        if isBatchFull {
          try sendBatch()
          onProgress(self)
        }
      }
    }
    if !Interruption.isRequested { try sendBatch() }
    isComplete = !hasMore && !Interruption.isRequested && rejects.count <= maxRejects
    try stream?.drain()
    if let noteFailure { throw noteFailure }
  }

  /// Ends the stream; the last thing to do.
  ///
  /// - Parameter forgetsProducer: The same input would then be loaded anew.
  func finish(forgetsProducer: Bool) throws {
    try stream?.finish(forgetsProducer: forgetsProducer && isComplete)
  }

  private var isBatchFull: Bool {
    list.rowCount >= Loader.batchRowCount || list.byteCount >= Loader.batchByteCount
      || list.mutationCount >= Loader.batchMutationCount
  }

  /// Takes one line into the batch, or refuses it; false when more input is needed.
  private func readLine() throws -> Bool {
    do {
      guard let line = try lines.next() else { return false }
      if format == .csv, csv == nil {
        csv = try header(line)
        return true
      }
      recordNumber += 1
      if recordNumber <= skippedCount { return true }
      do throws(RowTextError) {
        try read(line)
      } catch {
        try sendBatch()
        batch.lastLine = line.number
        batch.endOffset = line.endOffset
        try rejects.add(
          line: error.line ?? line.number, column: error.column, code: error.code.rawValue,
          message: error.message, text: line.text)
      }
    } catch let error as RowTextError {
      // Longer than a line may be.
      recordNumber += 1
      if recordNumber <= skippedCount { return true }
      try sendBatch()
      try rejects.add(
        line: error.line ?? 0, column: nil, code: error.code.rawValue, message: error.message,
        text: nil)
    }
    return true
  }

  private func read(_ line: LineBuffer.Line) throws(RowTextError) {
    switch format {
    case .ndjson: try json.read(line.text, line: line.number, into: &list)
    case .csv: try csv?.read(line.text, line: line.number, into: &list)
    }
    if batch.lines.isEmpty { batch.position = recordNumber }
    batch.lines.append(line.number)
    batch.lastLine = line.number
    batch.endOffset = line.endOffset
    if rejects.keepsText {
      batch.text.append(contentsOf: line.text.buffer)
      batch.textEnds.append(batch.text.count)
    }
  }

  /// A wrong header ends the load: no record could be read.
  private func header(_ line: LineBuffer.Line) throws -> CSVRowReader {
    do {
      return try CSVRowReader(
        schema, header: line.text, line: line.number, timestamp: timestamp)
    } catch {
      throw CommandFailure.refused("the header, \(error) (\(error.code.rawValue))")
    }
  }

  private func sendBatch() throws {
    if let noteFailure { throw noteFailure }
    guard batch.lastLine > 0 else { return }
    let sent = batch
    batch = Batch()
    guard let stream, list.rowCount > 0 else {
      // Refused lines only, or nobody to send to.
      if stream == nil { settle(sent, rejected: []) }
      list.clear()
      return
    }
    inFlight.append(sent)
    _ = try stream.send(list, at: sent.position)
    list.clear()
  }

  private func acknowledge(_ answer: MutationStream.Acknowledgement) {
    guard firstInFlight < inFlight.count else { return }
    let batch = inFlight[firstInFlight]
    inFlight[firstInFlight] = Batch()
    firstInFlight += 1
    if firstInFlight > 64 {
      inFlight.removeFirst(firstInFlight)
      firstInFlight = 0
    }
    settle(batch, rejected: answer.rejected)
  }

  private func settle(
    _ batch: Batch, rejected: [(row: Int, code: String, message: String)]
  ) {
    committedRows += batch.lines.count - rejected.count
    committedLine = batch.lastLine
    committedBytes = UInt64(batch.endOffset)
    for refusal in rejected where batch.lines.indices.contains(refusal.row) {
      do {
        try note(refusal, of: batch)
      } catch {
        noteFailure = noteFailure ?? error
      }
    }
  }

  private func note(
    _ refusal: (row: Int, code: String, message: String), of batch: Batch
  ) throws {
    let line = batch.lines[refusal.row]
    guard rejects.keepsText else {
      return try rejects.add(
        line: line, column: nil, code: refusal.code, message: refusal.message, text: nil)
    }
    let start = refusal.row == 0 ? 0 : batch.textEnds[refusal.row - 1]
    let text = Array(batch.text[start..<batch.textEnds[refusal.row]])
    try ByteView.of(text) { (text: ByteView) throws in
      try rejects.add(
        line: line, column: nil, code: refusal.code, message: refusal.message, text: text)
    }
  }
}
