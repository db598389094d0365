// What Bigtable's filters promise of their patterns.

import Bytes
import Glibc
import RegularExpressions
import Testing

@Suite struct ByteRegexTests {
  private func matches(_ pattern: [UInt8], _ text: [UInt8]) throws -> Bool {
    let regex = try ByteRegex(pattern)
    return ByteView.of(text) { regex.matches($0) }
  }

  private func matches(_ pattern: String, _ text: String) throws -> Bool {
    try matches(Array(pattern.utf8), Array(text.utf8))
  }

  @Test func `a pattern matches the whole text or nothing`() throws {
    #expect(try matches("abc", "abc"))
    #expect(try !matches("abc", "abcd"))
    #expect(try !matches("abc", "xabc"))
    // The anchors go around all of it, not around its first and last alternative.
    #expect(try !matches("a|bc", "ab"))
    #expect(try matches("|a", ""))
    #expect(try matches("|a", "a"))
    #expect(try !matches("|a", "aa"))
    #expect(try matches("", ""))
    #expect(try matches("^abc$", "abc"))
  }

  @Test func `characters are bytes`() throws {
    #expect(try matches(Array("\\C{2}".utf8), Array("\u{a7}".utf8)))
    #expect(try matches("é", "é"))
    #expect(try matches(Array("\\xC2".utf8), [0xc2]))
    #expect(try !matches(Array("\\xC2".utf8), Array("\u{c2}".utf8)))
    #expect(try matches(Array("[\\x7f\\x80]{2}".utf8), [0x80, 0x7f]))
    #expect(try matches([0x00, 0xff, 0x80], [0x00, 0xff, 0x80]))
    #expect(try matches(".*", "anything, \u{1F600}"))
    #expect(try !matches(".*", "two\nlines"))
    #expect(try matches("\\C*", "two\nlines"))
    #expect(try matches("(?s).*", "two\nlines"))
  }

  @Test func `assertions look at the bytes on both sides`() throws {
    #expect(try matches("(?m)a$\n^b", "a\nb"))
    #expect(try !matches("a$\n^b", "a\nb"))
    #expect(try matches("(?m)(?:^.*$\n?)+", "one\ntwo\n"))
    #expect(try matches("\\bone\\b.\\btwo\\b", "one two"))
    #expect(try !matches("\\bone\\b.*", "one_"))
    #expect(try matches("o\\Bn\\Be", "one"))
    #expect(try !matches("one\\B", "one"))
    #expect(try matches("(?:\\b|-)*", "--"))
    #expect(try !matches("\\b", ""))
    #expect(try matches("\\B", ""))
    #expect(try matches("\\A\\z", ""))
  }

  @Test(arguments: [
    ("[", "missing ]", 0), ("(a", "missing )", 0), ("a)", "unexpected )", 1),
    ("a**", "bad repetition operator", 2), ("a|*", "no argument for repetition operator", 2),
    ("ab{1001}", "invalid repetition size", 2), ("(a{100}){11}", "invalid repetition size", 8),
    ("x\\1", "invalid escape sequence", 1), ("\\", "trailing \\", 0),
    ("[b-a]", "invalid character class range", 1), ("(?P<>a)", "invalid named capture group", 0),
    ("(?z)", "invalid group flags", 0), ("[[:no:]]", "invalid character class range", 1),
  ])
  func `an invalid pattern says what is wrong and where`(
    pattern: String, reason: String, offset: Int
  ) throws {
    let error = try #require(throws: RegexError.self) { try ByteRegex(Array(pattern.utf8)) }
    #expect(error.reason.hasPrefix(reason))
    #expect(error.offset == offset)
  }

  @Test func `patterns are limited in length, depth and size`() throws {
    #expect(throws: RegexError.self) {
      try ByteRegex([UInt8](repeating: 0x61, count: ByteRegex.patternByteLimit + 1))
    }
    func nested(_ depth: Int) -> [UInt8] {
      Array(String(repeating: "(", count: depth).utf8) + [0x61]
        + Array(String(repeating: ")", count: depth).utf8)
    }
    #expect(try matches(nested(250), [0x61]))
    #expect(throws: RegexError.self) { try ByteRegex(nested(251)) }
    #expect(throws: RegexError.self) { try ByteRegex(nested(10_000)) }
    // Three bytes for ten thousand places.
    let large = Array(String(repeating: "(?:a{1000})", count: 10).utf8)
    #expect(try matches(large, [UInt8](repeating: 0x61, count: 10_000)))
    #expect(throws: RegexError.self) { try ByteRegex(large + [0x62]) }
  }

  @Test func `what begins every match is known`() throws {
    func prefix(_ pattern: String) throws -> (String, Bool) {
      let regex = try ByteRegex(Array(pattern.utf8))
      return (String(decoding: regex.prefix, as: UTF8.self), regex.literal != nil)
    }
    #expect(try prefix("user#12") == ("user#12", true))
    #expect(try prefix("^user\\.12$") == ("user.12", true))
    #expect(try prefix("user#.*") == ("user#", false))
    #expect(try prefix("ab*") == ("a", false))
    #expect(try prefix("ab|ac") == ("", false))
    #expect(try prefix("(?i)a") == ("", false))
    #expect(try prefix("a(?i)b") == ("a", false))
    #expect(try matches("user#.*", "user#1"))
    #expect(try !matches("user#.*", "user"))
  }

  /// Patterns that take a backtracking matcher exponential time, that have exponentially many
  /// states, or whose every position is followed by every other.
  static let hostile = [
    "(a+)+b", "(a|aa)*b", "(a|a)*b", "(x+x+)+y", "(.*)*c", "(.*a){25}", "[ab]*a[ab]{14}",
    "(?:a|b)*a(?:a|b){100}", "(a?){500}a{500}", "(?:(?:a?b?){50}c?)*", "(?:\\b|a|b)*c",
    "(?:a*b*){400}", "[ab]*a[ab]{900}c?", "(?:a?b?c?d?e?f?g?h?)*z",
    String(repeating: "(ab|", count: 200) + "c" + String(repeating: ")*", count: 200),
  ]

  @Test(arguments: hostile)
  func `hostile patterns take linear time`(pattern: String) throws {
    var random = SystemRandomNumberGenerator()
    // Processor time, which others on the machine do not change.
    #if DEBUG
      let (byteCount, limit) = (20_000, 10.0)
    #else
      let (byteCount, limit) = (1 << 20, 1.0)
    #endif
    let text = (0..<byteCount).map { _ in UInt8.random(in: 0x61...0x62, using: &random) }
    let start = processorSeconds
    let regex = try ByteRegex(Array(pattern.utf8))
    ByteView.of(text) { text in _ = regex.matches(text) }
    _ = ByteView.of([UInt8](repeating: 0x61, count: byteCount)) { regex.matches($0) }
    #expect(processorSeconds - start < limit)
  }

  /// Of this thread.
  private var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  @Test func `states that were forgotten are found again`() throws {
    // 2^14 states: more than the table holds.
    let regex = try ByteRegex(Array("[ab]*a[ab]{13}".utf8))
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let count = Int.random(in: 0...2_000, using: &random)
      let text = (0..<count).map { _ in UInt8.random(in: 0x61...0x62, using: &random) }
      let wanted = count >= 14 && text[count - 14] == 0x61
      #expect(ByteView.of(text) { regex.matches($0) } == wanted)
    }
  }
}
