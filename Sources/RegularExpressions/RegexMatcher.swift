// Runs a position automaton over a text. Sets of positions that were met become states with a table
// of transitions, made as they are needed (McNaughton and Yamada 1960; lazily, as in Aho, Sethi and
// Ullman, section 3.7); when a text meets too many of them the table is emptied, and given up for
// a stretch. Either way every byte is looked at once: linear time.

internal import Bytes

/// The states met so far. Confined to whoever holds it.
struct RegexMatcher {
  private let automaton: PositionAutomaton
  private let stateLimit: Int
  /// By state, its set of positions.
  private var sets: ContiguousArray<UInt64> = []
  private var isFinal: ContiguousArray<Bool> = []
  /// By state and byte class, the next state; -1 where that is not known yet.
  private var transitions: ContiguousArray<Int32> = []
  /// Hash table of states, open addressing; -1 where free.
  private var table: ContiguousArray<Int32>
  private var scratch: ContiguousArray<UInt64>
  /// Bytes looked at since the table was last emptied.
  private var bytesSinceReset = 0

  private static let dead: Int32 = 0
  private static let start: Int32 = 1

  /// - Parameter byteCount: What the states may take.
  init(_ automaton: PositionAutomaton, byteCount: Int) {
    self.automaton = automaton
    // A set, its transitions, two places in the hash table.
    let stateByteCount = 8 * automaton.wordCount + 4 * automaton.classCount + 16
    stateLimit = max(16, byteCount / stateByteCount)
    var tableCount = 32
    while tableCount < 2 * stateLimit { tableCount *= 2 }
    table = ContiguousArray(repeating: -1, count: tableCount)
    scratch = ContiguousArray(repeating: 0, count: automaton.wordCount)
    reset()
  }

  /// Does the pattern match the whole text?
  mutating func matches(_ text: ByteView) -> Bool {
    var state = RegexMatcher.start
    var offset = 0
    while true {
      let run = follow(text, from: offset, in: state)
      bytesSinceReset += run.offset - offset
      (offset, state) = run
      if state == RegexMatcher.dead { return false }
      if offset == text.count { return isFinal[Int(state)] }
      if isFinal.count == stateLimit {
        // Too few bytes for each state made: for a while it is cheaper to make none.
        let isVain = bytesSinceReset < 8 * stateLimit
        let end = isVain ? min(text.count, offset + 64 * stateLimit) : offset
        (offset, state) = restart(text, from: offset, to: end, in: state)
        continue
      }
      addTransition(from: state, Int(automaton.byteClasses[Int(text[offset])]))
    }
  }

  /// Goes on while transitions are known.
  private func follow(
    _ text: ByteView, from first: Int, in state: Int32
  ) -> (offset: Int, state: Int32) {
    let classCount = automaton.classCount
    return transitions.withUnsafeBufferPointer { transitions in
      automaton.byteClasses.withUnsafeBufferPointer { classes in
        var state = state
        var offset = first
        while offset < text.count {
          let next = transitions[Int(state) * classCount + Int(classes[Int(text[offset])])]
          if next < 0 { break }
          state = next
          offset += 1
          if next == RegexMatcher.dead { break }
        }
        return (offset, state)
      }
    }
  }

  // MARK: States

  private mutating func reset() {
    sets.removeAll(keepingCapacity: true)
    isFinal.removeAll(keepingCapacity: true)
    transitions.removeAll(keepingCapacity: true)
    for place in table.indices { table[place] = -1 }
    bytesSinceReset = 0
    clearScratch()
    _ = internScratch()
    scratch[0] = 1
    _ = internScratch()
  }

  private mutating func clearScratch() {
    for word in scratch.indices { scratch[word] = 0 }
  }

  private mutating func addTransition(from state: Int32, _ byteClass: Int) {
    sets.withUnsafeBufferPointer { sets in
      scratch.withUnsafeMutableBufferPointer { scratch in
        guard let from = sets.baseAddress, let into = scratch.baseAddress else { return }
        let set = from + Int(state) * automaton.wordCount
        _ = automaton.withStepper { $0.step(set, byteClass, into: into) }
      }
    }
    let next = internScratch()
    transitions[Int(state) * automaton.classCount + byteClass] = next
  }

  /// The state of the set in `scratch`.
  private mutating func internScratch() -> Int32 {
    var hash: UInt64 = 0
    for word in scratch { hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15 ^ (hash >> 29) }
    let mask = table.count - 1
    var place = Int(truncatingIfNeeded: hash >> 32) & mask
    while table[place] >= 0 {
      if isSet(of: table[place]) { return table[place] }
      place = (place + 1) & mask
    }
    let new = Int32(isFinal.count)
    table[place] = new
    sets.append(contentsOf: scratch)
    isFinal.append(scratch.withUnsafeBufferPointer { automaton.mayEnd(in: $0) })
    transitions.append(contentsOf: repeatElement(-1, count: automaton.classCount))
    return new
  }

