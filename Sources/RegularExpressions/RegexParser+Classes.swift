// Classes in brackets and the escapes that may stand in them.

extension RegexParser {
  /// `[...]`, from its bracket on.
  mutating func bracketed() throws(RegexError) -> ByteSet? {
    let start = position
    guard take("[") else { return nil }
    let isNegated = take("^")
    var set = ByteSet()
    var isFirst = true
    while isFirst || peek() != UInt8(ascii: "]") {
      guard peek() != nil else { throw RegexError(reason: "missing ]", offset: start) }
      isFirst = false
      if let named = try namedClass() {
        set = set.union(named)
      } else if let escaped = try classEscape() {
        set = set.union(escaped)
      } else {
        try readRange(into: &set, from: start)
      }
    }
    position += 1
    return isNegated ? set.inverted : set
  }

  /// `[:alpha:]` or `[:^alpha:]`.
  private mutating func namedClass() throws(RegexError) -> ByteSet? {
    let start = position
    guard take("[:") else { return nil }
    let rest = pattern[position...]
    guard
      let end = rest.indices.first(where: {
        pattern[$0] == UInt8(ascii: ":") && $0 + 1 < pattern.count
          && pattern[$0 + 1] == UInt8(ascii: "]")
      })
    else {
      position = start
      return nil
    }
    let isNegated = take("^")
    guard position <= end,
      let set = RegexClasses.posix(String(decoding: pattern[position..<end], as: UTF8.self))
    else { throw RegexError(reason: "invalid character class range", offset: start) }
    position = end + 2
    let folded = flags.ignoresCase ? set.caseFolded : set
    return isNegated ? folded.inverted : folded
  }

  private mutating func readRange(into set: inout ByteSet, from start: Int) throws(RegexError) {
    let first = position
    let lower = try classCharacter(from: start)
    var upper = lower
    if peek() == UInt8(ascii: "-"), let next = peek(1), next != UInt8(ascii: "]") {
      position += 1
      upper = try classCharacter(from: start)
    }
    guard lower <= upper else {
      throw RegexError(reason: "invalid character class range", offset: first)
    }
    let added = ByteSet(lower...upper)
    set = set.union(flags.ignoresCase ? added.caseFolded : added)
  }

  private mutating func classCharacter(from start: Int) throws(RegexError) -> UInt8 {
    guard let byte = peek() else { throw RegexError(reason: "missing ]", offset: start) }
    if byte == UInt8(ascii: "\\") { return try escapedCharacter() }
    position += 1
    return byte
  }

  // MARK: Escapes

  /// `\d`, `\pN` and their like; nil for any other escape.
  mutating func classEscape() throws(RegexError) -> ByteSet? {
    guard peek() == UInt8(ascii: "\\"), let letter = peek(1) else { return nil }
    let set: ByteSet
    switch letter {
    case UInt8(ascii: "d"), UInt8(ascii: "D"): set = RegexClasses.digit
    case UInt8(ascii: "s"), UInt8(ascii: "S"): set = RegexClasses.space
    case UInt8(ascii: "w"), UInt8(ascii: "W"): set = RegexClasses.word
    case UInt8(ascii: "p"), UInt8(ascii: "P"): return try unicodeClass()
    default: return nil
    }
    position += 2
    let isNegated = letter < UInt8(ascii: "a")
    return isNegated ? set.inverted : set
  }

  private mutating func unicodeClass() throws(RegexError) -> ByteSet {
    let start = position
    var isNegated = pattern[position + 1] == UInt8(ascii: "P")
    position += 2
    var name: ArraySlice<UInt8>
    if take("{") {
      guard let end = pattern[position...].firstIndex(of: UInt8(ascii: "}")) else {
        throw RegexError(reason: "invalid character class range", offset: start)
      }
      if take("^") { isNegated.toggle() }
      name = pattern[min(position, end)..<end]
      position = end + 1
    } else {
      name = pattern[position..<min(position + 1, pattern.count)]
      position += name.count
    }
    guard let set = RegexClasses.unicode(String(decoding: name, as: UTF8.self)) else {
      throw RegexError(reason: "invalid character class range", offset: start)
    }
    let folded = flags.ignoresCase ? set.caseFolded : set
    return isNegated ? folded.inverted : folded
  }

  /// One character, from its backslash on.
  mutating func escapedCharacter() throws(RegexError) -> UInt8 {
    let start = position
    let invalid = RegexError(reason: "invalid escape sequence", offset: start)
    position += 1
    guard let byte = peek() else { throw RegexError(reason: "trailing \\", offset: start) }
    position += 1
    switch byte {
    case UInt8(ascii: "1")...UInt8(ascii: "7"):
      // A single digit would refer to a group, which no linear-time matcher can.
      guard let next = peek(), isOctal(next) else { throw invalid }
      return try octal(byte & 7, from: start)
    case UInt8(ascii: "0"): return try octal(0, from: start)
    case UInt8(ascii: "x"):
      guard let character = hexadecimal() else { throw invalid }
      return character
    case UInt8(ascii: "a"): return 0x07
    case UInt8(ascii: "f"): return 0x0c
    case UInt8(ascii: "n"): return 0x0a
    case UInt8(ascii: "r"): return 0x0d
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "v"): return 0x0b
    default:
      // Letters may mean something one day.
      guard byte < 0x80, !RegexClasses.alphanumeric.contains(byte) else { throw invalid }
      return byte
    }
  }

  private func isOctal(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "7") ~= byte }

  /// Up to two more digits.
  private mutating func octal(_ first: UInt8, from start: Int) throws(RegexError) -> UInt8 {
    var value = Int(first)
    for _ in 0..<2 {
      guard let digit = peek(), isOctal(digit) else { break }
      value = value * 8 + Int(digit & 7)
      position += 1
    }
    guard let byte = UInt8(exactly: value) else {
      throw RegexError(reason: "invalid escape sequence", offset: start)
    }
    return byte
  }

  /// Two digits, or any number of them in braces, up to a byte.
  private mutating func hexadecimal() -> UInt8? {
    var value: UInt32 = 0
    if take("{") {
      let first = position
      while let digit = peek().flatMap(hexadecimalDigit) {
        value = value * 16 + digit
        guard value <= 0xff else { return nil }
        position += 1
      }
      return position > first && take("}") ? UInt8(value) : nil
    }
    for _ in 0..<2 {
      guard let digit = peek().flatMap(hexadecimalDigit) else { return nil }
      value = value * 16 + digit
      position += 1
    }
    return UInt8(value)
  }

  private func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }
}
