// The normal form of rows: encoding, merging in any grouping, collecting garbage.

import Bytes
import DataModel
import LSM
import Runtime
import Synchronization
import TestSupport
import Testing

@testable import Tablets

/// A clock that stands where it is put.
final class ManualTime: TimeSource {
  private let micros: Mutex<Int64>
  init(_ microseconds: Int64 = 1_700_000_000_123_456) { micros = Mutex(microseconds) }
  var monotonicNanoseconds: UInt64 { UInt64(wallMicroseconds) * 1_000 }
  var wallMicroseconds: Int64 { micros.withLock { $0 } }
  func set(_ microseconds: Int64) { micros.withLock { $0 = microseconds } }
  func advance(_ microseconds: Int64) { micros.withLock { $0 += microseconds } }
}

/// An entry that owns its bytes.
struct TestEntry: Equatable {
  var kind: EntryKind
  var bytes: [UInt8]
}

/// A count that a constant world keeps.
final class Counter: Sendable {
  private let value = Atomic<Int>(0)
  var count: Int { value.load(ordering: .relaxed) }
  func add() { value.add(1, ordering: .relaxed) }
}

/// Rows without an engine: encode, merge, read.
struct RowWorld {
  let rules: RowRules
  let merger: RowMerger
  let time = ManualTime()
  /// Merges that took something which a read could have shown.
  let collections = Counter()

  init(
    _ families: [FamilyDefinition], ids: [UInt32]? = nil, gcOnRead: Bool = false,
    gcSince: UInt64 = 0
  ) {
    let definition = TableDefinition(name: "t", families: families, gcOnRead: gcOnRead)
    let familyIDs = ids ?? definition.families.indices.map { UInt32($0 + 1) }
    let since = Dictionary(
      uniqueKeysWithValues: familyIDs.map { ($0, SequenceNumber(gcSince)) })
    rules = RowRules(
      TableSchema(definition: definition, familyIDs: familyIDs, version: 1), gcSince: since)
    merger = RowMerger(
      rules: CurrentRules(rules), time: time, sizes: RowSizes(rowByteCount: 1 << 20))
  }

  /// Families a, b, c and the sum family n; ids not in name order.
  static func standard(gc: GCRule? = nil) -> RowWorld {
    RowWorld(
      [
        FamilyDefinition(name: "a", gc: gc), FamilyDefinition(name: "b", gc: gc),
        FamilyDefinition(name: "c", gc: gc),
        FamilyDefinition(name: "n", gc: gc, aggregate: .sum),
      ], ids: [7, 2, 300, 4])
  }

  func encode(_ mutations: [TestMutation]) throws -> TestEntry? {
    let list = MutationList.of("key", mutations)
    var batch = WriteBatch()
    var reader = MutationListReader(list.encoded)
    try MutationEncoder().encodeRow(&reader, rules, now: time.wallMicroseconds, into: &batch)
    var entries = WriteBatchReader(batch.encoded)
    guard let entry = try entries.next() else { return nil }
    return TestEntry(kind: entry.kind, bytes: entry.value.array)
  }

  /// - Parameter entries: Newest first.
  func merge(
    _ entries: [TestEntry], isOldest: Bool, newer: NewerEntries = .none
  ) -> TestEntry? {
    var output = MergeOutput()
    // The empty key is no row's.
    var key = ByteBuffer()
    key.append("key" as StaticString)
    let outcome = withOperands(entries) {
      merger.merge(
        key: key.view, operands: $0, isOldest: isOldest, newer: newer, into: &output)
    }
    if output.hasCollected { collections.add() }
    switch outcome {
    case .unchanged: return entries[0]
    case .put: return TestEntry(kind: .put, bytes: output.bytes.array)
    case .merge: return TestEntry(kind: .merge, bytes: output.bytes.array)
    case .delete: return TestEntry(kind: .delete, bytes: [])
    case .nothing: return nil
    }
  }

  func read(_ entries: [TestEntry], _ options: ReadOptions = ReadOptions(versions: 0)) throws
    -> [TestCell]
  {
    let row = RowBuffer()
    let reader = RowReader.of(row)
    let plan = try reader.plan(options, rules)
    return try withOperands(entries) { operands in
      let found = try ByteView.of("key") { key in
        try reader.read(key, operands, plan, now: time.wallMicroseconds, into: row)
      }
      #expect(found == !row.cells.isEmpty)
      return row.testCells
    }
  }

