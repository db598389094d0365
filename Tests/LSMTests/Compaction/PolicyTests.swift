// The policy as a table: this version, that choice. And as a simulation: choices carried out on
// metadata alone until nothing is left to do.

import Bytes
import TestSupport
import Testing

@testable import LSM

/// Versions without files.
enum Facts {
  static let mebibyte: UInt64 = 1 << 20

  static func table(
    _ number: UInt64, _ smallest: String, _ largest: String, mebibytes: UInt64 = 16,
    sequences: ClosedRange<UInt64>? = nil, tombstones: UInt64 = 0, merges: UInt64 = 0,
    created: Int64 = 0
  ) -> TableMetadata {
    let range = sequences ?? (number * 100)...(number * 100 + 99)
    return TableMetadata(
      number: FileNumber(number), byteCount: mebibytes * mebibyte,
      smallestKey: Array(smallest.utf8), largestKey: Array(largest.utf8),
      smallestSequence: SequenceNumber(range.lowerBound),
      largestSequence: SequenceNumber(range.upperBound), entryCount: 100,
      tombstoneCount: tombstones, mergeCount: merges, creationMicroseconds: created)
  }

  static func version(_ levels: [Int: [TableMetadata]]) -> Version {
    Version((0..<Limits.levelCount).map { levels[$0] ?? [] })
  }

  /// With four files in level 0 as due, so that the cases stay short.
  static var options: EngineOptions {
    var options = EngineOptions()
    options.levelZeroTrigger = 4
    return options
  }

  static func situation(_ levels: [Int: [TableMetadata]]) -> CompactionSituation {
    CompactionSituation(version: version(levels), options: Facts.options)
  }
}

extension CompactionChoice {
  /// "0:1,2 6:3 → 6" for inputs by level.
  var summary: String {
    let parts = inputs.map { input in
      "\(input.level):" + input.files.map { String($0.number.rawValue) }.joined(separator: ",")
    }
    return parts.joined(separator: " ") + " → \(outputLevel)" + (isTrivialMove ? " moved" : "")
  }
}

@Suite struct PolicyTests {
  private func choose(_ situation: CompactionSituation) -> String? {
    LeveledPolicy().choose(situation)?.summary
  }

  private func levelZero(_ count: UInt64, from first: UInt64 = 1) -> [TableMetadata] {
    (first..<first + count).map { Facts.table($0, "a", "z") }
  }

