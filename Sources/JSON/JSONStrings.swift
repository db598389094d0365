// Strings of JSON text: scanned eight bytes at a time, returned as views of the text when they
// hold no escape, else resolved into the reader's own storage.

internal import Bytes

/// Marks the bytes of a little-endian word that end a plain run: quote, backslash, control.
/// The lowest mark is exact; marks above it may be false.
@inline(__always)
func specialBytes(_ word: UInt64) -> UInt64 {
  let ones: UInt64 = 0x0101_0101_0101_0101
  let quote = word ^ (ones &* 0x22)
  let backslash = word ^ (ones &* 0x5c)
  return
    ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash
    | (word &- (ones &* 0x20)) & ~word) & (ones &* 0x80)
}

extension JSONReader {
  /// Reads the string whose opening quote is at `offset`.
  mutating func stringBody() throws(JSONError) -> ByteView {
    let start = offset &+ 1
    let end = try plainRun(from: start)
    if text[end] == UInt8(ascii: "\"") {
      offset = end &+ 1
      return text[start..<end]
    }
    return try escapedBody(start: start, firstEscape: end)
  }

  /// The offset of the next quote or backslash; everything before it is checked UTF-8.
  private func plainRun(from start: Int) throws(JSONError) -> Int {
    let high: UInt64 = 0x8080_8080_8080_8080
    var at = start
    while at < text.count {
      if at &+ 8 <= text.count {
        let word = text.littleEndian64(at: at)
        let marks = specialBytes(word) | (word & high)
        if marks == 0 {
          at &+= 8
          continue
        }
        at &+= marks.trailingZeroBitCount / 8
      }
      let byte = text[at]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return at }
      if byte < 0x20 {
        throw failure(
          .syntax, at: at, "a control character inside a string must be escaped (as \\n or \\u000a)"
        )
      }
      let count = UTF8Text.sequenceByteCount(in: text, at: at)
      if count == 0 { throw failure(.encoding, at: at, "bytes that are not UTF-8 inside a string") }
      at &+= count
    }
    throw failure(
      .syntax, at: text.count, "expected '\"' at the end of a string, found the end of the text")
  }

  private mutating func escapedBody(start: Int, firstEscape: Int) throws(JSONError) -> ByteView {
    if resolved.isEmpty { resolved.reserve(text.count &- start) }
    let begin = resolved.count
    var runStart = start
    var at = firstEscape
    while text[at] == UInt8(ascii: "\\") {
      resolved.append(text[runStart..<at])
      at = try resolveEscape(at: at)
      runStart = at
      at = try plainRun(from: at)
    }
    resolved.append(text[runStart..<at])
    offset = at &+ 1
    return resolved.view[begin..<resolved.count]
  }

  /// Appends what the escape at `at` stands for; returns the offset behind it.
  private mutating func resolveEscape(at: Int) throws(JSONError) -> Int {
    guard at &+ 1 < text.count else {
      throw failure(.syntax, at: text.count, "expected an escape, found the end of the text")
    }
    switch text[at &+ 1] {
    case UInt8(ascii: "\""): resolved.append(0x22 as UInt8)
    case UInt8(ascii: "\\"): resolved.append(0x5c as UInt8)
    case UInt8(ascii: "/"): resolved.append(0x2f as UInt8)
    case UInt8(ascii: "b"): resolved.append(0x08 as UInt8)
    case UInt8(ascii: "f"): resolved.append(0x0c as UInt8)
    case UInt8(ascii: "n"): resolved.append(0x0a as UInt8)
    case UInt8(ascii: "r"): resolved.append(0x0d as UInt8)
    case UInt8(ascii: "t"): resolved.append(0x09 as UInt8)
    case UInt8(ascii: "u"): return try resolveUnicodeEscape(at: at)
    default:
      throw failure(.syntax, at: at, "expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
    }
    return at &+ 2
  }

  private mutating func resolveUnicodeEscape(at: Int) throws(JSONError) -> Int {
    let unit = try codeUnit(at: at)
    var scalar = unit
    var end = at &+ 6
    if unit >= 0xd800, unit < 0xe000 {
      guard unit < 0xdc00, end &+ 1 < text.count, text[end] == UInt8(ascii: "\\"),
        text[end &+ 1] == UInt8(ascii: "u")
      else { throw failure(.encoding, at: at, "half a surrogate pair") }
      let low = try codeUnit(at: end)
      guard low >= 0xdc00, low < 0xe000 else {
        throw failure(.encoding, at: at, "half a surrogate pair")
      }
      scalar = 0x10000 &+ (unit &- 0xd800) << 10 &+ (low &- 0xdc00)
      end &+= 6
    }
    appendScalar(scalar)
    return end
  }

  /// The four hexadecimal digits of the `\u` at `at`.
  private func codeUnit(at: Int) throws(JSONError) -> UInt32 {
    var unit: UInt32 = 0
    for index in at &+ 2..<at &+ 6 {
      guard index < text.count else {
        throw failure(.syntax, at: text.count, "expected four hexadecimal digits after \\u")
      }
      let byte = text[index]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- UInt8(ascii: "A") &+ 10
      default: throw failure(.syntax, at: index, "expected four hexadecimal digits after \\u")
      }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }

  private mutating func appendScalar(_ scalar: UInt32) {
    func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(truncatingIfNeeded: scalar >> shift) & 0x3f }
    switch scalar {
    case ..<0x80: resolved.append(UInt8(truncatingIfNeeded: scalar))
    case ..<0x800:
      resolved.append(0xc0 | UInt8(truncatingIfNeeded: scalar >> 6))
      resolved.append(tail(0))
    case ..<0x10000:
      resolved.append(0xe0 | UInt8(truncatingIfNeeded: scalar >> 12))
      resolved.append(tail(6))
      resolved.append(tail(0))
    default:
      resolved.append(0xf0 | UInt8(truncatingIfNeeded: scalar >> 18))
      resolved.append(tail(12))
      resolved.append(tail(6))
      resolved.append(tail(0))
    }
  }
}
