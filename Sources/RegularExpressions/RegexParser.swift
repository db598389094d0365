// Reads RE2's syntax (github.com/google/re2/wiki/Syntax) over bytes: every byte of a pattern is one
// character, as in RE2's Latin-1 mode.

/// One pattern being read.
struct RegexParser {
  struct Flags {
    var ignoresCase = false
    /// `^` and `$` also match at lines.
    var isMultiline = false
    var dotMatchesNewline = false
  }

  /// What has been read, and how often its innermost part is repeated at most.
  typealias Parsed = (node: RegexNode, copies: Int)

  /// Groups in groups. Each takes a few hundred bytes of stack here.
  static let depthLimit = 250
  /// Of one repetition, and of all that are within each other; RE2's.
  static let repetitionLimit = 1_000

  let pattern: [UInt8]
  var position = 0
  var flags = Flags()

  init(_ pattern: [UInt8]) { self.pattern = pattern }

  static func parse(_ pattern: [UInt8]) throws(RegexError) -> RegexNode {
    var parser = RegexParser(pattern)
    let parsed = try parser.alternatives(depth: 0)
    guard parser.position == pattern.count else { throw parser.failure("unexpected )") }
    return parsed.node
  }

  func failure(_ reason: String) -> RegexError { RegexError(reason: reason, offset: position) }

  func peek(_ ahead: Int = 0) -> UInt8? {
    position + ahead < pattern.count ? pattern[position + ahead] : nil
  }

  /// Passes over the bytes if they come next.
  mutating func take(_ text: StaticString) -> Bool {
    let isNext = text.withUTF8Buffer { wanted in
      pattern.count - position >= wanted.count
        && pattern[position..<position + wanted.count].elementsEqual(wanted)
    }
    if isNext { position += text.utf8CodeUnitCount }
    return isNext
  }

  // MARK: Structure

  private mutating func alternatives(depth: Int) throws(RegexError) -> Parsed {
    guard depth <= RegexParser.depthLimit else { throw failure("expression nests too deeply") }
    var branches = [try sequence(depth: depth)]
    while take("|") { branches.append(try sequence(depth: depth)) }
    if branches.count == 1 { return branches[0] }
    if let set = RegexParser.union(of: branches) { return (.set(set), 1) }
    return (.alternatives(branches.map(\.node)), branches.reduce(1) { max($0, $1.copies) })
  }

  /// `a|b` is `[ab]`: one place of the pattern in place of many.
  private static func union(of branches: [Parsed]) -> ByteSet? {
    var union = ByteSet()
    for branch in branches {
      guard case .set(let set) = branch.node else { return nil }
      union = union.union(set)
    }
    return union
  }

  private mutating func sequence(depth: Int) throws(RegexError) -> Parsed {
    var items: [Parsed] = []
    var followsOperator = false
    while let next = peek(), next != UInt8(ascii: "|"), next != UInt8(ascii: ")") {
      let start = position
      if let range = try repetition() {
        guard let last = items.popLast(), !followsOperator else {
          position = start
          throw failure(
            followsOperator ? "bad repetition operator" : "no argument for repetition operator")
        }
        items.append(try repeated(last, range, from: start))
        followsOperator = true
        continue
      }
      followsOperator = false
      if take("(") {
        if let group = try group(depth: depth) { items.append(group) }
      } else if take("\\Q") {
        readQuoted(into: &items)
      } else {
        items.append((try atom(), 1))
      }
    }
    if items.count == 1 { return items[0] }
    return (
      items.isEmpty ? .empty : .sequence(items.map(\.node)),
      items.reduce(1) { max($0, $1.copies) }
    )
  }

  private func repeated(
    _ item: Parsed, _ range: (minimum: Int, maximum: Int?), from start: Int
  ) throws(RegexError) -> Parsed {
    let copies = item.copies * max(1, range.maximum ?? range.minimum)
    guard copies <= RegexParser.repetitionLimit else {
      throw RegexError(reason: "invalid repetition size", offset: start)
    }
    return (.repetition(item.node, minimum: range.minimum, maximum: range.maximum), copies)
  }

  /// `*`, `+`, `?` or `{n,m}`, with the `?` that makes it reluctant; nil for anything else.
  private mutating func repetition() throws(RegexError) -> (minimum: Int, maximum: Int?)? {
    let range: (minimum: Int, maximum: Int?)
    if take("*") {
      range = (0, nil)
    } else if take("+") {
      range = (1, nil)
    } else if take("?") {
      range = (0, 1)
    } else if let counted = try countedRepetition() {
      range = counted
    } else {
      return nil
    }
    _ = take("?")
    return range
  }

