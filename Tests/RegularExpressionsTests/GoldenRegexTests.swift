// Patterns and texts for which RE2 was asked; `Golden/re2_cases.cc` makes more.

import Bytes
import Foundation
import RegularExpressions
import Testing

@Suite struct GoldenRegexTests {
  /// `STRATA_REGEX_CASES` names another file.
  private static var path: String {
    ProcessInfo.processInfo.environment["STRATA_REGEX_CASES"]
      ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/re2.txt").path
  }

  @Test func `what RE2 matches is matched, what it refuses refused`() throws {
    let lines = try String(contentsOfFile: GoldenRegexTests.path, encoding: .utf8).split(
      separator: "\n")
    var counts = (taken: 0, refused: 0, texts: 0, matched: 0)
    var differences: [String] = []
    for line in lines {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      let pattern = GoldenRegexTests.bytes(words[0])
      let isRefused = words[1] == "!"
      do {
        let regex = try ByteRegex(pattern)
        counts.taken += 1
        if isRefused { differences.append("takes \(GoldenRegexTests.show(pattern))") }
        for word in words.dropFirst() where !isRefused {
          let text = GoldenRegexTests.bytes(word.dropLast())
          let wanted = word.last == "+"
          counts.texts += 1
          counts.matched += wanted ? 1 : 0
          if ByteView.of(text, { regex.matches($0) }) != wanted {
            differences.append(
              "\(GoldenRegexTests.show(pattern)) and \(GoldenRegexTests.show(text)): "
                + "RE2 says \(wanted)")
          }
        }
      } catch {
        counts.refused += 1
        if !isRefused { differences.append("refuses \(GoldenRegexTests.show(pattern)): \(error)") }
      }
    }
    #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(20))")
    #expect(counts.taken > 1_000 && counts.refused > 100 && counts.matched > 100, "\(counts)")
  }

  private static func bytes(_ digits: Substring) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = digits.utf8[...]
    while rest.count >= 2 {
      bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  private static func show(_ bytes: [UInt8]) -> String {
    String(bytes.map { Character(Unicode.Scalar($0)) }).debugDescription
  }
}