  private func isSet(of state: Int32) -> Bool {
    let offset = Int(state) * automaton.wordCount
    for word in 0..<automaton.wordCount where sets[offset + word] != scratch[word] { return false }
    return true
  }

  // MARK: Without states

  /// Takes the bytes up to `end` without making states, and forgets all but the one reached.
  private mutating func restart(
    _ text: ByteView, from first: Int, to end: Int, in state: Int32
  ) -> (offset: Int, state: Int32) {
    let wordCount = automaton.wordCount
    let isAlive = withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * wordCount) { sets in
      guard var current = sets.baseAddress else { return false }
      var next = current + wordCount
      for word in 0..<wordCount { current[word] = self.sets[Int(state) * wordCount + word] }
      let isAlive = automaton.withStepper { stepper in
        for index in first..<end {
          let byteClass = Int(stepper.byteClasses[Int(text[index])])
          guard stepper.step(current, byteClass, into: next) else { return false }
          swap(&current, &next)
        }
        return true
      }
      reset()
      for word in 0..<wordCount { scratch[word] = current[word] }
      return isAlive
    }
    return (end, isAlive ? internScratch() : RegexMatcher.dead)
  }
}

/// The automaton's tables in place, for many steps at once.
private struct Stepper {
  let wordCount: Int
  let byteClasses: UnsafeBufferPointer<UInt8>
  let masks: UnsafeBufferPointer<UInt64>
  let shiftable: UnsafeBufferPointer<UInt64>
  let exceptional: UnsafeBufferPointer<UInt64>
  let exceptionalWords: UnsafeBufferPointer<Int>
  let rowOffsets: UnsafeBufferPointer<Int32>
  let rows: UnsafeBufferPointer<UInt64>

  /// The positions that may follow those of `from` on a byte of the class.
  ///
  /// - Returns: True when there is any.
  @inline(__always)
  func step(
    _ from: UnsafePointer<UInt64>, _ byteClass: Int, into: UnsafeMutablePointer<UInt64>
  ) -> Bool {
    guard let shiftable = shiftable.baseAddress, let allMasks = masks.baseAddress else {
      return false
    }
    let mask = allMasks + byteClass * wordCount
    guard let row = gatherRows(from, into) else {
      var any = from[0] << 1 & shiftable[0] & mask[0]
      into[0] = any
      for word in 1..<Swift.max(1, wordCount) {
        let bits = (from[word] << 1 | from[word - 1] >> 63) & shiftable[word] & mask[word]
        into[word] = bits
        any |= bits
      }
      return any != 0
    }
    // All of a word at once, and no word from the one before: several at a time.
    var any = (from[0] << 1 & shiftable[0] | row[0]) & mask[0]
    into[0] = any
    for word in 1..<Swift.max(1, wordCount) {
      let shifted = (from[word] << 1 | from[word - 1] >> 63) & shiftable[word]
      let bits = (shifted | row[word]) & mask[word]
      into[word] = bits
      any |= bits
    }
    return any != 0
  }

  /// The positions that follow others than their neighbours: one row where it is, several brought
  /// together in `into`; nil for none.
  @inline(__always)
  private func gatherRows(
    _ from: UnsafePointer<UInt64>, _ into: UnsafeMutablePointer<UInt64>
  ) -> UnsafePointer<UInt64>? {
    guard let rows = rows.baseAddress else { return nil }
    var only: UnsafePointer<UInt64>?
    var count = 0
    for word in exceptionalWords {
      var left = from[word] & exceptional[word]
      while left != 0 {
        let row = rows + Int(rowOffsets[word * 64 + left.trailingZeroBitCount])
        left &= left - 1
        count += 1
        if count == 1 {
          only = row
          continue
        }
        if let first = only, count == 2 { into.update(from: first, count: wordCount) }
        for word in 0..<wordCount { into[word] |= row[word] }
      }
    }
    return count > 1 ? UnsafePointer(into) : only
  }
}

extension PositionAutomaton {
  fileprivate func withStepper<Result>(_ body: (Stepper) -> Result) -> Result {
    byteClasses.withUnsafeBufferPointer { byteClasses in
      masks.withUnsafeBufferPointer { masks in
        shiftable.withUnsafeBufferPointer { shiftable in
          exceptional.withUnsafeBufferPointer { exceptional in
            exceptionalWords.withUnsafeBufferPointer { exceptionalWords in
              rowOffsets.withUnsafeBufferPointer { rowOffsets in
                rows.withUnsafeBufferPointer { rows in
                  body(
                    Stepper(
                      wordCount: wordCount, byteClasses: byteClasses, masks: masks,
                      shiftable: shiftable, exceptional: exceptional,
                      exceptionalWords: exceptionalWords, rowOffsets: rowOffsets, rows: rows))
                }
              }
            }
          }
        }
      }
    }
  }

  fileprivate func mayEnd(in set: UnsafeBufferPointer<UInt64>) -> Bool {
    for word in 0..<set.count where set[word] & final[word] != 0 { return true }
    return false
  }
}
