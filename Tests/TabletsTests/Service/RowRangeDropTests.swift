// Rows that are dropped by range are gone at once and for good, wherever they lie, and no others.

import DataModel
import LSM
import Runtime
import TestSupport
import Testing

@testable import Tablets

@Suite struct RowRangeDropTests {
  private static let definition = TableDefinition(
    name: "t", families: [FamilyDefinition(name: "a")])

  private func world(_ seed: UInt64) throws -> (ServiceWorld, TableService, Table) {
    let world = ServiceWorld(seed: seed)
    let service = try world.open()
    try service.createTable(RowRangeDropTests.definition)
    return (world, service, try service.find("t"))
  }

  private func keys(_ table: Table) throws -> [String] {
    try table.rows(ScanRequest(options: ReadOptions(versions: 0))).map(\.key)
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `nothing of the range comes back, and nothing else goes`(seed: UInt64) throws {
    var (world, service, table) = try world(seed)
    var random = SplitMix64(seed: seed)
    var expected: Set<String> = []
    for _ in 0..<12 {
      for _ in 0..<40 {
        let key = "k\(random.next() % 200 + 100)"
        try world.apply(table, key, [.set("a", "q", 1_000, [1])])
        expected.insert(key)
      }
      switch random.next() % 4 {
      case 0: try table.flush()
      case 1: try table.compact()
      case 2: world.scheduler.run(forNanoseconds: 5_000_000_000)
      default: break
      }
      let prefix = "k\(random.next() % 200 + 100)".prefix(Int(random.next() % 3) + 2)
      // So that the cache knows them.
      for key in expected { _ = try table.cells(key) }
      let gone = expected.filter { $0.hasPrefix(prefix) }
      try service.dropRows(of: "t", in: RowRange(prefix: Array(prefix.utf8)))
      expected = expected.filter { !$0.hasPrefix(prefix) }
      #expect(try keys(table) == expected.sorted())
      for key in gone { #expect(try table.cells(key) == []) }
      if random.next() % 3 == 0 {
        world.crash()
        service = try world.open()
        table = try service.find("t")
        #expect(try keys(table) == expected.sorted(), "after a crash")
      }
    }
    try table.compact()
    #expect(try keys(table) == expected.sorted())
  }

  @Test func `dropped rows can be written again, with old timestamps too`() throws {
    let (world, service, table) = try world(1)
    try world.apply(table, "r", [.set("a", "q", 5_000, [5])])
    try service.dropRows(of: "t", in: .all)
    #expect(try keys(table) == [])
    #expect(table.statistics.approximateRows == 0)
    try world.apply(table, "r", [.set("a", "q", 1_000, [1])])
    #expect(try table.cells("r").map(\.value) == [[1]])
    try table.compact()
    #expect(try table.cells("r").map(\.value) == [[1]])
  }

  @Test func `files within the range are not read`() throws {
    let (world, service, table) = try world(1)
    for index in 100..<400 {
      try world.apply(
        table, "k\(index)", [.set("a", "q", 1_000, [UInt8](repeating: 7, count: 1_000))])
      // Files of 50 rows each, in order.
      if index % 50 == 49 { try table.flush() }
    }
    let before = table.engine.statistics.bytesCompacted
    try service.dropRows(of: "t", in: RowRange(from: Array("k150".utf8), to: Array("k350".utf8)))
    #expect(table.engine.statistics.bytesCompacted == before)
    #expect(try keys(table).count == 100)
  }
}
