// Lines out of chunks, for NDJSON and CSV: split at \n (in CSV only outside of quotes), a \r before
// it dropped, blank lines skipped but counted, a byte order mark at the very start skipped. Holds
// one unfinished line and what was filled last, whatever the stream's length.

package import Bytes
internal import Glibc
internal import JSON

/// Collects chunks and hands out lines in place.
package struct LineBuffer: ~Copyable {
  /// What ends a line.
  package enum Separation: Sendable {
    case lines
    /// CSV records: a line end between double quotes belongs to the field.
    case records
  }

  /// A line and where it stands in the stream.
  package struct Line {
    /// Without its end; valid until the next `fill` or `append`.
    package let text: ByteView
    /// From 1; of a record over several lines the first.
    package let number: Int
    /// Bytes of the stream up to and including the line's end.
    package let endOffset: Int
  }

  /// Bytes of the longest line taken; longer ones are refused and passed over.
  package let lineByteLimit: Int
  private var buffer = ByteBuffer(capacity: 1 << 16)
  /// Bytes of `buffer` handed out already.
  private var consumed = 0
  /// Bytes of `buffer` known to hold no line end, from `consumed`.
  private var searched = 0
  /// Lines ended so far.
  private var lineCount = 0
  private let separation: Separation
  /// The bytes searched end within double quotes.
  private var isQuoted = false
  private var offset = 0
  private var isFinished = false
  /// The line at hand is over the limit: drop everything up to its end. The number is its first
  /// line's.
  private var droppedNumber: Int?

  package init(_ separation: Separation = .lines, lineByteLimit: Int = 256 << 20) {
    self.separation = separation
    self.lineByteLimit = lineByteLimit
  }

  /// Bytes that have not been handed out.
  package var waitingByteCount: Int { buffer.count - consumed }

  /// What has not been handed out is the start of a line whose end has not come.
  package var isInsideLine: Bool { searched == waitingByteCount }

  /// Lets `read` put up to `capacity` bytes behind what is there; it returns how many. Views handed
  /// out before are invalid then.
  package mutating func fill<Failure: Error>(
    capacity: Int, _ read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    compact()
    return try buffer.append(capacity: capacity, read)
  }

  /// Adds a chunk.
  package mutating func append(_ chunk: ByteView) {
    compact()
    buffer.append(chunk)
  }

  /// The stream has ended: what is left is a line even without its end.
  package mutating func finish() { isFinished = true }

  /// The next whole line; nil when more bytes are needed or, after `finish`, at the end.
  ///
  /// - Throws: `line_too_long`, once for each such line; the next call goes on behind it.
  package mutating func next() throws(RowTextError) -> Line? {
    while true {
      guard let line = takeLine() else {
        guard droppedNumber != nil || buffer.count - consumed > lineByteLimit else { return nil }
        if let number = droppedNumber, isFinished {
          droppedNumber = nil
          throw tooLong(at: number)
        }
        dropUnfinished()
        return nil
      }
      let number = droppedNumber ?? lineCount + 1
      lineCount += separation == .lines ? 1 : lineEnds(in: line) + 1
      if droppedNumber != nil || line.count > lineByteLimit {
        droppedNumber = nil
        throw tooLong(at: number)
      }
      let text = trimmed(line, isFirst: number == 1)
      if text.isEmpty { continue }
      return Line(text: text, number: number, endOffset: offset)
    }
  }

  private func tooLong(at number: Int) -> RowTextError {
    RowTextError(
      .lineTooLong, "a line is over the limit of \(lineByteLimit) bytes", line: number)
  }

  /// Gives the memory of a line over the limit back now; its end may be far.
  private mutating func dropUnfinished() {
    droppedNumber = droppedNumber ?? lineCount + 1
    if separation == .records { lineCount += lineEnds(in: buffer.view.dropFirst(consumed)) }
    offset += buffer.count - consumed
    buffer.clear(keepingAtMost: 1 << 20)
    consumed = 0
    searched = 0
  }

  /// Bytes up to the next line end, which is consumed with them.
  private mutating func takeLine() -> ByteView? {
    let rest = buffer.view.dropFirst(consumed)
    let count: Int
    let advance: Int
    if let end = lineEnd(in: rest, from: searched) {
      count = end
      advance = end + 1
    } else if isFinished, !rest.isEmpty {
      count = rest.count
      advance = count
    } else {
      searched = rest.count
      return nil
    }
    consumed += advance
    offset += advance
    searched = 0
    isQuoted = false
    return rest.prefix(count)
  }

  private mutating func lineEnd(in rest: ByteView, from start: Int) -> Int? {
    guard separation == .records else {
      return LineBuffer.firstLineEnd(rest.dropFirst(start)).map { start + $0 }
    }
    for index in start..<rest.count {
      let byte = rest[index]
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if byte == 0x0a, !isQuoted { return index }
    }
    return nil
  }

  private func lineEnds(in text: ByteView) -> Int {
    var count = 0
    var rest = text
    while let end = LineBuffer.firstLineEnd(rest) {
      count += 1
      rest = rest.dropFirst(end + 1)
    }
    return count
  }

  private static func firstLineEnd(_ bytes: ByteView) -> Int? {
    guard let base = bytes.buffer.baseAddress, bytes.count > 0 else { return nil }
    // memchr stays within the count it is given.
    return memchr(base, 0x0a, bytes.count).map { UnsafeRawPointer($0) - base }
  }

  private func trimmed(_ line: ByteView, isFirst: Bool) -> ByteView {
    var text = line
    if isFirst, text.hasPrefix(ByteView("\u{feff}" as StaticString)) {
      text = text.dropFirst(3)
    }
    if text.count > 0, text[text.count - 1] == 0x0d { text = text.prefix(text.count - 1) }
    var blanks = 0
    while blanks < text.count, text[blanks] == 0x20 || text[blanks] == 0x09 { blanks += 1 }
    return blanks == text.count ? ByteView() : text
  }

  private mutating func compact() {
    guard consumed > 0 else { return }
    buffer.removeFirst(consumed)
    consumed = 0
  }
}
