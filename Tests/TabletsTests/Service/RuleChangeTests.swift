// A stricter rule takes what it dooms from now on, and nothing that only entries deleted before it
// would have doomed.

import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct RuleChangeTests {
  private let second: UInt64 = 1_000_000_000
  private static let loose = FamilyDefinition(name: "a")
  private static let strict = FamilyDefinition(name: "a", gc: .maxVersions(1))

  /// Where the deletion lies when the rule changes.
  enum Deletion: CaseIterable { case inMemory, inLevelZero, belowLevelZero }

  /// Two cells in the last level; the newer one is deleted, then the rule asks for one version.
  private func world(
    _ deletion: Deletion, seed: UInt64 = 1
  ) throws -> (ServiceWorld, TableService) {
    let world = ServiceWorld(seed: seed)
    let service = try world.open()
    try service.createTable(
      TableDefinition(name: "t", families: [RuleChangeTests.loose]))
    let table = try service.find("t")
    try world.apply(
      table, "r", [.set("a", "q", 1_000, [1]), .set("a", "q", 2_000, [2])])
    try table.compact()
    try world.apply(table, "r", [.deleteColumn("a", "q", 2_000, 3_000)])
    if deletion != .inMemory { try table.flush() }
    if deletion == .belowLevelZero { world.scheduler.run(forNanoseconds: 10 * second) }
    _ = try service.alterTable("t", [.updateFamily(RuleChangeTests.strict)])
    return (world, service)
  }

  @Test(arguments: Deletion.allCases)
  func `what was deleted before a rule does not count for it`(deletion: Deletion) throws {
    let (world, service) = try world(deletion)
    #expect(try service.find("t").cells("r").map(\.value) == [[1]])
    world.scheduler.run(forNanoseconds: 60 * second)
    #expect(try service.find("t").cells("r").map(\.value) == [[1]])
    try service.find("t").compact()
    #expect(try service.find("t").cells("r").map(\.value) == [[1]])
  }

  /// The wish to rewrite the table is gone with the process; what is rewritten first is chance.
  @Test(arguments: Deletion.allCases)
  func `nor after a crash`(deletion: Deletion) throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let world: ServiceWorld
      do { world = try self.world(deletion, seed: seed).0 }
      world.crash()
      world.clock.advance(nanoseconds: second)
      let service = try world.open()
      let table = try service.find("t")
      table.engine.requestCompaction(ofFilesWrittenBefore: world.clock.wallMicroseconds)
      world.scheduler.run(forNanoseconds: 60 * second)
      #expect(try table.cells("r").map(\.value) == [[1]], "seed \(seed)")
    }
  }

  @Test func `the row shrinks though it is written to all the time`() throws {
    let (world, service) = try world(.inMemory)
    let table = try service.find("t")
    for time in 3...100 as ClosedRange<Int64> {
      try world.apply(table, "r", [.set("a", "q", time * 1_000, [UInt8(time)])])
      if time % 10 == 0 { try table.flush() }
      world.scheduler.run(forNanoseconds: second)
    }
    // What the last ten wrote, and one of each file.
    #expect(try table.cells("r").count < 25)
    try table.compact()
    #expect(try table.cells("r").map(\.value) == [[100]])
  }

  @Test func `a catalog that does not say since when takes its rules for new`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/catalog.sqlite"
    let catalog = try Catalog(path: path)
    try catalog.insert(
      try catalog.reserve(TableDefinition(name: "t", families: [RuleChangeTests.strict])))
    let database = try SQLiteDatabase(path: path)
    try database.sealedTransaction { () throws(SQLiteFailure) in
      try database.execute(
        """
        ALTER TABLE families DROP COLUMN gc_since;
        ALTER TABLE tables DROP COLUMN deletion_protection;
        DROP TABLE view_parts; DROP TABLE views; DROP TABLE splits; DROP TABLE app_profiles;
        PRAGMA user_version = 1
        """)
    }
    let upgraded = try Catalog(path: path)
    #expect(try database.integer("PRAGMA user_version") == Catalog.formatVersion)
    var row = try #require(try upgraded.load().first)
    #expect(row.gcSince == [1: SequenceNumber(UInt64(Int64.max))])
    try row.apply([.updateFamily(RuleChangeTests.loose)], after: SequenceNumber(7))
    #expect(row.gcSince == [1: SequenceNumber(7)])
    try upgraded.update(row)
    #expect(try Catalog(path: path).load().first?.gcSince == [1: SequenceNumber(7)])
  }
}