  @Test func `an empty engine and a well-shaped one need nothing`() {
    #expect(choose(Facts.situation([:])) == nil)
    #expect(choose(Facts.situation([0: levelZero(3)])) == nil)
    #expect(
      choose(Facts.situation([6: [Facts.table(1, "a", "b"), Facts.table(2, "c", "d")]])) == nil)
  }

  @Test func `level 0 goes to the last level while the store is small`() {
    let situation = Facts.situation([
      0: levelZero(4, from: 10), 6: [Facts.table(1, "b", "c"), Facts.table(2, "za", "zb")],
    ])
    #expect(choose(situation) == "0:13,12,11,10 6:1 → 6")
  }

  @Test func `the base level rises as the last level grows`() {
    for (mebibytes, base) in [(10, 6), (64, 6), (65, 5), (640, 5), (641, 4), (6_401, 3)] {
      let version = Facts.version([6: [Facts.table(1, "a", "b", mebibytes: UInt64(mebibytes))]])
      let targets = LevelTargets(version, EngineOptions())
      #expect(targets.baseLevel == base, "\(mebibytes) MiB")
    }
    let large = Facts.version([6: [Facts.table(1, "a", "b", mebibytes: 1_000)]])
    let targets = LevelTargets(large, EngineOptions())
    #expect(targets.byteCounts[4] == 10 << 20)
    #expect(targets.byteCounts[5] == 100 << 20)
  }

  @Test func `level 0 does not jump over a level that holds files`() {
    let situation = Facts.situation([0: levelZero(4, from: 10), 3: [Facts.table(1, "x", "y")]])
    // Level 3 should be empty, and is the worse.
    #expect(choose(situation) == "3:1 → 4 moved")
    #expect(LevelTargets(situation.version, situation.options).baseLevel == 3)
  }

  @Test func `disjoint files of level 0 move as they are`() {
    let files = (1...4 as ClosedRange<UInt64>).map { Facts.table($0, "k\($0)", "k\($0)z") }
    #expect(choose(Facts.situation([0: files])) == "0:4,3,2,1 → 6 moved")
    var dirty = files
    dirty[2].tombstoneCount = 1
    #expect(choose(Facts.situation([0: dirty])) == "0:4,3,2,1 → 6")
  }

  @Test func `small files of level 0 gather before they go down`() {
    func small(_ sizes: [UInt64]) -> [TableMetadata] {
      zip(1..., sizes).map { number, size in
        var table = Facts.table(UInt64(number), "a", "z")
        table.byteCount = size << 10
        return table
      }
    }
    let base = [Facts.table(100, "a", "z", mebibytes: 60)]
    #expect(choose(Facts.situation([0: small([10, 10, 10, 10]), 6: base])) == "0:4,3,2,1 → 0")
    // The oldest was gathered before, and is much larger.
    #expect(choose(Facts.situation([0: small([900, 10, 10, 10]), 6: base])) == "0:4,3,2 → 0")
    #expect(
      choose(Facts.situation([0: small([2_000, 400, 80, 10]), 6: base])) == "0:4,3,2,1 6:100 → 6")
    // Little to rewrite, or much to bring.
    let light = [Facts.table(100, "a", "z", mebibytes: 0)]
    #expect(
      choose(Facts.situation([0: small([10, 10, 10, 10]), 6: light])) == "0:4,3,2,1 6:100 → 6")
    #expect(choose(Facts.situation([0: levelZero(4), 6: base])) == "0:4,3,2,1 6:100 → 6")
  }

  @Test func `a full level gives the file that overlaps least`() {
    let situation = Facts.situation([
      5: [Facts.table(1, "a", "b"), Facts.table(2, "c", "d"), Facts.table(3, "e", "f")],
      6: [
        Facts.table(11, "a", "b", mebibytes: 100), Facts.table(12, "c", "c", mebibytes: 30),
        Facts.table(13, "ca", "d", mebibytes: 30), Facts.table(14, "e", "f", mebibytes: 90),
      ],
    ])
    #expect(choose(situation) == "5:2 6:12,13 → 6")
  }

  @Test func `neighbours that cost nothing come along`() {
    let situation = Facts.situation([
      5: [Facts.table(1, "a", "b", mebibytes: 8), Facts.table(2, "c", "d", mebibytes: 8)],
      6: [Facts.table(11, "a", "d", mebibytes: 140)],
    ])
    #expect(choose(situation) == "5:1,2 6:11 → 6")
  }

  @Test func `neighbours with a file between them below stay apart`() throws {
    let dirty = Facts.situation([
      5: [
        Facts.table(1, "a", "c", mebibytes: 1, tombstones: 60),
        Facts.table(2, "m", "p", mebibytes: 1, tombstones: 60),
      ],
      6: [Facts.table(11, "e", "k", mebibytes: 640)],
    ])
    let choice = try #require(LeveledPolicy().choose(dirty))
    // One output of both would overlap the file between them.
    #expect(choice.summary == "5:1 → 6")
  }

  @Test func `files of tombstones go down before their level is full`() {
    let situation = Facts.situation([
      5: [
        Facts.table(1, "a", "b", mebibytes: 1),
        Facts.table(2, "c", "d", mebibytes: 1, tombstones: 51),
      ],
      6: [Facts.table(11, "a", "z", mebibytes: 640)],
    ])
    #expect(choose(situation) == "5:1,2 6:11 → 6")
  }

  @Test func `tombstones of level 0 go down early where that costs little or nobody writes`() {
    let deletions = Facts.table(20, "c", "d", mebibytes: 1, tombstones: 51)
    let base = (0..<5).map { Facts.table(11 + $0, "c\($0)", "c\($0)z", mebibytes: 1) }
    var situation = Facts.situation([0: [deletions], 6: Array(base.prefix(4))])
    #expect(choose(situation) == "0:20 6:11,12,13,14 → 6")
    situation.version = Facts.version([0: [deletions], 6: base])
    #expect(choose(situation) == nil)
    situation.isIdle = true
    #expect(choose(situation) == "0:20 6:11,12,13,14,15 → 6")
    situation.isIdle = false
    situation.version = Facts.version([
      0: [Facts.table(20, "c", "d", mebibytes: 1, tombstones: 50)], 6: Array(base.prefix(4)),
    ])
    #expect(choose(situation) == nil)
  }

  @Test func `an idle engine settles until a tenth is above its last level`() {
    let last = Facts.table(11, "a", "z", mebibytes: 640)
    var situation = Facts.situation([
      0: [Facts.table(20, "a", "z", mebibytes: 32)], 5: [Facts.table(1, "a", "b", mebibytes: 40)],
      6: [last],
    ])
    #expect(choose(situation) == nil)
    situation.isIdle = true
    #expect(choose(situation) == "0:20 5:1 → 5")
    situation.version = Facts.version([5: [Facts.table(1, "a", "b", mebibytes: 63)], 6: [last]])
    #expect(choose(situation) == nil)
    situation.version = Facts.version([0: [Facts.table(1, "a", "b", mebibytes: 1)]])
    #expect(choose(situation) == "0:1 → 6 moved")
  }

  @Test func `a requested rewrite takes what is old, from above, and then in place`() {
    var situation = Facts.situation([
      0: [Facts.table(20, "a", "z", mebibytes: 1, sequences: 900...999)],
      6: [Facts.table(11, "a", "b"), Facts.table(12, "c", "d"), Facts.table(40, "e", "f")],
    ])
    let request = RewriteRequest(filesBefore: FileNumber(30), entriesUpTo: SequenceNumber(950))
    situation.rewrite = request
    #expect(choose(situation) == "0:20 6:11,12,40 → 6")
    #expect(!request.isSatisfied(by: situation.version))
    situation.version = Facts.version([
      0: [Facts.table(21, "a", "z", mebibytes: 1, sequences: 951...999)],
      6: [Facts.table(11, "a", "b"), Facts.table(12, "c", "d"), Facts.table(40, "e", "f")],
    ])
    #expect(choose(situation) == "6:11,12 → 6")
    situation.version = Facts.version([6: [Facts.table(40, "e", "f")]])
    #expect(choose(situation) == nil)
    #expect(request.isSatisfied(by: situation.version))
  }

  @Test func `files that were not rewritten for long are, the oldest first`() {
    var situation = Facts.situation([
      6: [
        Facts.table(12, "a", "b", created: 50), Facts.table(11, "c", "d", created: 20),
        Facts.table(40, "e", "f", created: 80),
      ]
    ])
    #expect(choose(situation) == nil)
    situation.rewriteWrittenBefore = 60
    #expect(choose(situation) == "6:11 → 6")
    situation.rewriteWrittenBefore = 30
    #expect(choose(situation) == "6:11 → 6")
    situation.rewriteWrittenBefore = 10
    #expect(choose(situation) == nil)
  }

  @Test func `debt counts what has to be rewritten`() {
    let policy = LeveledPolicy()
    let options = Facts.options
    #expect(policy.debtByteCount(.empty, options) == 0)
    #expect(policy.debtByteCount(Facts.version([0: levelZero(3)]), options) == 0)
    let full = Facts.version([0: levelZero(4), 6: [Facts.table(11, "a", "z", mebibytes: 50)]])
    #expect(policy.debtByteCount(full, options) == 114 << 20)
    let above = Facts.version([
      5: [Facts.table(1, "a", "z", mebibytes: 40)], 6: [Facts.table(11, "a", "z", mebibytes: 200)],
    ])
    // 20 MiB too much, each overlapping five times as much below.
    #expect(policy.debtByteCount(above, options) == (20 * 6) << 20)
  }

  @Test("carrying choices out comes to rest in shape", arguments: 1...6 as ClosedRange<UInt64>)
  func simulation(seed: UInt64) {
    var simulation = PolicySimulation(seed: seed)
    for round in 0..<60 {
      simulation.flush()
      var steps = 0
      while simulation.step(isIdle: false) {
        steps += 1
        guard steps < 500 else {
          Issue.record("round \(round) does not come to rest")
          return
        }
      }
      #expect(simulation.version.brokenInvariant == nil)
      #expect(simulation.version.levels[0].files.count < simulation.options.levelZeroTrigger)
    }
    var steps = 0
    while simulation.step(isIdle: true), steps < 2_000 { steps += 1 }
    #expect(steps < 2_000)
    let version = simulation.version
    let last = version.levels[LevelTargets.last].byteCount
    #expect(version.byteCount - last <= last / 10)
    #expect(LeveledPolicy().debtByteCount(version, simulation.options) == 0)
  }
}