  /// Braces that hold no numbers stand for themselves.
  private mutating func countedRepetition() throws(RegexError) -> (minimum: Int, maximum: Int?)? {
    let start = position
    guard take("{"), let minimum = number() else {
      position = start
      return nil
    }
    var maximum: Int? = minimum
    if take(",") {
      if peek() == UInt8(ascii: "}") {
        maximum = nil
      } else if let number = number() {
        maximum = number
      } else {
        position = start
        return nil
      }
    }
    guard take("}") else {
      position = start
      return nil
    }
    guard max(minimum, maximum ?? 0) <= RegexParser.repetitionLimit, minimum <= maximum ?? minimum
    else { throw RegexError(reason: "invalid repetition size", offset: start) }
    return (minimum, maximum)
  }

  /// Below 100 million, without leading zeros, as in RE2.
  private mutating func number() -> Int? {
    var value = 0
    let start = position
    while let digit = peek(), RegexClasses.digit.contains(digit) {
      if position > start, value == 0 { return nil }
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
      guard value < 100_000_000 else { return nil }
      position += 1
    }
    return position > start ? value : nil
  }

  // MARK: Groups

  /// What stands behind an opening parenthesis; nil where it only sets flags.
  private mutating func group(depth: Int) throws(RegexError) -> Parsed? {
    let start = position - 1
    let outer = flags
    if take("?") {
      if take("P<") || take("<") {
        try groupName(from: start)
      } else if try groupFlags(from: start) {
        return nil
      }
    }
    let inner = try alternatives(depth: depth + 1)
    guard take(")") else { throw RegexError(reason: "missing )", offset: start) }
    flags = outer
    return inner
  }

  private mutating func groupName(from start: Int) throws(RegexError) {
    let rest = pattern[position...]
    guard let end = rest.firstIndex(of: UInt8(ascii: ">")), end > position,
      rest[..<end].allSatisfy({ RegexClasses.word.contains($0) })
    else { throw RegexError(reason: "invalid named capture group", offset: start) }
    position = end + 1
  }

  /// `(?i-s)` and `(?i-s:`.
  ///
  /// - Returns: True when the parenthesis is closed: the flags are for what follows.
  private mutating func groupFlags(from start: Int) throws(RegexError) -> Bool {
    var isNegated = false
    var hasFlag = false
    while let next = peek() {
      position += 1
      switch next {
      case UInt8(ascii: "i"): flags.ignoresCase = !isNegated
      case UInt8(ascii: "m"): flags.isMultiline = !isNegated
      case UInt8(ascii: "s"): flags.dotMatchesNewline = !isNegated
      // Which repetitions are reluctant.
      case UInt8(ascii: "U"): break
      case UInt8(ascii: "-") where !isNegated:
        isNegated = true
        hasFlag = false
        continue
      case UInt8(ascii: ":") where hasFlag || !isNegated: return false
      case UInt8(ascii: ")") where hasFlag || !isNegated: return true
      default: throw RegexError(reason: "invalid group flags", offset: start)
      }
      hasFlag = true
    }
    throw RegexError(reason: "missing )", offset: start)
  }

  // MARK: Single characters

  private mutating func readQuoted(into items: inout [Parsed]) {
    while position < pattern.count, !take("\\E") {
      items.append((literal(pattern[position]), 1))
      position += 1
    }
  }

  private func literal(_ byte: UInt8) -> RegexNode {
    .set(flags.ignoresCase ? ByteSet(byte).caseFolded : ByteSet(byte))
  }

  private mutating func atom() throws(RegexError) -> RegexNode {
    if peek() == UInt8(ascii: "["), let set = try bracketed() { return .set(set) }
    if peek() == UInt8(ascii: "\\") { return try escape() }
    let byte = pattern[position]
    position += 1
    switch byte {
    case UInt8(ascii: "."):
      return .set(flags.dotMatchesNewline ? .all : RegexClasses.newline.inverted)
    case UInt8(ascii: "^"): return .assertion(flags.isMultiline ? .beginLine : .beginText)
    case UInt8(ascii: "$"): return .assertion(flags.isMultiline ? .endLine : .endText)
    default: return literal(byte)
    }
  }

  private mutating func escape() throws(RegexError) -> RegexNode {
    if take("\\A") { return .assertion(.beginText) }
    if take("\\z") { return .assertion(.endText) }
    if take("\\b") { return .assertion(.wordBoundary) }
    if take("\\B") { return .assertion(.noWordBoundary) }
    if take("\\C") { return .set(.all) }
    if let set = try classEscape() { return .set(set) }
    return literal(try escapedCharacter())
  }
}
