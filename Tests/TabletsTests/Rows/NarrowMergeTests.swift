// Rows of single cells, which merge in a shorter way: the same cells stay as if each column had
// been merged by itself.

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
  private func changes(_ random: inout SeededGenerator, now: Int64) -> [[TestMutation]] {
    (0..<2 + random.below(8)).map { change in
      let columns = (0..<5).filter { _ in random.chance(0.6) }
      var mutations = columns.map { column in
        TestMutation.set(
          "a", "q\(column)", now - Int64(random.below(6)) * 2_000, [UInt8(change), UInt8(column)])
      }
      if random.chance(0.03) { mutations.append(.set("b", "q", now, [7])) }
      if random.chance(0.03) { mutations.append(.deleteColumn("a", "q1", 0, nil)) }
      if random.chance(0.03) { mutations.append(.set("a", "q2", now - 100_000, [8])) }
      if random.chance(0.02) { mutations.insert(.deleteRow, at: 0) }
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
}
