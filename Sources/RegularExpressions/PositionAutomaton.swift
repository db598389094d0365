// The machine without empty steps: which positions of the pattern may follow which (Glushkov,
// Russian Mathematical Surveys 16, 1961). A set of positions is a row of bits, and nearly every
// position is followed by its neighbour, so a step over a byte is a shift and a mask of whole words
// (Navarro and Raffinot, J. ACM Experimental Algorithmics 5, 2000); only positions that are
// followed by others are looked at one by one.

/// Immutable, made once a pattern. Position 0 is the start; the pattern's are 1 and up.
struct PositionAutomaton: Sendable {
  /// Words of a set of positions.
  let wordCount: Int
  /// Which class a byte is in: all bytes of one are alike to the pattern.
  private(set) var byteClasses = [UInt8](repeating: 0, count: 256)
  private(set) var classCount = 0
  /// By class, positions that take its bytes.
  private(set) var masks: ContiguousArray<UInt64> = []
  /// Positions that follow the one before them.
  private(set) var shiftable: ContiguousArray<UInt64>
  /// Positions that others follow than the next one.
  private(set) var exceptional: ContiguousArray<UInt64>
  /// Words of `exceptional` that have any.
  private(set) var exceptionalWords: ContiguousArray<Int> = []
  /// Of an exceptional position, its place in `rows`, in words.
  private(set) var rowOffsets: ContiguousArray<Int32>
  private(set) var rows: ContiguousArray<UInt64> = []
  /// Positions at which the text may end.
  private(set) var final: ContiguousArray<UInt64>

  /// Words of all rows: 4 MiB.
  private static let rowWordLimit = 1 << 19
  /// Steps that finding all followers may take: some tens of milliseconds.
  private static let effortLimit = 4_000_000

  init(_ program: RegexProgram) throws(RegexError) {
    let count = program.positions.count + 1
    wordCount = (count + 63) / 64
    shiftable = ContiguousArray(repeating: 0, count: wordCount)
    exceptional = shiftable
    final = shiftable
    rowOffsets = ContiguousArray(repeating: -1, count: count)
    findClasses(program)
    var finder = FollowerFinder(program, effort: PositionAutomaton.effortLimit)
    var known: [Int: Int32] = [:]
    for position in 0..<count {
      let (step, kind) = PositionAutomaton.origin(position, program)
      let key = step * ByteKind.allCases.count + kind.rawValue
      try connect(position, &finder, step, kind, &known[key])
    }
    exceptionalWords = ContiguousArray(exceptional.indices.filter { exceptional[$0] != 0 })
  }

  /// The step behind a position, and what its byte was.
  private static func origin(_ position: Int, _ program: RegexProgram) -> (Int, ByteKind) {
    if position == 0 { return (program.start, .edge) }
    let place = program.positions[program.positions.count - position]
    return (place.next, place.kind)
  }

  private mutating func connect(
    _ position: Int, _ finder: inout FollowerFinder, _ step: Int, _ kind: ByteKind,
    _ known: inout Int32?
  ) throws(RegexError) {
    let followers = try finder.find(from: step, behind: kind)
    if followers.mayEnd { set(position, in: &final) }
    if followers.positions.contains(position + 1) { set(position + 1, in: &shiftable) }
    if followers.positions.allSatisfy({ $0 == position + 1 }) { return }
    set(position, in: &exceptional)
    if let known {
      rowOffsets[position] = known
      return
    }
    guard rows.count + wordCount <= PositionAutomaton.rowWordLimit else {
      throw RegexProgram.tooLarge
    }
    let offset = rows.count
    rows.append(contentsOf: repeatElement(0, count: wordCount))
    for follower in followers.positions {
      rows[offset + follower / 64] |= 1 << UInt64(follower % 64)
    }
    known = Int32(offset)
    rowOffsets[position] = Int32(offset)
  }

  private func set(_ position: Int, in words: inout ContiguousArray<UInt64>) {
    words[position / 64] |= 1 << UInt64(position % 64)
  }

  private mutating func findClasses(_ program: RegexProgram) {
    let sets = Array(Set(program.positions.map(\.set)))
    var classes: [[Bool]: UInt8] = [:]
    var examples: [UInt8] = []
    for byte in UInt8(0)...255 {
      let signature = sets.map { $0.contains(byte) }
      if let known = classes[signature] {
        byteClasses[Int(byte)] = known
      } else {
        let new = UInt8(examples.count)
        classes[signature] = new
        byteClasses[Int(byte)] = new
        examples.append(byte)
      }
    }
    classCount = examples.count
    masks = ContiguousArray(repeating: 0, count: classCount * wordCount)
    let count = program.positions.count
    for (index, example) in examples.enumerated() {
      for position in 1..<count + 1
      where program.positions[count - position].set.contains(example) {
        masks[index * wordCount + position / 64] |= 1 << UInt64(position % 64)
      }
    }
  }
}

/// Walks the empty steps of a program.
private struct FollowerFinder {
  typealias Followers = (positions: [Int], mayEnd: Bool)

  private let program: RegexProgram
  private var effort: Int
  private var found: [Int: Followers] = [:]
  /// By step, the sets of assertions it was reached with: a bit each of their 64 sets.
  private var reached: [UInt64]

  init(_ program: RegexProgram, effort: Int) {
    self.program = program
    self.effort = effort
    reached = [UInt64](repeating: 0, count: program.steps.count)
  }

  /// - Parameters:
  ///   - step: Where to begin.
  ///   - kind: Of the byte before.
  mutating func find(from step: Int, behind kind: ByteKind) throws(RegexError) -> Followers {
    let key = step * ByteKind.allCases.count + kind.rawValue
    if let known = found[key] { return known }
    var followers: Followers = ([], false)
    var touched: [Int] = []
    var stack: [(step: Int, assertions: UInt8)] = [(step, 0)]
    while let (step, assertions) = stack.popLast() {
      let bit = UInt64(1) << UInt64(assertions)
      if reached[step] & bit != 0 { continue }
      effort -= 1
      guard effort > 0 else { throw RegexProgram.tooLarge }
      if reached[step] == 0 { touched.append(step) }
      reached[step] |= bit
      switch program.steps[step] {
      case .byte(let number, _):
        let place = program.positions[number]
        if holds(assertions, kind, place.kind) {
          followers.positions.append(program.positions.count - number)
        }
      case .either(let first, let second):
        stack.append((second, assertions))
        stack.append((first, assertions))
      case .assertion(let assertion, let next): stack.append((next, assertions | assertion.bit))
      case .match: if holds(assertions, kind, .edge) { followers.mayEnd = true }
      case .fail: break
      }
    }
    for step in touched { reached[step] = 0 }
    found[key] = followers
    return followers
  }

  private func holds(_ assertions: UInt8, _ before: ByteKind, _ after: ByteKind) -> Bool {
    if assertions == 0 { return true }
    let isBoundary = (before == .word) != (after == .word)
    var holding: UInt8 =
      isBoundary
      ? RegexAssertion.wordBoundary.bit : RegexAssertion.noWordBoundary.bit
    if before == .edge { holding |= RegexAssertion.beginText.bit | RegexAssertion.beginLine.bit }
    if before == .newline { holding |= RegexAssertion.beginLine.bit }
    if after == .edge { holding |= RegexAssertion.endText.bit | RegexAssertion.endLine.bit }
    if after == .newline { holding |= RegexAssertion.endLine.bit }
    return assertions & ~holding == 0
  }
}
