// Rows of single cells, which merge in a shorter way: the same cells stay as if each column had
// been merged by itself.

import Bytes
import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct NarrowMergeTests {
  private static let rules: [GCRule?] = [
    nil, .maxVersions(1), .maxVersions(2), .maxAge(microseconds: 5_000),
    .intersection([.maxVersions(1), .maxAge(microseconds: 5_000)]),
    .union([.maxVersions(1), .maxAge(microseconds: 5_000)]),
  ]

  /// Changes of one row, oldest first, each of some columns of one family; now and then one that is
  /// not narrow.
  private func changes(
    _ random: inout SeededGenerator, now: Int64, deletes: Bool = true
  ) -> [[TestMutation]] {
    (0..<2 + random.below(8)).map { change in
      let columns = (0..<5).filter { _ in random.chance(0.6) }
      var mutations = columns.map { column in
        TestMutation.set(
          "a", "q\(column)", now - Int64(random.below(6)) * 2_000, [UInt8(change), UInt8(column)])
      }
      if random.chance(0.03) { mutations.append(.set("b", "q", now, [7])) }
      if deletes, random.chance(0.03) { mutations.append(.deleteColumn("a", "q1", 0, nil)) }
      if random.chance(0.03) { mutations.append(.set("a", "q2", now - 100_000, [8])) }
      if deletes, random.chance(0.02) { mutations.insert(.deleteRow, at: 0) }
      return mutations
    }
  }

  /// What the rule leaves of a column: newest first.
  private func kept(
    _ cells: [TestCell], _ rule: GCRule?, now: Int64
  ) -> [TestCell] {
    guard let rule else { return cells }
    let end = cells.indices.first { index in
      rule.dooms(newerCount: index, microseconds: cells[index].time, now: now)
    }
    return Array(cells[..<(end ?? cells.count)])
  }

  @Test(arguments: 0..<rules.count)
  func `the newest write of the newest cell stays`(index: Int) throws {
    let rule = NarrowMergeTests.rules[index]
    let world = RowWorld.standard(gc: rule)
    let now = world.time.wallMicroseconds / 1_000 * 1_000
    world.time.set(now)
    var collecting = 0
    for seed in seeds(1_500) {
      var random = SeededGenerator(seed: seed)
      var model = RowModel()
      var entries: [TestEntry] = []
      for mutations in changes(&random, now: now) where !mutations.isEmpty {
        model.apply(mutations)
        guard let entry = try world.encode(mutations) else { continue }
        entries = entry.kind.hidesOlder ? [entry] : [entry] + entries
      }
      if entries.isEmpty { continue }
      let all = model.cells()
      let columns = Dictionary(grouping: all) { "\($0.family):\($0.qualifier)" }
      let expected = all.filter { cell in
        kept(columns["\(cell.family):\(cell.qualifier)"] ?? [], rule, now: now).contains(cell)
      }
      let before = world.collections.count
      let settled = world.merge(entries, isOldest: true)
      #expect(try world.read(settled.map { [$0] } ?? []) == expected, "seed \(seed)")
      let hasCollected = world.collections.count > before
      #expect(hasCollected == (expected.count < all.count), "seed \(seed)")
      if hasCollected { collecting += 1 }
    }
    #expect(rule == nil ? collecting == 0 : collecting > 0)
  }

  /// Flushes of some changes each, of which older ones are elsewhere, and then a compaction.
  @Test(arguments: 0..<rules.count)
  func `changes merged in any groups come to the same row`(index: Int) throws {
    let rule = NarrowMergeTests.rules[index]
    let world = RowWorld.standard(gc: rule)
    let now = world.time.wallMicroseconds / 1_000 * 1_000
    world.time.set(now)
    var tombstones = 0
    for seed in seeds(1_500) {
      var random = SeededGenerator(seed: seed)
      var model = RowModel()
      var entries: [TestEntry] = []
      for mutations in changes(&random, now: now, deletes: false) where !mutations.isEmpty {
        model.apply(mutations)
        guard let entry = try world.encode(mutations) else { continue }
        entries = [entry] + entries
      }
      if entries.isEmpty { continue }
      let all = model.cells()
      let columns = Dictionary(grouping: all) { "\($0.family):\($0.qualifier)" }
      let expected = all.filter { cell in
        kept(columns["\(cell.family):\(cell.qualifier)"] ?? [], rule, now: now).contains(cell)
      }
      var merged: [TestEntry] = []
      while !entries.isEmpty {
        let count = 1 + random.below(entries.count)
        if let change = world.merge(Array(entries[..<count]), isOldest: false) {
          #expect(change.kind == .merge, "seed \(seed)")
          if change.bytes.count > 2, try hasTombstones(change) { tombstones += 1 }
          merged.append(change)
        }
        entries.removeFirst(count)
      }
      let settled = world.merge(merged, isOldest: true)
      #expect(try world.read(settled.map { [$0] } ?? []) == expected, "seed \(seed)")
      if let settled { #expect(try !hasTombstones(settled), "seed \(seed)") }
    }
    #expect(rule == nil ? tombstones == 0 : tombstones > 0)
  }

  @Test(arguments: [1, 3])
  func `what a collected cell has overwritten elsewhere does not come back`(writes: Int) throws {
    let world = RowWorld.standard(gc: .maxVersions(1))
    func set(_ milliseconds: Int64, _ value: UInt8) throws -> TestEntry {
      let entry = try world.encode([.set("a", "q", milliseconds * 1_000, [value])])
      return try #require(entry)
    }
    let overwritten = try set(5, 1)
    // Each takes the cell of 5 ms, for one of 9 ms.
    var changes: [TestEntry] = []
    for _ in 0..<writes {
      let change = world.merge([try set(9, 3), try set(5, 2)], isOldest: false)
      changes.append(try #require(change))
    }
    let change = try #require(world.merge(changes, isOldest: false))
    let deletion = try world.encode([.deleteColumn("a", "q", 9_000, 10_000)])
    let entries = [try #require(deletion), change, overwritten]
    #expect(try world.read(entries).isEmpty)
    #expect(try world.read([change, overwritten]).map(\.time) == [9_000])
    #expect(world.merge(entries, isOldest: true) == nil)
  }

  private func hasTombstones(_ entry: TestEntry) throws -> Bool {
    try ByteView.of(entry.bytes) { bytes throws(ByteReadError) in
      var reader = try PackedFamilyReader(bytes)
      while let (_, family) = try reader.next() {
        if family.flags & PackedRow.hasColumnTombstones != 0 { return true }
      }
      return false
    }
  }
}
