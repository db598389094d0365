// Comparing and classifying header bytes (RFC 9110 section 5.6): tokens, ASCII case, numbers.

package import Bytes
internal import Glibc

extension ByteView {
  /// Bytewise equality with a literal.
  package static func == (bytes: ByteView, text: StaticString) -> Bool {
    bytes == ByteView(UnsafeRawPointer(text.utf8Start), count: text.utf8CodeUnitCount)
  }

  /// Equality with a literal in lower case, letters of `self` in any case.
  package func equalsIgnoringCase(_ lowercased: StaticString) -> Bool {
    guard count == lowercased.utf8CodeUnitCount else { return false }
    let other = ByteView(UnsafeRawPointer(lowercased.utf8Start), count: count)
    for index in 0..<count where HTTPText.lowercased(self[index]) != other[index] {
      return false
    }
    return true
  }

  package func hasPrefix(_ text: StaticString) -> Bool {
    hasPrefix(ByteView(UnsafeRawPointer(text.utf8Start), count: text.utf8CodeUnitCount))
  }

  /// Without spaces and tabs at both ends.
  package var trimmed: ByteView {
    var start = 0
    var end = count
    while start < end, HTTPText.isBlank(self[start]) { start += 1 }
    while end > start, HTTPText.isBlank(self[end - 1]) { end -= 1 }
    return self[start..<end]
  }

  package func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
    guard start < count else { return nil }
    let rest = self.dropFirst(start).buffer
    guard let base = rest.baseAddress, let found = memchr(base, Int32(byte), rest.count) else {
      return nil
    }
    return start + base.distance(to: UnsafeRawPointer(found))
  }

  package func lastIndex(of byte: UInt8) -> Int? {
    var index = count
    while index > 0 {
      index -= 1
      if self[index] == byte { return index }
    }
    return nil
  }

  /// The value of decimal digits alone; nil for anything else and above `limit`.
  package func decimal(limit: Int = .max) -> Int? {
    guard !isEmpty else { return nil }
    var value = 0
    for index in 0..<count {
      let digit = self[index] &- 0x30
      guard digit <= 9 else { return nil }
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(digit))
      guard !overflow, !carry, sum <= limit else { return nil }
      value = sum
    }
    return value
  }
}

package enum HTTPText {
  package static func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
  }

  package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// A character of a token: a method, a header name.
  package static func isTokenCharacter(_ byte: UInt8) -> Bool {
    if byte < 64 { return tokenLow & (1 << UInt64(byte)) != 0 }
    if byte < 128 { return tokenHigh & (1 << UInt64(byte - 64)) != 0 }
    return false
  }

  /// `!#$%&'*+-.` and digits.
  private static let tokenLow: UInt64 = mask(Array("!#$%&'*+-.0123456789".utf8), from: 0)
  /// Letters and ``^_`|~``.
  private static let tokenHigh: UInt64 = mask(
    Array(UInt8(ascii: "A")...UInt8(ascii: "Z")) + Array(UInt8(ascii: "a")...UInt8(ascii: "z"))
      + Array("^_`|~".utf8), from: 64)

  private static func mask(_ bytes: [UInt8], from base: UInt8) -> UInt64 {
    bytes.reduce(0) { $0 | 1 << UInt64($1 - base) }
  }

  /// Calls `body` with each element of a comma-separated list, trimmed; empty ones are skipped.
  /// `body` returns false to stop.
  package static func forEachElement(of list: ByteView, _ body: (ByteView) -> Bool) {
    var start = 0
    while start <= list.count {
      let end = list.firstIndex(of: 0x2c, from: start) ?? list.count
      let element = list[start..<end].trimmed
      if !element.isEmpty, !body(element) { return }
      start = end + 1
    }
  }
}