  func byteCount(ofMerging entries: [TestEntry]) -> Int {
    withOperands(entries) { merger.byteCount(ofMerging: $0) }
  }

  private func withOperands<Result>(
    _ entries: [TestEntry], _ body: ([Operand]) throws -> Result
  ) rethrows -> Result {
    let buffers = entries.map { entry in
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(1, entry.bytes.count), alignment: 1)
      buffer.copyBytes(from: entry.bytes)
      return buffer
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    return try body(
      zip(entries, buffers).map { entry, buffer in
        Operand(
          kind: entry.kind,
          value: ByteView(UnsafeRawBufferPointer(buffer)).prefix(entry.bytes.count))
      })
  }
}

@Suite struct RowMergerTests {
  @Test func `any history in any grouping reads as the naive row`() throws {
    let world = RowWorld.standard()
    for seed in seeds(2_000) {
      var generator = MutationGenerator(seed: seed)
      var model = RowModel()
      // Newest first; what is hidden by a put or delete is cut off as the engine does.
      var entries: [TestEntry] = []
      for _ in 0...generator.random.below(8) {
        let mutations = generator.mutations()
        model.apply(mutations)
        guard let entry = try world.encode(mutations) else { continue }
        entries = entry.kind.hidesOlder ? [entry] : [entry] + entries
        if entries.count > 1, generator.random.chance(0.4) {
          mergeSomewhere(&entries, world, &generator.random)
        }
      }
      #expect(try world.read(entries) == model.cells(), "seed \(seed)")
      #expect(
        try world.read(entries, ReadOptions(versions: 2)) == model.cells(versions: 2),
        "seed \(seed)")
      #expect(
        try world.read(entries, ReadOptions(columns: [ColumnSelector(family: "b")], versions: 0))
          == model.cells(family: "b"), "seed \(seed)")
      let settled = entries.isEmpty ? nil : world.merge(entries, isOldest: true)
      #expect(try world.read(settled.map { [$0] } ?? []) == model.cells(), "seed \(seed)")
      #expect(settled == nil || settled?.kind == .put, "seed \(seed)")
      if let settled {
        #expect(world.byteCount(ofMerging: entries) == settled.bytes.count, "seed \(seed)")
      }
      #expect((settled == nil) == model.cells().isEmpty, "seed \(seed)")
    }
  }

  private func mergeSomewhere(
    _ entries: inout [TestEntry], _ world: RowWorld, _ random: inout SeededGenerator
  ) {
    let start = random.below(entries.count)
    let end = start + 1 + random.below(entries.count - start)
    let isOldest = end == entries.count && random.chance(0.5)
    let merged = world.merge(Array(entries[start..<end]), isOldest: isOldest)
    entries.replaceSubrange(start..<end, with: merged.map { [$0] } ?? [])
  }

  @Test func `merging is associative to the byte`() throws {
    let world = RowWorld.standard()
    for seed in seeds(2_000) {
      var generator = MutationGenerator(seed: seed &* 77)
      var entries: [TestEntry] = []
      for _ in 0..<4 {
        guard let entry = try world.encode(generator.mutations()) else { continue }
        entries = entry.kind.hidesOlder ? [entry] : [entry] + entries
      }
      guard entries.count >= 3 else { continue }
      let whole = world.merge(entries, isOldest: false)
      let newer = world.merge(Array(entries[..<2]), isOldest: false)
      let older = world.merge(Array(entries[1...]), isOldest: false)
      let left = world.merge((newer.map { [$0] } ?? []) + entries[2...], isOldest: false)
      let right = world.merge([entries[0]] + (older.map { [$0] } ?? []), isOldest: false)
      #expect(left == whole, "seed \(seed)")
      #expect(right == whole, "seed \(seed)")
    }
  }

  @Test func `set, delete the row, set is one whole row`() throws {
    let world = RowWorld.standard()
    let entry = try #require(
      try world.encode([.set("a", "q", 0, [1]), .deleteRow, .set("a", "r", 0, [2])]))
    #expect(entry.kind == .put)
    #expect(
      try world.read([entry])
        == [TestCell(family: "a", qualifier: "r", time: 0, value: [2])])
  }

  @Test func `deleting a row is an engine deletion, and what then is left of a row too`() throws {
    let world = RowWorld.standard()
    #expect(try world.encode([.set("a", "q", 0, [1]), .deleteRow])?.kind == .delete)
    let set = try #require(try world.encode([.set("a", "q", 0, [1])]))
    let whole = try #require(world.merge([set], isOldest: true))
    let gone = try #require(try world.encode([.deleteColumn("a", "q", 0, nil)]))
    #expect(world.merge([gone, whole], isOldest: false)?.kind == .delete)
    #expect(world.merge([gone, whole], isOldest: true) == nil)
  }

  @Test func `the bytes of a row are those the header draws`() throws {
    let world = RowWorld([FamilyDefinition(name: "f")], ids: [5])
    let entry = try #require(
      try world.encode([
        .set("f", "q", 2_000, [0xaa]), .set("f", "r", 9_000, [1, 2]), .set("f", "r", 4_000, []),
        .deleteColumn("f", "s", 3_000, 8_000), .deleteColumn("f", "s", 9_000, nil),
      ]))
    #expect(entry.kind == .merge)
    #expect(
      entry.bytes == [
        1, 5, 26, 2 | 4,
        1, 0x71, 2, 2, 2, 0xaa,
        1, 0x72, 4, 6, 9, 4, 1, 2, 5, 0,
        1, 0x73, 1, 5, 2, 3, 5, 1, 0,
      ])
  }

  @Test func `a row that is in order stays as it is`() throws {
    let world = RowWorld.standard(gc: .maxVersions(2))
    let change = try #require(
      try world.encode([.set("a", "q", 2_000, [1]), .set("a", "q", 1_000, [2])]))
    let whole = try #require(world.merge([change], isOldest: true))
    #expect(whole.kind == .put)
    #expect(world.merge([whole], isOldest: true) == whole)
    #expect(world.merge([whole], isOldest: false) == whole)
    #expect(world.collections.count == 0)
  }

  @Test func `cells of a dropped family vanish`() throws {
    let world = RowWorld.standard()
    let entry = try #require(
      try world.encode([.set("a", "q", 0, [1]), .set("b", "q", 0, [2]), .set("c", "q", 0, [3])]))
    for kept in ["a", "b", "c"] {
      let ids: [String: UInt32] = ["a": 7, "b": 2, "c": 300]
      let later = RowWorld([FamilyDefinition(name: kept)], ids: [ids[kept] ?? 0])
      #expect(try later.read([entry]).map(\.family) == [kept])
      let settled = try #require(later.merge([entry], isOldest: true))
      #expect(try world.read([settled]).map(\.family) == [kept])
    }
    let empty = RowWorld([FamilyDefinition(name: "a")], ids: [8])
    #expect(try empty.read([entry]).isEmpty)
    #expect(empty.merge([entry], isOldest: true) == nil)
  }

  @Test func `aggregates combine across entries and stop at deletions`() throws {
    let world = RowWorld(
      [
        FamilyDefinition(name: "lo", aggregate: .min),
        FamilyDefinition(name: "hi", aggregate: .max),
        FamilyDefinition(name: "n", aggregate: .sum),
      ])
    func add(_ value: Int64) -> [TestMutation] {
      ["lo", "hi", "n"].map { .add($0, "q", 1_000, value) }
    }
    let first = try #require(try world.encode(add(5)))
    let second = try #require(try world.encode(add(-3) + add(4)))
    let entries = [second, first]
    func values(_ entries: [TestEntry]) throws -> [Int64] {
      try world.read(entries).map { RowModel.integer($0.value) }
    }
    #expect(try values(entries) == [5, -3, 6])
    let merged = try #require(world.merge(entries, isOldest: false))
    #expect(try values([merged]) == [5, -3, 6])
    let cut = try #require(
      try world.encode([.deleteColumn("n", "q", 1_000, 2_000), .add("n", "q", 1_000, 9)]))
    #expect(try values([cut, merged]) == [5, -3, 9])
    let settled = try #require(world.merge([cut, merged], isOldest: true))
    #expect(try values([settled]) == [5, -3, 9])
  }
}
