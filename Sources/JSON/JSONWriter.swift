// JSON text appended to a buffer. Strings: quote, backslash and control characters escaped (\b \t
// \n \f \r, else \u00xx in lower case), everything else as it is. Doubles: the shortest digits that
// read back the same, always with '.' or an exponent. Base64: RFC 4648, padded.

package import Bytes

extension ByteBuffer {
  /// Appends a JSON string in its quotes.
  ///
  /// - Parameter text: UTF-8, checked by the caller (`UTF8Text.isValid`) where it may not be.
  package mutating func append(jsonString text: ByteView) {
    reserve(text.count &+ 2)
    append(UInt8(ascii: "\""))
    var runStart = 0
    var at = 0
    while at < text.count {
      if at &+ 8 <= text.count {
        let marks = specialBytes(text.littleEndian64(at: at))
        if marks == 0 {
          at &+= 8
          continue
        }
        at &+= marks.trailingZeroBitCount / 8
      }
      let byte = text[at]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        append(text[runStart..<at])
        appendEscape(byte)
        runStart = at &+ 1
      }
      at &+= 1
    }
    append(text[runStart..<text.count])
    append(UInt8(ascii: "\""))
  }

  /// Appends a JSON string in its quotes; for cold paths.
  package mutating func append(jsonString text: String) {
    ByteView.of(text) { append(jsonString: $0) }
  }

  private mutating func appendEscape(_ byte: UInt8) {
    append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: append(UInt8(ascii: "b"))
    case 0x09: append(UInt8(ascii: "t"))
    case 0x0a: append(UInt8(ascii: "n"))
    case 0x0c: append(UInt8(ascii: "f"))
    case 0x0d: append(UInt8(ascii: "r"))
    case 0x22, 0x5c: append(byte)
    default:
      append("u00")
      append(hexDigit(byte >> 4))
      append(hexDigit(byte & 15))
    }
  }

  /// Appends a decimal integer.
  package mutating func append(decimal value: Int64) {
    var magnitude = value.magnitude
    if value < 0 { append(UInt8(ascii: "-")) }
    if magnitude < 10 {
      append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: magnitude))
      return
    }
    let count = decimalDigitCount(magnitude)
    _ = append(capacity: count) { room in
      var index = count &- 1
      while index >= 0 {
        let (quotient, digit) = magnitude.quotientAndRemainder(dividingBy: 10)
        room[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit)
        magnitude = quotient
        index &-= 1
      }
      return count
    }
  }

  /// Appends a finite double.
  package mutating func append(decimal value: Double) {
    precondition(value.isFinite, "JSON numbers are finite")
    if value.magnitude < 1e15, let whole = Int64(exactly: value), whole != 0 {
      append(decimal: whole)
      append(".0")
    } else {
      append(utf8: value.description)
    }
  }

  /// Appends standard base64 with padding, without quotes.
  package mutating func append(base64Encoding bytes: ByteView) {
    let count = (bytes.count &+ 2) / 3 &* 4
    _ = append(capacity: count) { room in
      var from = 0
      var to = 0
      while from < bytes.count {
        let left = bytes.count &- from
        let first = UInt32(bytes[from])
        let second = left > 1 ? UInt32(bytes[from &+ 1]) : 0
        let third = left > 2 ? UInt32(bytes[from &+ 2]) : 0
        let group = first << 16 | second << 8 | third
        room[to] = base64Digit(group >> 18)
        room[to &+ 1] = base64Digit(group >> 12 & 63)
        room[to &+ 2] = left > 1 ? base64Digit(group >> 6 & 63) : UInt8(ascii: "=")
        room[to &+ 3] = left > 2 ? base64Digit(group & 63) : UInt8(ascii: "=")
        from &+= 3
        to &+= 4
      }
      return count
    }
  }

  /// Appends the bytes that padded standard base64 stands for; false, with nothing appended, when
  /// the text is not exactly that.
  package mutating func append(base64Decoding text: ByteView) -> Bool {
    guard text.count % 4 == 0 else { return false }
    let begin = count
    reserve(text.count / 4 &* 3)
    var at = 0
    while at < text.count {
      let isLast = at &+ 4 == text.count
      var padding = 0
      if isLast, text[at &+ 3] == UInt8(ascii: "=") {
        padding = text[at &+ 2] == UInt8(ascii: "=") ? 2 : 1
      }
      var group: UInt32 = 0
      for index in 0..<4 &- padding {
        guard let digit = base64Value(text[at &+ index]) else {
          truncate(to: begin)
          return false
        }
        group |= UInt32(digit) << (18 &- 6 &* UInt32(index))
      }
      // Bits behind the last byte must be zero, so that one value has one text.
      let unused: UInt32 = padding == 0 ? 0 : padding == 1 ? 0xff : 0xffff
      guard group & unused == 0 else {
        truncate(to: begin)
        return false
      }
      append(UInt8(truncatingIfNeeded: group >> 16))
      if padding < 2 { append(UInt8(truncatingIfNeeded: group >> 8)) }
      if padding < 1 { append(UInt8(truncatingIfNeeded: group)) }
      at &+= 4
    }
    return true
  }

  /// Appends one JSON value without the whitespace between its tokens; false, with nothing
  /// appended, when the text is not one JSON value.
  package mutating func append(compactJSON text: ByteView) -> Bool {
    var reader = JSONReader(text)
    do {
      try reader.skipValue()
      try reader.finish()
    } catch {
      return false
    }
    guard reader.hasSkippedWhitespace else {
      append(text)
      return true
    }
    reserve(text.count)
    var isInString = false
    var at = 0
    while at < text.count {
      let byte = text[at]
      if isInString || byte > 0x20 { append(byte) }
      if isInString, byte == UInt8(ascii: "\\") {
        at &+= 1
        append(text[at])
      } else if byte == UInt8(ascii: "\"") {
        isInString.toggle()
      }
      at &+= 1
    }
    return true
  }
}

private func hexDigit(_ value: UInt8) -> UInt8 {
  value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ (value &- 10)
}

private func decimalDigitCount(_ value: UInt64) -> Int {
  var count = 1
  var bound: UInt64 = 10
  while count < 20, value >= bound {
    count &+= 1
    let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
    if overflow { break }
    bound = next
  }
  return count
}

private func base64Digit(_ value: UInt32) -> UInt8 {
  let value = UInt8(truncatingIfNeeded: value)
  switch value {
  case 0..<26: return UInt8(ascii: "A") &+ value
  case 26..<52: return UInt8(ascii: "a") &+ (value &- 26)
  case 52..<62: return UInt8(ascii: "0") &+ (value &- 52)
  case 62: return UInt8(ascii: "+")
  default: return UInt8(ascii: "/")
  }
}

private func base64Value(_ digit: UInt8) -> UInt8? {
  switch digit {
  case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit &- UInt8(ascii: "A")
  case UInt8(ascii: "a")...UInt8(ascii: "z"): digit &- UInt8(ascii: "a") &+ 26
  case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0") &+ 52
  case UInt8(ascii: "+"): 62
  case UInt8(ascii: "/"): 63
  default: nil
  }
}
