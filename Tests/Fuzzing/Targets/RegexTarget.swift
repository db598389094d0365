// Targets of regular expressions: a pattern of as many bytes as the first says, and a text.

import Bytes
import RegularExpressions

final class RegexTarget: FuzzTarget {
  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    let pattern = parts.bytes(Int(parts.byte())).array
    let text = parts.rest
    guard let regex = try? ByteRegex(pattern) else { return }
    let matches = regex.matches(text)
    // Now with the states that the first run has left.
    try require(regex.matches(text) == matches, "two answers for one text")
    if matches {
      let begins = ByteView.of(regex.prefix) { text.hasPrefix($0) }
      try require(begins, "matched without its prefix")
    }
    if let literal = regex.literal {
      try require(matches == ByteView.of(literal) { $0 == text }, "a literal is its text alone")
    }
    // A group around it changes nothing.
    let grouped = try? ByteRegex(Array("(?:".utf8) + pattern + Array(")".utf8))
    if let grouped {
      try require(grouped.matches(text) == matches, "a group changes what is matched")
    }
  }
}
