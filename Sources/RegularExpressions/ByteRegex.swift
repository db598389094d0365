// Regular expressions over bytes, as Bigtable's filters have them: RE2's syntax in Latin-1 mode,
// the whole text or nothing, in time linear in the text whatever the pattern.

package import Bytes
internal import Synchronization

/// A compiled pattern. Immutable but for what it remembers of texts, which any thread may share.
package final class ByteRegex: Sendable {
  package let pattern: [UInt8]
  /// All that it matches, where that is one text.
  package let literal: [UInt8]?
  /// What every text that it matches begins with.
  package let prefix: [UInt8]
  private let automaton: PositionAutomaton
  private let matcher: Mutex<RegexMatcher>

  /// Longer patterns are refused: Bigtable's limit of a whole filter.
  package static let patternByteLimit = 20_480

  /// - Throws: What is wrong with the pattern.
  package init(_ pattern: [UInt8]) throws(RegexError) {
    guard pattern.count <= ByteRegex.patternByteLimit else {
      throw RegexError(
        reason: "a pattern has at most \(ByteRegex.patternByteLimit) bytes", offset: 0)
    }
    let node = try RegexParser.parse(pattern)
    self.pattern = pattern
    (prefix, literal) = node.literalPrefix
    automaton = try PositionAutomaton(RegexProgram(node))
    matcher = Mutex(RegexMatcher(automaton, byteCount: ByteRegex.stateBytes(pattern)))
  }

  /// Does the pattern match all of the text?
  package func matches(_ text: ByteView) -> Bool {
    if let literal { return ByteView.of(literal) { $0 == text } }
    if !prefix.isEmpty, !ByteView.of(prefix, { text.hasPrefix($0) }) { return false }
    if let result = matcher.withLockIfAvailable({ $0.matches(text) }) { return result }
    // Somebody else is at it: no thread waits for another here.
    var other = RegexMatcher(automaton, byteCount: ByteRegex.stateBytes(pattern))
    return other.matches(text)
  }

  /// Memory of a pattern's states. All patterns of a filter together are short, so their states
  /// take some 40 MiB at most.
  private static func stateBytes(_ pattern: [UInt8]) -> Int { (16 + pattern.count) * 2_048 }
}

extension ByteRegex: Hashable {
  package static func == (left: ByteRegex, right: ByteRegex) -> Bool {
    left.pattern == right.pattern
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(pattern) }
}

extension RegexNode {
  /// What all matches begin with, and whether that is all there is.
  fileprivate var literalPrefix: (prefix: [UInt8], literal: [UInt8]?) {
    var nodes: [RegexNode] =
      switch self {
      case .sequence(let nodes): nodes
      default: [self]
      }
    if case .assertion(.beginText)? = nodes.first { nodes.removeFirst() }
    if case .assertion(.endText)? = nodes.last { nodes.removeLast() }
    var prefix: [UInt8] = []
    for node in nodes {
      switch node {
      case .empty: continue
      case .set(let set):
        guard let byte = set.onlyByte else { return (prefix, nil) }
        prefix.append(byte)
      default: return (prefix, nil)
      }
    }
    return (prefix, prefix)
  }
}
