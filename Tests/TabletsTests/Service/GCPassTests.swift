// The background look for garbage: which tables it rewrites, idle ones too, and what then is gone.

import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct GCPassTests {
  private let second: UInt64 = 1_000_000_000

  @Test func `cells that grow too old in an idle table go without a command`() throws {
    let world = ServiceWorld()
    world.options.collectionIntervalNanoseconds = 60 * second
    let table = try world.open([
      FamilyDefinition(name: "old", gc: .maxAge(microseconds: 3_600_000_000)),
      FamilyDefinition(name: "kept"),
    ])
    let now = world.clock.wallMicroseconds
    try world.apply(table, "r", [.set("old", "q", now, [1]), .set("kept", "q", now, [2])])
    try world.apply(table, "s", [.set("old", "q", now, [1])])
    world.scheduler.run(forNanoseconds: 600 * second)
    #expect(try table.rows(ScanRequest()).count == 2)
    world.scheduler.run(forNanoseconds: 3_600 * second)
    world.scheduler.run(forNanoseconds: 600 * second)
    #expect(try table.rows(ScanRequest()).map(\.key) == ["r"])
    #expect(try table.cells("r").map(\.family) == ["kept"])
  }

  @Test func `a rule made stricter is carried out soon`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: [FamilyDefinition(name: "a")]))
    let table = try service.find("t")
    for time in 1...5 as ClosedRange<Int64> {
      try world.apply(table, "r", [.set("a", "q", time * 1_000, [UInt8(time)])])
    }
    try table.flush()
    #expect(try table.cells("r").count == 5)
    _ = try service.alterTable(
      "t", [.updateFamily(FamilyDefinition(name: "a", gc: .maxVersions(2)))])
    world.scheduler.run(forNanoseconds: 60 * second)
    #expect(try table.cells("r").map(\.value) == [[5], [4]])
  }

  @Test func `only tables with something to collect are due`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    let rules: [(String, GCRule?)] = [
      ("keep", nil), ("versions", .maxVersions(1)), ("age", .maxAge(microseconds: 1_000_000_000)),
    ]
    for (name, gc) in rules {
      try service.createTable(
        TableDefinition(name: name, families: [FamilyDefinition(name: "a", gc: gc)]))
    }
    func due() -> [String] {
      service.tables.filter { GCPass.due($0, now: world.clock.wallMicroseconds) != .nothing }
        .map(\.name)
    }
    #expect(due().isEmpty)
    for table in service.tables {
      for row in 0..<50 { try world.apply(table, "r\(row)", [.set("a", "q", -1, [1])]) }
    }
    #expect(due() == ["age", "versions"])
    for table in service.tables { try table.compact() }
    #expect(due().isEmpty)
    world.clock.advance(nanoseconds: 90 * second)
    #expect(due().isEmpty)
    world.clock.advance(nanoseconds: 20 * second)
    #expect(due() == ["age"])
    try world.apply(try service.find("versions"), "r1", [.set("a", "q", 1_000, [1])])
    #expect(due() == ["age"], "a fiftieth is too little")
  }

  @Test func `totals are saved and found again`() throws {
    let world = ServiceWorld()
    let table = try world.open([FamilyDefinition(name: "a")])
    try world.apply(table, "r", [.set("a", "q", 7_000, [1]), .deleteColumn("a", "p", 0, nil)])
    let before = table.counters.value
    #expect(before.puts == 1 && before.deletes == 1 && before.maxCellTimestamp == 7_000)
    world.crash()
    // The crash lost what no pass had saved.
    let service = try world.open()
    let again = try service.find("t")
    #expect(again.counters.value == TableTotals())
    try world.apply(again, "r", [.set("a", "q", 8_000, [1])])
    let saved = again.counters.value
    service.close()
    #expect(try world.open().find("t").counters.value == saved)
  }
}