/// Files as ranges of numbers: a compaction's outputs hold its inputs' bytes, evenly spread.
private struct PolicySimulation {
  var version = Version.empty
  var options = EngineOptions()
  private var random: SeededGenerator
  private var nextNumber: UInt64 = 1
  private var nextSequence: UInt64 = 1

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    options.baseLevelByteCount = 8 << 20
    options.tableFileByteCount = 2 << 20
    options.levelMultiplier = 4
  }

  private static func key(_ place: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(place).bigEndian) { Array($0) }
  }

  private static func place(_ key: [UInt8]) -> Int { key.reduce(0) { $0 << 8 | Int($1) } }

  private mutating func table(_ places: ClosedRange<Int>, byteCount: UInt64) -> TableMetadata {
    nextNumber += 1
    return TableMetadata(
      number: FileNumber(nextNumber), byteCount: byteCount,
      smallestKey: Self.key(places.lowerBound),
      largestKey: Self.key(places.upperBound), smallestSequence: SequenceNumber(nextSequence),
      largestSequence: SequenceNumber(nextSequence + 9), entryCount: 100)
  }

  mutating func flush() {
    let start = Int.random(in: 0..<800_000, using: &random)
    let end = Int.random(in: start + 1..<1_000_000, using: &random)
    nextSequence += 10
    apply(adding: [table(start...end, byteCount: 4 << 20)], to: 0, removing: [])
  }

  mutating func step(isIdle: Bool) -> Bool {
    var situation = CompactionSituation(version: version, options: options)
    situation.isIdle = isIdle
    guard let choice = LeveledPolicy().choose(situation) else { return false }
    if choice.isTrivialMove {
      version = version.applying(choice.moveEdit) { TableFile($0) }
      return true
    }
    guard let span = KeySpan(choice.files.map(\.metadata)) else { return false }
    let first = Self.place(span.smallest)
    let last = Self.place(span.largest)
    let count = choice.outputLevel == 0 ? 1 : Int(choice.byteCount / (2 << 20)) + 1
    let width = max(1, (last - first + 1) / count)
    let smallest = choice.files.map(\.metadata.smallestSequence).min() ?? .zero
    let largest = choice.files.map(\.metadata.largestSequence).max() ?? .zero
    let outputs = (0..<count).compactMap { index -> TableMetadata? in
      let start = first + index * width
      let end = index == count - 1 ? last : start + width - 1
      guard start <= end else { return nil }
      var output = table(start...end, byteCount: choice.byteCount / UInt64(count))
      output.smallestSequence = smallest
      output.largestSequence = largest
      return output
    }
    apply(adding: outputs, to: choice.outputLevel, removing: choice.inputs)
    return true
  }

  private mutating func apply(
    adding tables: [TableMetadata], to level: Int, removing inputs: [CompactionChoice.Input]
  ) {
    var edit = VersionEdit()
    for input in inputs {
      for file in input.files { edit.remove(file.number, fromLevel: input.level) }
    }
    for table in tables { edit.add(table, toLevel: level) }
    version = version.applying(edit) { TableFile($0) }
  }
}
