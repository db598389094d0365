// A syntax tree as a nondeterministic machine of steps (Thompson, CACM 11(6), 1968). Repetitions
// with numbers are copies.

/// What a byte is to the assertions.
enum ByteKind: Int, CaseIterable, Sendable {
  case other, newline, word
  /// No byte: an end of the text.
  case edge

  var bytes: ByteSet {
    switch self {
    case .word: RegexClasses.word
    case .newline: RegexClasses.newline
    case .other: RegexClasses.word.union(RegexClasses.newline).inverted
    case .edge: ByteSet()
    }
  }
}

struct RegexProgram {
  enum Step {
    /// Takes one byte; the number of its position.
    case byte(Int, next: Int)
    case either(Int, Int)
    case assertion(RegexAssertion, next: Int)
    case match
    case fail
  }

  /// One place of the pattern that takes a byte. `next` is the step behind it.
  struct Position {
    let set: ByteSet
    let kind: ByteKind
    let next: Int
  }

  /// 10,000 places: a step of the machine then touches 157 words.
  static let positionLimit = 10_000
  private static let stepLimit = 5 * positionLimit

  private(set) var steps: [Step] = [.match, .fail]
  /// The last of the pattern first.
  private(set) var positions: [Position] = []
  private(set) var start = 0
  /// Positions take bytes of one kind only, so that what an assertion between two of them says is
  /// known beforehand.
  private let isSplitByKind: Bool

  init(_ node: RegexNode) throws(RegexError) {
    isSplitByKind = node.looksAround
    start = try add(node, before: 0)
  }

  private static let match = 0
  private static let fail = 1

  private mutating func emit(_ step: Step) throws(RegexError) -> Int {
    guard steps.count < RegexProgram.stepLimit else { throw RegexProgram.tooLarge }
    steps.append(step)
    return steps.count - 1
  }

  static let tooLarge = RegexError(reason: "pattern too large - compile failed", offset: 0)

  /// From the end to the beginning: what a node leads to is there before it.
  ///
  /// - Returns: Where the node begins.
  private mutating func add(_ node: RegexNode, before next: Int) throws(RegexError) -> Int {
    switch node {
    case .empty: return next
    case .set(let set): return try addSet(set, before: next)
    case .assertion(let assertion): return try emit(.assertion(assertion, next: next))
    case .sequence(let nodes):
      var start = next
      for node in nodes.reversed() { start = try add(node, before: start) }
      return start
    case .alternatives(let nodes):
      var start: Int?
      for node in nodes.reversed() {
        let branch = try add(node, before: next)
        start =
          try start.map { (rest) throws(RegexError) in try emit(.either(branch, rest)) }
          ?? branch
      }
      return start ?? next
    case .repetition(let node, let minimum, let maximum):
      return try addRepetition(of: node, minimum, maximum, before: next)
    }
  }

  private mutating func addSet(_ set: ByteSet, before next: Int) throws(RegexError) -> Int {
    guard isSplitByKind else { return try addPosition(set, .other, before: next) }
    var start = RegexProgram.fail
    for kind in ByteKind.allCases {
      let part = set.intersection(kind.bytes)
      if part.isEmpty { continue }
      let step = try addPosition(part, kind, before: next)
      start = start == RegexProgram.fail ? step : try emit(.either(step, start))
    }
    return start
  }

  private mutating func addPosition(
    _ set: ByteSet, _ kind: ByteKind, before next: Int
  ) throws(RegexError) -> Int {
    if set.isEmpty { return RegexProgram.fail }
    guard positions.count < RegexProgram.positionLimit else { throw RegexProgram.tooLarge }
    positions.append(Position(set: set, kind: kind, next: next))
    return try emit(.byte(positions.count - 1, next: next))
  }

  private mutating func addRepetition(
    of node: RegexNode, _ minimum: Int, _ maximum: Int?, before next: Int
  ) throws(RegexError) -> Int {
    var start = next
    var required = minimum
    if let maximum {
      // Each further one only behind the one before: x(x(x)?)?
      for _ in minimum..<maximum {
        start = try emit(.either(try add(node, before: start), next))
      }
    } else {
      let loop = try emit(.either(next, next))
      let body = try add(node, before: loop)
      steps[loop] = .either(body, next)
      start = minimum == 0 ? loop : body
      required = max(0, minimum - 1)
    }
    for _ in 0..<required { start = try add(node, before: start) }
    return start
  }
}

extension RegexNode {
  /// Does it ask what the bytes beside a place are?
  fileprivate var looksAround: Bool {
    switch self {
    case .empty, .set: false
    case .assertion(let assertion): assertion != .beginText && assertion != .endText
    case .sequence(let nodes), .alternatives(let nodes): nodes.contains { $0.looksAround }
    case .repetition(let node, _, _): node.looksAround
    }
  }
}
