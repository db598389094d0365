// The body of an ingest stream as a connection brings it: chunks, lines, rows, and what is refused.
// Wherever the bytes are cut, the same rows are taken and the same lines refused, each line once;
// a refused line is kept as it was sent; every line of the answer is JSON.

import Bytes
import DataModel
import HTTP1
import JSON
import RowText
import TestSupport

@testable import HTTPAPI
@testable import Tablets

final class IngestTarget: FuzzTarget {
  private static let head = Array(
    "POST /v1/tables/t/rows:ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
  private var whole = ByteBuffer()
  private var cut = ByteBuffer()
  private var bytes = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    var choices = input.choices
    // One in two is a body's text, which is put into chunks here: so short inputs reach the rows.
    bytes.clear()
    bytes.append(IngestTarget.head)
    if choices.chance(0.5) {
      bytes.append(input)
    } else {
      IngestTarget.chunk(input, &choices, into: &bytes)
    }
    let limit = choices.chance(0.5) ? 48 : 4_096
    whole.clear()
    var none: SeededGenerator?
    try IngestTarget.decode(bytes.view, limit, cuts: &none, into: &whole)
    cut.clear()
    var cuts: SeededGenerator? = choices
    try IngestTarget.decode(bytes.view, limit, cuts: &cuts, into: &cut)
    try require(whole.view == cut.view, "whole and cut: \(whole.view.difference(from: cut.view))")
    _ = try? IngestRequest.producer(input)
  }

  private static func chunk(
    _ text: ByteView, _ choices: inout SeededGenerator, into bytes: inout ByteBuffer
  ) {
    var at = 0
    while at < text.count {
      let end = min(text.count, at + 1 + Int(choices.next() & 63))
      bytes.append(utf8: String(end - at, radix: 16))
      bytes.append("\r\n")
      bytes.append(text[at..<end])
      bytes.append("\r\n")
      at = end
    }
    bytes.append("0\r\n\r\n")
  }

  /// Takes the connection's bytes in one piece or cut, as an ingest stream does, and writes down
  /// what became of each line.
  private static func decode(
    _ input: ByteView, _ limit: Int, cuts: inout SeededGenerator?, into seen: inout ByteBuffer
  ) throws(Finding) {
    var decoder = RequestDecoder(limits: HTTPLimits())
    var stream = IngestedLines(lineByteLimit: limit)
    var consumed = 0
    var arrived = cuts == nil ? input.count : 0
    var stepsLeft = 4 * input.count + 16
    while true {
      stepsLeft -= 1
      try require(stepsLeft > 0, "the decoder does not go forward")
      let (event, used) = decoder.next(input[consumed..<arrived])
      consumed += used
      switch event {
      case .needMore:
        guard arrived < input.count else { return try stream.end(into: &seen) }
        arrived = min(input.count, arrived + 1 + Int((cuts?.next() ?? 0) & 31))
      case .head: decoder.bodyLimit = .max
      case .body(let part): stream.take(part)
      case .end:
        stream.finish()
        return try stream.end(into: &seen)
      case .refused: return try stream.end(into: &seen)
      }
    }
  }
}

/// The lines of one stream, in batches of a few.
private struct IngestedLines: ~Copyable {
  private var lines: LineBuffer
  private var reader = RowJSONReader(TextWorld.schema)
  private var batch = IngestBatch(firstLine: 1, keepsText: true)
  private var sent: [IngestBatch] = []
  /// The last line of each batch that is a row.
  private var lastRows: [[UInt8]] = []
  private var lastRow: [UInt8] = []

  init(lineByteLimit: Int) { lines = LineBuffer(lineByteLimit: lineByteLimit) }

  mutating func take(_ part: ByteView) {
    lines.append(part)
    drain()
  }

  mutating func finish() {
    lines.finish()
    drain()
    // After the end a line over the limit is told only when asked once more.
    drain()
  }

  private mutating func drain() {
    while true {
      do throws(RowTextError) {
        guard let line = try lines.next() else { return }
        let before = batch.rowCount
        batch.add(line, &reader)
        if batch.rowCount > before { lastRow = line.text.array }
      } catch {
        batch.refuse(error, line: error.line ?? batch.endLine)
      }
      if batch.lineCount >= 20 { submit() }
    }
  }

  private mutating func submit() {
    sent.append(batch)
    lastRows.append(lastRow)
    batch = IngestBatch(firstLine: batch.endLine, keepsText: true)
  }

  /// Commits all that came and tells it.
  mutating func end(into seen: inout ByteBuffer) throws(Finding) {
    if !batch.isEmpty { submit() }
    var report = IngestReport()
    var next = 1
    for (batch, lastRow) in zip(sent, lastRows) {
      try require(batch.firstLine == next, "batches do not follow each other")
      next = batch.endLine
      let source = batch.source([0x70], sequence: 7, isFirst: batch.firstLine == 1)
      try require(source.end == 7 + UInt64(next - 1), "a batch ends at \(source.end)")
      let rowCount = batch.rowCount
      try require(
        source.firstRow(notBelow: source.end, rowCount: rowCount) == rowCount,
        "rows behind the end of their batch")
      let rows = batch.takeRows()
      try require(rows.rowCount == rowCount, "\(rowCount) rows are \(rows.rowCount)")
      seen.append(rows.encoded)
      let error = TableServiceError.invalid(code: "c", message: "no")
      batch.refuse([(row: rowCount - 1, error: error), (row: rowCount, error: error)])
      for line in batch.refused.sorted(by: { $0.line < $1.line }) {
        try require((batch.firstLine..<next).contains(line.line), "a line of another batch")
        seen.append(utf8: "\n\(line.line) \(line.code) ")
        if let text = line.text { seen.append(text) }
        try require(line.code != "c" || line.text == lastRow, "another line than was refused")
      }
      batch.appliedRowCount = max(0, rowCount - 1)
      batch.next = source.end
      report.add(batch, hasProducer: true)
      try check(&report, end: nil)
    }
    try check(&report, end: .success(()))
    try check(&report, end: .failure(.overloaded))
  }

  private func check(
    _ report: inout IngestReport, end: Result<Void, Problem>?
  ) throws(Finding) {
    var line = ByteBuffer()
    report.write(into: &line, end: end)
    let text = line.view.prefix(line.count - 1)
    guard let value = try? JSONValue(parsing: text), case .array? = value["errors"],
      text.firstIndex(of: 0x0a) == nil
    else { throw Finding("a line of the answer: \(line.view)") }
  }
}
