// The answer of an ingest stream: NDJSON, a line about once a second and one at the end.
//
//   {"committed":N,"position":P,"errors":[{"line":L,"column":C,"code":"…","message":"…"},…]}
//   … "repeated":R where lines had been taken in before, "refused":K where errors were left out,
//   "done":true in the last line of a stream that was taken in whole,
//   "error":{problem} in the last line of one that was not
//
// `committed` counts rows that this stream has made durable, `position` is the last one that is
// taken in: of the producer, else the line of the body.

internal import Bytes
internal import HTTP1
internal import JSON

/// What is to be told next.
struct IngestReport {
  /// Errors told one by one; more are only counted, so that the answer has a bound.
  private static let errorCount = 1_000
  private static let errorsPerLine = 100

  private(set) var committed: UInt64 = 0
  private var repeated: UInt64 = 0
  private var position: UInt64?
  private var refused: UInt64 = 0
  private var untold: [RefusedLine] = []
  private var toldCount = 0
  private(set) var hasNews = false

  /// A batch has its outcome.
  mutating func add(_ batch: IngestBatch, hasProducer: Bool) {
    committed += UInt64(batch.appliedRowCount)
    repeated += UInt64(batch.repeatedRowCount)
    position = hasProducer ? (batch.next > 0 ? batch.next - 1 : nil) : UInt64(batch.endLine - 1)
    refused += UInt64(batch.refused.count)
    let room = Self.errorCount - toldCount - untold.count
    for var line in batch.refused.sorted(by: { $0.line < $1.line }).prefix(max(room, 0)) {
      line.text = nil
      untold.append(line)
    }
    hasNews = true
  }

  /// Writes one line. The last one tells all errors that are left.
  mutating func write(into output: inout ByteBuffer, end: Result<Void, Problem>? = nil) {
    output.append("{\"committed\":")
    output.append(decimal: committed)
    output.append(",\"position\":")
    if let position { output.append(decimal: position) } else { output.append("null") }
    output.append(",\"errors\":[")
    let count = end == nil ? min(untold.count, Self.errorsPerLine) : untold.count
    for (index, line) in untold[..<count].enumerated() {
      if index > 0 { output.append(0x2c as UInt8) }
      write(line, into: &output)
    }
    untold.removeFirst(count)
    toldCount += count
    output.append("]")
    if repeated > 0 {
      output.append(",\"repeated\":")
      output.append(decimal: repeated)
    }
    if refused > UInt64(toldCount) {
      output.append(",\"refused\":")
      output.append(decimal: refused)
    }
    switch end {
    case .success: output.append(",\"done\":true")
    case .failure(let problem):
      output.append(",\"error\":")
      problem.write(into: &output)
      // Without the line end that a problem's body has.
      output.truncate(to: output.count - 1)
    case nil: break
    }
    output.append("}\n")
    hasNews = false
  }

  private func write(_ line: RefusedLine, into output: inout ByteBuffer) {
    output.append("{\"line\":")
    output.append(decimal: line.line)
    if let column = line.column {
      output.append(",\"column\":")
      output.append(decimal: column)
    }
    output.append(",\"code\":")
    output.append(jsonString: line.code)
    output.append(",\"message\":")
    output.append(jsonString: line.message)
    output.append("}")
  }
}
