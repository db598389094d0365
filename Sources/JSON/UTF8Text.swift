// Is it UTF-8? (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.)

package import Bytes

/// Checks bytes for being UTF-8.
package enum UTF8Text {
  /// Whether all of the bytes are UTF-8.
  package static func isValid(_ text: ByteView) -> Bool {
    var at = 0
    while at < text.count {
      if at &+ 8 <= text.count, text.littleEndian64(at: at) & 0x8080_8080_8080_8080 == 0 {
        at &+= 8
        continue
      }
      let count = sequenceByteCount(in: text, at: at)
      if count == 0 { return false }
      at &+= count
    }
    return true
  }

  /// Bytes of the character at `at` (1 to 4), or 0 when it is none.
  static func sequenceByteCount(in text: ByteView, at: Int) -> Int {
    let lead = text[at]
    if lead < 0x80 { return 1 }
    let left = text.count &- at
    if lead < 0xc2 { return 0 }
    if lead < 0xe0 {
      return left >= 2 && isContinuation(text[at &+ 1]) ? 2 : 0
    }
    if lead < 0xf0 {
      guard left >= 3 else { return 0 }
      let second = text[at &+ 1]
      guard isContinuation(second), isContinuation(text[at &+ 2]) else { return 0 }
      if lead == 0xe0, second < 0xa0 { return 0 }
      if lead == 0xed, second >= 0xa0 { return 0 }
      return 3
    }
    guard lead <= 0xf4, left >= 4 else { return 0 }
    let second = text[at &+ 1]
    guard isContinuation(second), isContinuation(text[at &+ 2]), isContinuation(text[at &+ 3])
    else { return 0 }
    if lead == 0xf0, second < 0x90 { return 0 }
    if lead == 0xf4, second >= 0x90 { return 0 }
    return 4
  }

  private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xc0 == 0x80 }
}

extension ByteView {
  /// A literal's bytes, which live as long as the program.
  package init(_ literal: StaticString) {
    self.init(UnsafeRawPointer(literal.utf8Start), count: literal.utf8CodeUnitCount)
  }

  /// Whether the bytes are those of the literal.
  package func spells(_ literal: StaticString) -> Bool { self == ByteView(literal) }
}
