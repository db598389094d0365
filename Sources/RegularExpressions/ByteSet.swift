// A set of bytes: one bit each.

/// What one place of a text may be.
struct ByteSet: Hashable, Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  static let all = ByteSet(0...255)

  init() {}

  init(_ range: ClosedRange<UInt8>) { insert(range) }

  init(_ byte: UInt8) { insert(byte...byte) }

  init(_ characters: StaticString) {
    characters.withUTF8Buffer { for byte in $0 { insert(byte...byte) } }
  }

  func contains(_ byte: UInt8) -> Bool {
    let bit = UInt64(1) << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: return words.0 & bit != 0
    case 1: return words.1 & bit != 0
    case 2: return words.2 & bit != 0
    default: return words.3 & bit != 0
    }
  }

  var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

  var count: Int {
    words.0.nonzeroBitCount + words.1.nonzeroBitCount + words.2.nonzeroBitCount
      + words.3.nonzeroBitCount
  }

  /// The only byte, if there is one alone.
  var onlyByte: UInt8? { count == 1 ? (0...255).first { contains($0) } : nil }

  mutating func insert(_ range: ClosedRange<UInt8>) {
    for byte in range {
      let bit = UInt64(1) << UInt64(byte & 63)
      switch byte >> 6 {
      case 0: words.0 |= bit
      case 1: words.1 |= bit
      case 2: words.2 |= bit
      default: words.3 |= bit
      }
    }
  }

  func union(_ other: ByteSet) -> ByteSet {
    var result = self
    result.words.0 |= other.words.0
    result.words.1 |= other.words.1
    result.words.2 |= other.words.2
    result.words.3 |= other.words.3
    return result
  }

  func intersection(_ other: ByteSet) -> ByteSet {
    inverted.union(other.inverted).inverted
  }

  var inverted: ByteSet {
    var result = self
    result.words = (~words.0, ~words.1, ~words.2, ~words.3)
    return result
  }

  /// With the other case of every letter of Latin-1 that has one there.
  var caseFolded: ByteSet {
    var result = self
    for byte in UInt8(0)...255 where contains(byte) {
      if let other = ByteSet.otherCase(byte) { result.insert(other...other) }
    }
    return result
  }

  private static func otherCase(_ byte: UInt8) -> UInt8? {
    switch byte {
    // The multiplication and division signs stand among the letters.
    case 0xd7, 0xf7: nil
    case 0x41...0x5a, 0xc0...0xde: byte + 0x20
    // The last is sharp s, whose capital is outside.
    case 0x61...0x7a, 0xe0...0xfe: byte - 0x20
    default: nil
    }
  }

  static func == (left: ByteSet, right: ByteSet) -> Bool { left.words == right.words }

  func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}
