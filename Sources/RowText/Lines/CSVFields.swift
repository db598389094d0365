// One CSV record (RFC 4180) taken apart and put together.
//
//   record := field (',' field)*
//   field  := '"' (any byte, '"' doubled)* '"' │ bytes without ',' '"' CR LF

internal import Bytes

/// The fields of one record, in place where they hold no doubled quote.
struct CSVFields: ~Copyable {
  struct Field {
    /// Valid until the next `split`, as long as the record.
    let text: ByteView
    /// `""` is an empty value, nothing at all is no value.
    let isQuoted: Bool
    /// Bytes from the record's start.
    let offset: Int
  }

  private(set) var fields: [Field] = []
  /// Fields with doubled quotes resolved; room for the whole record is reserved with the first, so
  /// that views into it stay valid.
  private var resolved = ByteBuffer()

  /// Takes a record without its line end apart.
  mutating func split(_ record: ByteView) throws(RowTextError) {
    fields.removeAll(keepingCapacity: true)
    resolved.clear(keepingAtMost: 1 << 20)
    var at = 0
    while true {
      at = try readField(of: record, at: at)
      guard at < record.count else { return }
      guard record[at] == UInt8(ascii: ",") else {
        throw CSVFields.malformed("expected ',' after a quoted field", at: at, in: record)
      }
      at += 1
    }
  }

  /// Reads the field at `start`; returns the offset behind it.
  private mutating func readField(of record: ByteView, at start: Int) throws(RowTextError) -> Int {
    guard start < record.count, record[start] == UInt8(ascii: "\"") else {
      var end = start
      while end < record.count, record[end] != UInt8(ascii: ",") {
        if record[end] == UInt8(ascii: "\"") {
          throw CSVFields.malformed(
            "a '\"' inside a field: quote the whole field and double it", at: end, in: record)
        }
        end += 1
      }
      fields.append(Field(text: record[start..<end], isQuoted: false, offset: start))
      return end
    }
    var runStart = start + 1
    var at = runStart
    let begin = resolved.count
    var isResolved = false
    while at < record.count {
      guard record[at] == UInt8(ascii: "\"") else {
        at += 1
        continue
      }
      guard at + 1 < record.count, record[at + 1] == UInt8(ascii: "\"") else {
        let text: ByteView
        if isResolved {
          resolved.append(record[runStart..<at])
          text = resolved.view[begin..<resolved.count]
        } else {
          text = record[runStart..<at]
        }
        fields.append(Field(text: text, isQuoted: true, offset: start))
        return at + 1
      }
      if resolved.isEmpty { resolved.reserve(record.count) }
      resolved.append(record[runStart...at])
      isResolved = true
      at += 2
      runStart = at
    }
    throw CSVFields.malformed("a quoted field does not end", at: start, in: record)
  }

  static func malformed(_ message: String, at offset: Int, in record: ByteView) -> RowTextError {
    refusal(.malformedCSV, message, at: offset, in: record)
  }

  static func refusal(
    _ code: RowTextError.Code, _ message: String, at offset: Int, in record: ByteView
  ) -> RowTextError {
    var line = 1
    var column = 1
    for index in 0..<min(offset, record.count) {
      if record[index] == 0x0a {
        line += 1
        column = 1
      } else if record[index] & 0xc0 != 0x80 {
        column += 1
      }
    }
    return RowTextError(code, message, line: line, column: column)
  }

  /// Appends a field, quoted where it must be: empty ones too, which else would be no value.
  static func append(_ text: ByteView, into out: inout ByteBuffer) {
    var mustQuote = text.isEmpty
    for index in 0..<text.count {
      switch text[index] {
      case UInt8(ascii: ","), UInt8(ascii: "\""), 0x0a, 0x0d: mustQuote = true
      default: continue
      }
      break
    }
    // Spaces at the ends are easily lost by other programs.
    if let first = text.isEmpty ? nil : text[0], first == 0x20 || text[text.count - 1] == 0x20 {
      mustQuote = true
    }
    guard mustQuote else { return out.append(text) }
    out.append(UInt8(ascii: "\""))
    for index in 0..<text.count {
      if text[index] == UInt8(ascii: "\"") { out.append(UInt8(ascii: "\"")) }
      out.append(text[index])
    }
    out.append(UInt8(ascii: "\""))
  }
}

extension ByteView {
  fileprivate subscript(range: ClosedRange<Int>) -> ByteView {
    self[range.lowerBound..<range.upperBound + 1]
  }
}
