// Which cells a merge may take away when entries that it does not see may have deleted others.

import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct CollectionHorizonTests {
  /// What is newer than the merged entries, for a rule that came after commit 10.
  enum Unseen: CaseIterable {
    case none, youngerThanTheRule, olderThanTheRule

    var entries: NewerEntries {
      switch self {
      case .none: .none
      case .youngerThanTheRule: .from(SequenceNumber(11))
      case .olderThanTheRule: .from(SequenceNumber(10))
      }
    }
  }

  /// Rule, and where the second of two old cells may go.
  static let cases: [(GCRule, Set<Unseen>)] = [
    (.maxVersions(1), [.none, .youngerThanTheRule]),
    (.maxVersions(2), []),
    (.maxAge(microseconds: 10_000), Set(Unseen.allCases)),
    (.union([.maxVersions(1), .maxAge(microseconds: 10_000)]), Set(Unseen.allCases)),
    (
      .union([.maxVersions(1), .maxAge(microseconds: 1_000_000_000)]),
      [.none, .youngerThanTheRule]
    ),
    (.intersection([.maxVersions(1), .maxAge(microseconds: 10_000)]), [.none]),
    (
      .union([
        .maxVersions(5), .intersection([.maxVersions(1), .maxAge(microseconds: 10_000)]),
      ]), [.none]
    ),
  ]

  @Test(arguments: 0..<cases.count)
  func `a cell goes only where it was garbage whatever is newer`(index: Int) throws {
    let (rule, places) = CollectionHorizonTests.cases[index]
    for unseen in Unseen.allCases {
      for isOldest in [false, true] {
        let world = RowWorld([FamilyDefinition(name: "a", gc: rule)], gcSince: 10)
        world.time.set(100_000_000)
        let entries = try [2_000_000, 1_000_000].map { time in
          try #require(try world.encode([.set("a", "q", time, [1])]))
        }
        for pieces in [entries, [try #require(world.merge(entries, isOldest: false))]] {
          let merged = world.merge(pieces, isOldest: isOldest, newer: unseen.entries)
          let undo = try #require(try world.encode([.deleteColumn("a", "q", 2_000_000, nil)]))
          let left = try world.read([undo] + (merged.map { [$0] } ?? []))
          // The merge of all entries that came first may take what it likes: it sees all.
          if pieces.count == 1, places.contains(.none) { continue }
          #expect(left.isEmpty == places.contains(unseen), "\(rule.text), \(unseen)")
        }
      }
    }
  }
}
