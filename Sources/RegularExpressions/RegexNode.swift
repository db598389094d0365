// The syntax tree of a pattern. Which of several ways a text is matched makes no difference to
// whether all of it is, so groups and reluctance leave no trace here.

/// Conditions on a place between two bytes.
enum RegexAssertion: UInt8, Sendable {
  case beginText, endText, beginLine, endLine, wordBoundary, noWordBoundary

  var bit: UInt8 { 1 << rawValue }
}

indirect enum RegexNode: Sendable {
  case empty
  case set(ByteSet)
  case assertion(RegexAssertion)
  case sequence([RegexNode])
  case alternatives([RegexNode])
  /// `maximum` nil: any number.
  case repetition(RegexNode, minimum: Int, maximum: Int?)
}

/// Why a pattern is refused.
package struct RegexError: Error, Equatable, CustomStringConvertible {
  /// What is wrong, in RE2's words where it has some.
  package let reason: String
  /// Bytes before the place, in the pattern.
  package let offset: Int

  package var description: String { "\(reason), at byte \(offset)" }
}
