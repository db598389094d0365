// A page of a range:
//
//   {"rows":[row, …],"nextPageToken":"…"}        the token only where the range goes on

internal import Bytes
internal import DataModel
internal import RowText
internal import Runtime
internal import Tablets
internal import VFS

/// Reads rows until the page is full, by count or by bytes, or the range ends.
final class PageRead: SlicedRead, @unchecked Sendable {
  private let question: RangeQuestion
  private let time: any TimeSource
  private let byteLimit: Int
  private let scan: RowScan
  private let row = RowBuffer()
  private let rowWriter: RowWriter
  private let tag: EntityTag
  private var rowCount = 0
  private var output = ByteBuffer(capacity: 4 << 10)
  /// The first row over the limit has been seen: there is another page.
  private var lastKey: [UInt8] = []
  private var isEnded = false

  init(_ question: RangeQuestion, time: any TimeSource, byteLimit: Int) throws(TableServiceError) {
    self.question = question
    self.time = time
    self.byteLimit = byteLimit
    // Taken before the scan: what is committed in between makes the tag too old, never too new.
    tag = question.tag
    scan = try question.table.scan(question.scanRequest(limit: question.limit + 1))
    rowWriter = RowWriter(question)
    output.append("{\"rows\":[")
  }

  func advance(wait: ReadWait, until end: UInt64) throws(TableServiceError) -> Bool {
    var steps = 0
    while !isEnded {
      switch try scan.next(into: row, wait: wait) {
      case .row: take()
      case .end: finish(goesOn: false)
      case .pause: return false
      }
      steps += 1
      if steps % 16 == 0, !isEnded, time.monotonicNanoseconds > end { return false }
    }
    return true
  }

  private func take() {
    defer { row.clear() }
    if rowCount == question.limit || (rowCount > 0 && output.count >= byteLimit) {
      return finish(goesOn: true)
    }
    if rowCount > 0 { output.append(0x2c as UInt8) }
    rowWriter.write(row, into: &output)
    rowCount += 1
    lastKey.removeAll(keepingCapacity: true)
    lastKey.append(contentsOf: row.key.buffer)
  }

  private func finish(goesOn: Bool) {
    isEnded = true
    output.append("]")
    if goesOn {
      output.append(",\"nextPageToken\":\"")
      PageToken(fingerprint: question.fingerprint, key: lastKey).write(into: &output)
      output.append("\"")
    }
    output.append("}\n")
  }

  func reply() -> Result<Reply, Problem> { .success(Reply(200, etag: tag)) }

  var body: ByteView { output.view }
}
