// A random history of one engine beside a sorted map that says what every read must give. All of
// it, the order of background work included, follows from one seed.

import Bytes
import LSM
import Synchronization
import TestSupport
import Testing
import VFS

/// One engine, its model, and the dice.
final class EngineHistory {
  typealias Model = [[UInt8]: [UInt8]]

  /// A state that some commit has left.
  private struct Milestone {
    var sequence: UInt64
    var model: Model
  }

  private let seed: UInt64
  private let world: EngineWorld
  private var random: SeededGenerator
  private var engine: Engine
  private var model: Model = [:]
  /// Since the last opening, oldest first.
  private var milestones: [Milestone] = []
  /// Highest number that must survive a power cut.
  private var durable: UInt64 = 0
  private var held: [(snapshot: Snapshot, model: Model)] = []
  private var step = 0
  /// What kind of step, as `takeStep` numbers them.
  private var kind = 0

  init(seed: UInt64, merger: any ValueMerger = TextMerger()) throws {
    self.seed = seed
    random = SeededGenerator(seed: seed)
    world = try EngineWorld(seed: seed)
    world.options = EngineHistory.options(&random)
    world.merger = merger
    engine = try world.open()
    milestones = [Milestone(sequence: 0, model: [:])]
  }

  private static func options(_ random: inout SeededGenerator) -> EngineOptions {
    var options = EngineOptions()
    options.durability = Durability.allCases.randomElement(using: &random) ?? .sync
    options.memtableByteCount = [2 << 10, 4 << 10, 16 << 10].randomElement(using: &random) ?? 4096
    options.sealedMemtableLimit = Int.random(in: 1...3, using: &random)
    options.blockByteCount = [256, 1_024, 4_096].randomElement(using: &random) ?? 1_024
    options.tableFileByteCount = [2 << 10, 8 << 10].randomElement(using: &random) ?? 8192
    options.baseLevelByteCount = [4 << 10, 32 << 10].randomElement(using: &random) ?? 4096
    options.levelMultiplier = UInt64.random(in: 2...10, using: &random)
    options.levelZeroTrigger = Int.random(in: 1...4, using: &random)
    options.filterBitsPerKey = Bool.random(using: &random) ? 10 : 0
    options.logFileByteCount = [4 << 10, 32 << 10].randomElement(using: &random) ?? 4096
    options.compress = Bool.random(using: &random)
    return options
  }

  func run(steps: Int) throws {
    for index in 0..<steps {
      step = index
      try takeStep()
    }
    try checkAll()
    try engine.close()
  }

  private func takeStep() throws {
    kind = roll(100)
    switch kind {
    case 0..<40: try commitAndWait()
    case 40..<48: try commitSeveral()
    case 48..<54: try decide()
    case 54..<66: try get()
    case 66..<76: try scan()
    case 76..<80: hold()
    case 80..<83: if !held.isEmpty { held.remove(at: roll(held.count)) }
    case 83..<92: for _ in 0..<roll(4) { world.scheduler.runOne() }
    case 92: world.scheduler.run(forNanoseconds: 3_000_000_000)
    case 93: try engine.flush()
    case 94: try engine.compactAll()
    case 95: engine.requestFullCompaction()
    case 96: try reopen()
    case 97..<99: try crash()
    default: try checkAll()
    }
  }

  private func text(_ bytes: [UInt8]?) -> String {
    bytes.map { ByteView.of($0) { $0.description } } ?? "absent"
  }

