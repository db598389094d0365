// Lines out of chunks, for NDJSON: split at \n, a \r before it dropped, blank lines skipped but
// counted, a byte order mark at the very start skipped. Holds one unfinished line and what was
// filled last, whatever the stream's length.

package import Bytes
internal import Glibc
internal import JSON

/// Collects chunks and hands out lines in place.
package struct LineBuffer: ~Copyable {
  /// A line and where it stands in the stream.
  package struct Line {
    /// Without its end; valid until the next `fill` or `append`.
    package let text: ByteView
    /// From 1.
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
  private var lineNumber = 0
  private var offset = 0
  private var isFinished = false
  /// The line at hand is over the limit: drop everything up to its end.
  private var isDropping = false

  package init(lineByteLimit: Int = 256 << 20) { self.lineByteLimit = lineByteLimit }

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
        guard buffer.count - consumed > lineByteLimit else { return nil }
        // Give the memory back now; the line's end may be far.
        offset += buffer.count - consumed
        buffer.clear(keepingAtMost: 1 << 20)
        consumed = 0
        searched = 0
        isDropping = true
        continue
      }
      lineNumber += 1
      if isDropping || line.count > lineByteLimit {
        isDropping = false
        throw RowTextError(
          .lineTooLong, "a line is over the limit of \(lineByteLimit) bytes", line: lineNumber)
      }
      let text = trimmed(line)
      if text.isEmpty { continue }
      return Line(text: text, number: lineNumber, endOffset: offset)
    }
  }

  /// Bytes up to the next line end, which is consumed with them.
  private mutating func takeLine() -> ByteView? {
    let rest = buffer.view.dropFirst(consumed)
    let unseen = rest.dropFirst(searched)
    let count: Int
    let advance: Int
    if let end = LineBuffer.firstLineEnd(unseen) {
      count = searched + end
      advance = count + 1
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
    return rest.prefix(count)
  }

  private static func firstLineEnd(_ bytes: ByteView) -> Int? {
    guard let base = bytes.buffer.baseAddress, bytes.count > 0 else { return nil }
    // memchr stays within the count it is given.
    return memchr(base, 0x0a, bytes.count).map { UnsafeRawPointer($0) - base }
  }

  private func trimmed(_ line: ByteView) -> ByteView {
    var text = line
    if lineNumber == 1, text.hasPrefix(ByteView("\u{feff}" as StaticString)) {
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
