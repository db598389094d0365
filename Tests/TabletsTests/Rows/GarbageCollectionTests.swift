// Which cells the rules take away when rows are merged, and what is left behind for older entries.

import Bytes
import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct GarbageCollectionTests {
  /// Rule, cells' ages in ms (newest first), how many stay.
  static let cases: [(GCRule, [Int64], Int)] = [
    (.maxVersions(1), [0, 1, 2], 1),
    (.maxVersions(2), [0, 1, 2], 2),
    (.maxVersions(3), [0, 1, 2], 3),
    (.maxAge(microseconds: 10_000), [0, 5, 11, 12], 2),
    (.maxAge(microseconds: 10_000), [11, 12], 0),
    (.union([.maxVersions(3), .maxAge(microseconds: 10_000)]), [0, 1, 2, 3], 3),
    (.union([.maxVersions(3), .maxAge(microseconds: 10_000)]), [0, 11, 12], 1),
    (.intersection([.maxVersions(1), .maxAge(microseconds: 10_000)]), [0, 1, 2], 3),
    (.intersection([.maxVersions(1), .maxAge(microseconds: 10_000)]), [0, 1, 11, 12], 2),
    (.intersection([.maxVersions(3), .maxAge(microseconds: 10_000)]), [20, 21, 22, 23], 3),
  ]

  @Test(arguments: 0..<cases.count)
  func `each rule keeps what it should, however the cells came`(index: Int) throws {
    let (rule, ages, kept) = GarbageCollectionTests.cases[index]
    let world = RowWorld.standard(gc: rule)
    let now = world.time.wallMicroseconds / 1_000 * 1_000
    world.time.set(now)
    let sets = ages.map { TestMutation.set("a", "q", now - $0 * 1_000, [UInt8($0)]) }
    let expected = ages.prefix(kept).map { [UInt8($0)] }

    let together = try #require(try world.encode(sets))
    let apart = try sets.map { try #require(try world.encode([$0])) }
    for entries in [[together], apart, Array(apart.reversed())] {
      let settled = world.merge(entries, isOldest: true)
      #expect(try world.read(settled.map { [$0] } ?? []).map(\.value) == expected)
      #expect((settled == nil) == expected.isEmpty)
      // Not the oldest: the same cells go now, and older entries cannot bring them back.
      if let partial = world.merge(entries, isOldest: false) {
        let withOlder = try world.read([
          partial, try #require(try world.encode([sets[sets.count - 1]])),
        ])
        #expect(kept == ages.count || withOlder.map(\.value) == expected)
      }
    }
    #expect((world.collections.count > 0) == (kept < ages.count))
  }

  @Test func `an overwritten cell that was collected does not come back`() throws {
    let world = RowWorld.standard(gc: .maxVersions(1))
    let old = try #require(try world.encode([.set("a", "q", 1_000, [1])]))
    let new = try #require(
      try world.encode([.set("a", "q", 1_000, [2]), .set("a", "q", 5_000, [3])]))
    let collected = try #require(world.merge([new], isOldest: false))
    #expect(collected.kind == .merge)
    #expect(try world.read([collected, old]).map(\.value) == [[3]])
    let undo = try #require(try world.encode([.deleteColumn("a", "q", 5_000, nil)]))
    #expect(try world.read([undo, collected, old]).isEmpty)
  }

  @Test func `collecting in any grouping ends with the same row`() throws {
    for seed in seeds(500) {
      var generator = MutationGenerator(seed: seed &* 31)
      generator.deletes = false
      let limit = 1 + generator.random.below(3)
      let world = RowWorld.standard(gc: .maxVersions(limit))
      var model = RowModel()
      var entries: [TestEntry] = []
      for _ in 0...6 {
        let mutations = generator.mutations()
        model.apply(mutations.filter { if case .add = $0 { false } else { true } })
        let plain = mutations.filter { if case .add = $0 { false } else { true } }
        if plain.isEmpty { continue }
        entries.insert(try #require(try world.encode(plain)), at: 0)
        if entries.count > 1, generator.random.chance(0.5) {
          let merged = try #require(world.merge(Array(entries[..<2]), isOldest: false))
          entries.replaceSubrange(..<2, with: [merged])
        }
      }
      if entries.isEmpty { continue }
      let settled = try #require(world.merge(entries, isOldest: true))
      #expect(try world.read([settled]) == model.cells(versions: limit), "seed \(seed)")
    }
  }

  @Test func `a table that collects on read never shows a doomed cell`() throws {
    let world = RowWorld(
      [
        FamilyDefinition(name: "v", gc: .maxVersions(2)),
        FamilyDefinition(name: "w", gc: .maxAge(microseconds: 5_000)),
      ], gcOnRead: true)
    world.time.set(10_000)
    let entries = try [1, 2, 3].map { step in
      try #require(
        try world.encode([
          .set("v", "q", step * 1_000, [UInt8(step)]),
          .set("w", "q", step * 3_000, [UInt8(step)]),
        ]))
    }
    #expect(try world.read(entries.reversed()).map(\.value) == [[3], [2], [3], [2]])
    world.time.set(20_000)
    #expect(try world.read(entries.reversed()).map(\.value) == [[3], [2]])
  }

  @Test func `bytes that are no row are reported, kept, and never taken for one`() throws {
    let world = RowWorld.standard(gc: .maxVersions(1))
    let good = try #require(try world.encode([.set("a", "q", 0, [1])]))
    for bytes in [[], [9], [1, 7, 200, 0], [1, 7, 4, 0, 1, 0x71, 200]] as [[UInt8]] {
      let bad = TestEntry(kind: .merge, bytes: bytes)
      for entries in [[bad], [good, bad], [bad, good]] {
        #expect(throws: TableServiceError.self) { _ = try world.read(entries) }
        let merged = try #require(world.merge(entries, isOldest: true))
        #expect(throws: TableServiceError.self) { _ = try world.read([merged]) }
      }
    }
  }

  @Test func `no damaged byte of a row traps`() throws {
    let world = RowWorld.standard(gc: .maxVersions(1))
    let entry = try #require(
      try world.encode([
        .set("a", "q", 3_000, [1, 2]), .set("a", "q", 1_000, [3]), .add("n", "x", 5_000, 4),
        .deleteColumn("b", "q", 1_000, 2_000), .deleteColumn("b", "q", 4_000, nil),
        .deleteFamily("c"),
      ]))
    for index in entry.bytes.indices {
      for value in [0, 1, 0x7f, 0x80, 0xff, entry.bytes[index] ^ 1, entry.bytes[index] ^ 0x80] {
        var damaged = entry
        damaged.bytes[index] = UInt8(value)
        _ = try? world.read([damaged, entry])
        _ = world.merge([damaged, entry], isOldest: false)
        _ = world.merge([entry, damaged], isOldest: true)
      }
      let cut = TestEntry(kind: .merge, bytes: Array(entry.bytes[..<index]))
      _ = try? world.read([cut])
      _ = world.merge([cut, entry], isOldest: true)
    }
  }
}