  private func roll(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

  // MARK: Writing

  private func anyKey() -> [UInt8] {
    let number = roll(70)
    let text = number % 7 == 0 ? "key-with-a-longer-name-\(number)" : "k\(number)"
    return Array(text.utf8)
  }

  private func anyValue() -> [UInt8] {
    let count = random.chance(0.05) ? roll(2_000) : roll(40)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: 97 + roll(6)) }
  }

  /// A batch, applied to the model too.
  private func anyBatch() -> WriteBatch {
    var batch = WriteBatch()
    for _ in 0...roll(5) {
      let key = anyKey()
      let value = anyValue()
      switch roll(4) {
      case 0: add(.delete, key, [], to: &batch)
      case 1, 2: add(.merge, key, value, to: &batch)
      default: add(.put, key, value, to: &batch)
      }
    }
    return batch
  }

  private func add(
    _ kind: EntryKind, _ key: [UInt8], _ value: [UInt8], to batch: inout WriteBatch
  ) {
    ByteView.of(key) { key in
      ByteView.of(value) { value in batch.append(kind, key: key, value: value) }
    }
    switch kind {
    case .put: model[key] = value
    case .merge: model[key, default: []] += value
    case .delete: model[key] = nil
    }
  }

  private func committed(_ sequence: UInt64, _ durability: Durability?) {
    milestones.append(Milestone(sequence: sequence, model: model))
    if (durability ?? world.options.durability) == .sync { durable = sequence }
  }

  private func anyDurability() -> Durability? {
    random.chance(0.3) ? Durability.allCases.randomElement(using: &random) : nil
  }

  private func commitAndWait() throws {
    let durability = anyDurability()
    let sequence = try engine.commitAndWait(anyBatch(), durability: durability)
    committed(sequence.rawValue, durability)
  }

  /// Several requests in flight; some are done at once, the others when the lane runs.
  private func commitSeveral() throws {
    let answers = Mutex<[Result<SequenceNumber, EngineError>]>([])
    let count = 1 + roll(5)
    var expected: [(Durability?, Model)] = []
    for _ in 0..<count {
      let durability = anyDurability()
      let batch = anyBatch()
      expected.append((durability, model))
      engine.commit(
        CommitRequest(batch, durability: durability) { answer in
          answers.withLock { $0.append(answer) }
        })
    }
    for _ in 0..<10_000 where answers.withLock({ $0.count }) < count {
      world.scheduler.runReady()
      world.clock.advance(nanoseconds: 1_000_000)
    }
    let all = answers.withLock { $0 }
    try #require(all.count == count, "seed \(seed) step \(step): commits unanswered")
    for (answer, (durability, after)) in zip(all, expected) {
      let sequence = try answer.get().rawValue
      milestones.append(Milestone(sequence: sequence, model: after))
      if (durability ?? world.options.durability) == .sync { durable = sequence }
    }
  }

  /// Reads a key in the commit itself and writes what follows from it.
  private func decide() throws {
    let key = anyKey()
    let before = model[key]
    let read = Mutex<[UInt8]?>(nil)
    let answer = Mutex<Result<SequenceNumber, EngineError>?>(nil)
    engine.commit(
      CommitRequest(
        deciding: { reader, batch in
          try ByteView.of(key) { key in
            let value = TextMerger.value(of: try reader.operands(of: key))
            read.withLock { $0 = value }
            guard let value, value.count < 500 else { return }
            ByteView.of(value + [33]) { batch.append(.put, key: key, value: $0) }
          }
        }, completion: { result in answer.withLock { $0 = result } }))
    for _ in 0..<10_000 where answer.withLock({ $0 == nil }) {
      world.scheduler.runReady()
      world.clock.advance(nanoseconds: 1_000_000)
    }
    let result = try #require(answer.withLock { $0 }, "seed \(seed) step \(step): undecided")
    #expect(read.withLock { $0 } == before, "seed \(seed) step \(step): decided on")
    if let before, before.count < 500 { model[key] = before + [33] }
    committed(try result.get().rawValue, nil)
  }

  // MARK: Reading

  private func hold() {
    if held.count == 4 { held.removeFirst() }
    held.append((engine.snapshot(), model))
  }

  /// The newest state or one that is held.
  private func anyState() -> (snapshot: Snapshot, model: Model) {
    if !held.isEmpty, Bool.random(using: &random) { return held[roll(held.count)] }
    return (engine.snapshot(), model)
  }

  private func get() throws {
    let state = anyState()
    let list = OperandList()
    for _ in 0..<5 {
      let key = anyKey()
      let lookup = try ByteView.of(key) {
        try engine.get($0, at: state.snapshot, wait: .allowed, into: list)
      }
      let value = TextMerger.value(of: list.operands)
      #expect(
        value == state.model[key] && (value != nil) == (lookup == .found),
        "seed \(seed) step \(step): get \(String(decoding: key, as: UTF8.self))")
    }
  }

  private func scan() throws {
    let state = anyState()
    let lower = Bool.random(using: &random) ? anyKey() : nil
    let upper = Bool.random(using: &random) ? anyKey() : nil
    let expected = EngineHistory.pairs(state.model, lower, upper)
    let cursor = engine.cursor(from: lower, to: upper, at: state.snapshot)
    try checkWalk(cursor, expected, reversed: Bool.random(using: &random))
    try checkJumps(cursor, expected)
  }

  private static func pairs(
    _ model: Model, _ lower: [UInt8]?, _ upper: [UInt8]?
  ) -> [(key: [UInt8], value: [UInt8])] {
    model.filter { key, _ in
      (lower.map { !key.lexicographicallyPrecedes($0) } ?? true)
        && (upper.map { key.lexicographicallyPrecedes($0) } ?? true)
    }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { ($0.key, $0.value) }
  }

  private func checkWalk(
    _ cursor: KeyCursor, _ expected: [(key: [UInt8], value: [UInt8])], reversed: Bool
  ) throws {
    var seen = 0
    if reversed { try cursor.seekToLast() } else { try cursor.seekToFirst() }
    while cursor.isValid {
      guard seen < expected.count else { break }
      let wanted = reversed ? expected[expected.count - 1 - seen] : expected[seen]
      let value = TextMerger.value(of: cursor.operands)
      try #require(
        cursor.key.array == wanted.key && value == wanted.value,
        """
        seed \(seed) step \(step) \(kind): walk, reversed \(reversed), at \(seen): \
        \(cursor.key) is \(text(value)), \(text(wanted.key)) should be \(text(wanted.value))
        """)
      seen += 1
      if reversed { try cursor.previous() } else { try cursor.next() }
    }
    #expect(
      seen == expected.count && !cursor.isValid,
      "seed \(seed) step \(step): walk of \(seen), not \(expected.count)")
  }

  /// Seeks, then turns round and round.
  private func checkJumps(
    _ cursor: KeyCursor, _ expected: [(key: [UInt8], value: [UInt8])]
  ) throws {
    let key = anyKey()
    var index: Int
    if Bool.random(using: &random) {
      try ByteView.of(key) { try cursor.seek(to: $0) }
      index = expected.firstIndex { !$0.key.lexicographicallyPrecedes(key) } ?? expected.count
    } else {
      try ByteView.of(key) { try cursor.seek(before: $0) }
      index = expected.lastIndex { $0.key.lexicographicallyPrecedes(key) } ?? -1
    }
    for _ in 0..<6 {
      let isInside = expected.indices.contains(index)
      #expect(cursor.isValid == isInside, "seed \(seed) step \(step): jump to \(index)")
      guard isInside, cursor.isValid else { return }
      #expect(
        cursor.key.array == expected[index].key
          && TextMerger.value(of: cursor.operands) == expected[index].value,
        "seed \(seed) step \(step): jump at \(index)")
      if Bool.random(using: &random) {
        try cursor.next()
        index += 1
      } else {
        try cursor.previous()
        index -= 1
      }
    }
  }

  private func checkAll() throws {
    for state in held + [(engine.snapshot(), model)] {
      let cursor = engine.cursor(from: nil, to: nil, at: state.snapshot)
      try checkWalk(cursor, EngineHistory.pairs(state.model, nil, nil), reversed: false)
    }
    let bound = engine.newestSequence(from: nil, to: nil)
    #expect(bound <= engine.snapshot().sequence, "seed \(seed) step \(step): newest sequence")
  }

  // MARK: Reopening

  private func reopen() throws {
    held = []
    try engine.close()
    if random.chance(0.3) { world.scheduler.runReady() } else { world.scheduler.dropAll() }
    engine = try world.open()
    #expect(engine.statistics.logByteCount <= 64, "seed \(seed) step \(step): logs to replay")
    try reopened(mustHave: milestones.last?.sequence ?? 0)
  }

  private func crash() throws {
    held = []
    let share = Double(roll(3)) / 2
    let floor = share == 1 ? milestones.last?.sequence ?? 0 : durable
    world.crash(keeping: share, seed: random.next())
    engine = try world.open()
    try reopened(mustHave: floor)
  }

  /// What is there now must be what some commit left, none before `floor`.
  private func reopened(mustHave floor: UInt64) throws {
    let sequence = engine.snapshot().sequence.rawValue
    let found = try #require(
      milestones.last { $0.sequence == sequence },
      "seed \(seed) step \(step): \(sequence) is the end of no commit")
    #expect(sequence >= floor, "seed \(seed) step \(step): lost \(sequence + 1)...\(floor)")
    model = found.model
    milestones = [found]
    durable = sequence
    try checkAll()
  }
}
