// Lines of an ingest stream that are committed together, and what became of each.

internal import Bytes
internal import DataModel
internal import RowText
internal import Tablets

/// A line that was not taken, and why.
struct RefusedLine: Sendable {
  /// Of the body, from 1.
  var line: Int
  var column: Int?
  var code: String
  var message: String
  /// The line itself, where refused ones are kept.
  var text: [UInt8]?
}

/// Lines in the order of the body. Filled on the loop; used by one step at a time.
final class IngestBatch: @unchecked Sendable {
  /// Bytes and mutations at which a batch is full: large enough that one sync serves thousands of
  /// rows, small enough that eight of them are no burden.
  static let byteCount = 128 << 10
  static let mutationCount = DataModelLimits.mutationCount / 2

  /// Number of the first line in the body, from 1.
  let firstLine: Int
  /// Lines, blank and refused ones included.
  private(set) var lineCount = 0
  private(set) var refused: [RefusedLine] = []
  /// Everything below is its outcome's.
  var isDone = false
  var appliedRowCount = 0
  var repeatedRowCount = 0
  /// The producer's position after it.
  var next: UInt64 = 0

  private var list = MutationList(capacity: IngestBatch.byteCount + (16 << 10))
  private(set) var rowCount = 0
  /// For each row its line, counted from the first.
  private var rowLines: [UInt32] = []
  private let keepsText: Bool
  private var text: [UInt8] = []
  private var textEnds: [Int] = []

  init(firstLine: Int, keepsText: Bool) {
    self.firstLine = firstLine
    self.keepsText = keepsText
  }

  var isEmpty: Bool { lineCount == 0 }
  var isFull: Bool {
    list.byteCount + text.count >= IngestBatch.byteCount
      || list.mutationCount >= IngestBatch.mutationCount || refused.count >= 1_000
      || rowCount >= DataModelLimits.mutationCount
  }
  /// The line after the last one.
  var endLine: Int { firstLine + lineCount }

  /// Takes a line in.
  func add(_ line: LineBuffer.Line, _ reader: inout RowJSONReader) {
    lineCount = line.number - firstLine + 1
    do throws(RowTextError) {
      try reader.read(line.text, line: line.number, into: &list)
    } catch {
      refuse(error, line: line.number, text: keepsText ? line.text.array : nil)
      return
    }
    rowCount += 1
    rowLines.append(UInt32(clamping: line.number - firstLine))
    guard keepsText else { return }
    text.append(contentsOf: line.text.buffer)
    textEnds.append(text.count)
  }

  /// A line that could not be read at all.
  func refuse(_ error: RowTextError, line: Int, text: [UInt8]? = nil) {
    lineCount = max(lineCount, line - firstLine + 1)
    refused.append(
      RefusedLine(
        line: line, column: error.column, code: error.code.rawValue, message: error.message,
        text: text))
  }

  /// Rows that the table refused.
  func refuse(_ rejected: [(row: Int, error: TableServiceError)]) {
    for (row, error) in rejected where rowLines.indices.contains(row) {
      let problem = Problem(error)
      refused.append(
        RefusedLine(
          line: firstLine + Int(rowLines[row]), column: nil, code: problem.code,
          message: problem.detail, text: text(ofRow: row)))
    }
  }

  private func text(ofRow row: Int) -> [UInt8]? {
    guard keepsText, textEnds.indices.contains(row) else { return nil }
    return Array(text[(row == 0 ? 0 : textEnds[row - 1])..<textEnds[row]])
  }

  /// Hands the rows over.
  func takeRows() -> MutationList {
    var rows = MutationList(capacity: 0)
    swap(&rows, &list)
    return rows
  }

  /// What the lines are to their producer.
  func source(_ producer: [UInt8], sequence: UInt64, isFirst: Bool) -> IngestSource {
    let first = sequence + UInt64(firstLine - 1)
    var source = IngestSource(
      producer: producer, first: first, lineCount: lineCount,
      lines: rowLines.count == lineCount ? nil : rowLines)
    source.previousEnd = isFirst ? 0 : first
    return source
  }
}
