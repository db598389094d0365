// Tables come, change and go: what is durable, what is refused, what comes back as space.

import Bytes
import DataModel
import LSM
import TestSupport
import Testing
import VFS

@testable import Tablets

@Suite struct TableServiceTests {
  private static let families = [
    FamilyDefinition(
      name: "s", gc: .maxVersions(24), type: .int64, columns: [Array("m".utf8): .utf8]),
    FamilyDefinition(
      name: "f", gc: .union([.maxAge(microseconds: 86_400_000_000), .maxVersions(3)])),
    FamilyDefinition(name: "n", aggregate: .max), FamilyDefinition(name: "x", columns: [[]: .json]),
  ]

  @Test func `definitions survive reopening`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    let first = TableDefinition(name: "b", families: Self.families, gcOnRead: true)
    let second = TableDefinition(name: "a", families: [])
    try service.createTable(first)
    try service.createTable(second)
    #expect(service.definitions() == [second, first])
    service.close()
    let again = try world.open()
    #expect(again.definitions() == [second, first])
    world.crash()
    #expect(try world.open().definitions() == [second, first])
  }

  @Test func `rows survive reopening and a power cut`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    try world.apply(table, "r", [.set("x", "q", 1_000, [1])])
    let expected = [TestCell(family: "x", qualifier: "q", time: 1_000, value: [1])]
    #expect(try table.cells("r") == expected)
    world.crash()
    #expect(try world.open().find("t").cells("r") == expected)
  }

  @Test func `a table that is there already, or not there, is told`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: []))
    expect("table_exists") {
      try service.createTable(TableDefinition(name: "t", families: []))
    }
    expect("invalid_table_name") {
      try service.createTable(TableDefinition(name: "no good", families: []))
    }
    expect("unknown_table") { _ = try service.find("u") }
    expect("unknown_table") { _ = try service.alterTable("u", []) }
    expect("unknown_table") { try service.dropTable("u") }
  }

  @Test func `a change of the schema happens whole or not at all`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: [FamilyDefinition(name: "a")]))
    let before = service.definitions()
    let wrong: [([TableChange], String)] = [
      ([.createFamily(FamilyDefinition(name: "a"))], "family_exists"),
      (
        [.createFamily(FamilyDefinition(name: "b")), .dropFamily("nobody")], "unknown_family"
      ),
      ([.updateFamily(FamilyDefinition(name: "nobody"))], "unknown_family"),
      ([.updateFamily(FamilyDefinition(name: "a", aggregate: .sum))], "immutable_aggregate"),
      ([.dropFamily("a"), .createFamily(FamilyDefinition(name: "b:c"))], "invalid_family_name"),
      ([.updateFamily(FamilyDefinition(name: "a", gc: .maxVersions(0)))], "invalid_gc_rule"),
    ]
    for (changes, code) in wrong {
      expect(code) { _ = try service.alterTable("t", changes) }
      #expect(service.definitions() == before)
    }
    let after = try service.alterTable(
      "t",
      [
        .createFamily(FamilyDefinition(name: "b", gc: .maxVersions(1))),
        .updateFamily(FamilyDefinition(name: "a", type: .utf8)), .setGCOnRead(true),
      ])
    #expect(
      after
        == TableDefinition(
          name: "t",
          families: [
            FamilyDefinition(name: "a", type: .utf8),
            FamilyDefinition(name: "b", gc: .maxVersions(1)),
          ], gcOnRead: true))
    service.close()
    #expect(try world.open().definitions() == [after])
  }

  @Test func `a family dropped and made again shows nothing of the old one`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(
      TableDefinition(
        name: "t", families: [FamilyDefinition(name: "a"), FamilyDefinition(name: "b")]))
    let table = try service.find("t")
    try world.apply(table, "r", [.set("a", "q", 0, [1]), .set("b", "q", 0, [2])])
    _ = try service.alterTable("t", [.dropFamily("a")])
    #expect(try table.cells("r").map(\.family) == ["b"])
    expect("unknown_family") {
      _ = try table.cells("r", ReadOptions(columns: [ColumnSelector(family: "a")]))
    }
    expect("unknown_family") { try world.apply(table, "r", [.set("a", "q", 0, [1])]) }
    _ = try service.alterTable("t", [.createFamily(FamilyDefinition(name: "a"))])
    #expect(try table.cells("r").map(\.family) == ["b"])
    try world.apply(table, "r", [.set("a", "r", 0, [3])])
    #expect(
      try table.cells("r").map(\.value) == [[3], [2]])
    _ = try service.alterTable("t", [.dropFamily("a"), .createFamily(FamilyDefinition(name: "a"))])
    #expect(try table.cells("r").map(\.family) == ["b"])
    service.close()
    #expect(try world.open().find("t").cells("r").map(\.family) == ["b"])
  }

  @Test func `dropping a family gives its space back`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(
      TableDefinition(
        name: "t", families: [FamilyDefinition(name: "a"), FamilyDefinition(name: "b")]))
    let table = try service.find("t")
    var random = SeededGenerator(seed: 1)
    for row in 0..<200 {
      let noise = (0..<1_000).map { _ in UInt8(random.below(256)) }
      try world.apply(table, "r\(row)", [.set("a", "q", 0, noise), .set("b", "q", 0, [1])])
    }
    try table.compact()
    let full = try #require(service.statistics().first).engine.levels.reduce(0) {
      $0 + $1.byteCount
    }
    #expect(full > 150_000)
    _ = try service.alterTable("t", [.dropFamily("a")])
    try table.compact()
    let rest = try #require(service.statistics().first).engine.levels.reduce(0) {
      $0 + $1.byteCount
    }
    #expect(rest < 20_000)
    #expect(try table.rows(ScanRequest()).count == 200)
  }

  @Test func `a dropped table is not found by anybody and its files are gone`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: [FamilyDefinition(name: "a")]))
    let table = try service.find("t")
    try world.apply(table, "r", [.set("a", "q", 0, [UInt8](repeating: 7, count: 10_000))])
    let scan = try table.scan(ScanRequest())
    try service.dropTable("t")
    expect("unknown_table") { _ = try service.find("t") }
    expect("unknown_table") { _ = try table.cells("r") }
    expect("unknown_table") { _ = try table.scan(ScanRequest()) }
    expect("unknown_table") { _ = try scan.next(into: RowBuffer(), wait: .allowed) }
    expect("unknown_table") { try world.apply(table, "r", [.deleteRow]) }
    expect("unknown_table") {
      _ = try world.wait { done in
        table.readModifyWrite(
          Array("r".utf8),
          rules: [ReadModifyWriteRule(family: "a", qualifier: [], change: .append([1]))],
          completion: done)
      }
    }
    #expect(try world.files.list("/data/tables").isEmpty)
    #expect(world.files.usedByteCount(in: "/data/tables") == 0)
    try service.createTable(TableDefinition(name: "t", families: [FamilyDefinition(name: "a")]))
    #expect(try service.find("t").cells("r").isEmpty)
  }

  @Test func `a drop that was interrupted is finished at the next open`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: []))
    try service.createTable(TableDefinition(name: "u", families: []))
    try service.dropTable("u")
    service.close()
    try world.files.createDirectory("/data/tables/2")
    world.files.setContents(of: "/data/tables/2/log", to: [1, 2, 3])
    let again = try world.open()
    #expect(try world.files.list("/data/tables") == ["1"])
    #expect(try again.find("t").cells("r").isEmpty)
  }

  @Test func `a closed service says so`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: [FamilyDefinition(name: "a")]))
    let table = try service.find("t")
    service.close()
    service.close()
    for call in [
      { _ = try service.find("t") }, { try service.dropTable("t") },
      { try service.createTable(TableDefinition(name: "u", families: [])) },
      { try world.apply(table, "r", [.set("a", "q", 0, [])]) },
    ] as [() throws -> Void] {
      let error = #expect(throws: TableServiceError.self) { try call() }
      guard case .closed = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test func `statistics tell rows, cells, bytes and totals, and outlive the process`() throws {
    let world = ServiceWorld()
    let table = try world.open([FamilyDefinition(name: "a")])
    for row in 0..<50 {
      try world.apply(
        table, "r\(row)", [.set("a", "p", 5_000, [1]), .set("a", "q", 3_000, [1])])
    }
    try world.apply(table, "r0", [.deleteColumn("a", "p", 0, nil)])
    let statistics = table.statistics
    #expect(statistics.name == "t")
    #expect(statistics.approximateRows >= 50 && statistics.approximateRows <= 51)
    #expect(statistics.approximateCells >= 95 && statistics.approximateCells <= 102)
    #expect(statistics.putsTotal == 100)
    #expect(statistics.deletesTotal == 1)
    #expect(statistics.maxCellTimestamp == 5_000)
    #expect(statistics.lastWriteMicroseconds == world.clock.wallMicroseconds)
    // What a crash leaves in the log counts, and so do cells that only the disk has.
    world.crash()
    let service = try world.open()
    let again = try service.find("t")
    #expect(again.statistics.approximateRows >= 50 && again.statistics.approximateRows <= 51)
    try again.compact()
    service.close()
    world.files.readsWouldBlock = true
    let cold = try world.open().find("t").statistics
    #expect(cold.approximateRows == 50)
    #expect(cold.approximateCells >= 95 && cold.approximateCells <= 100)
  }

  @Test func `many rows go in one commit and refused ones are named`() throws {
    let world = ServiceWorld()
    let table = try world.open([FamilyDefinition(name: "a", type: .int64)])
    let commits = table.statistics.engine.commits
    let receipt = try world.wait { done in
      var list = MutationList()
      list.append(row: "r1", [.set("a", "q", 0, [1, 2, 3, 4, 5, 6, 7, 8])])
      list.append(row: "r2", [.set("a", "q", 0, [1])])
      list.append(row: "", [.deleteRow])
      list.append(row: "r3", [.set("a", "q", 0, [1, 2, 3, 4, 5, 6, 7, 8])])
      table.mutate(list, completion: done)
    }
    #expect(receipt.rejected.map(\.row) == [1, 2])
    #expect(receipt.rejected.map { testCode($0.error) } == ["wrong_value_type", "invalid_row_key"])
    #expect(try table.rows(ScanRequest()).map(\.key) == ["r1", "r3"])
    #expect(table.statistics.engine.commits == commits + 1)
  }

  @Test func `requests that are wrong as a whole change nothing`() throws {
    let world = ServiceWorld()
    let table = try world.open([FamilyDefinition(name: "a")])
    expect("no_mutations") {
      _ = try world.wait { done in table.mutate(MutationList(), completion: done) }
    }
    expect("too_many_mutations") {
      _ = try world.wait { done in
        var list = MutationList()
        for row in 0...50_000 {
          list.append(row: "r\(row)", [.set("a", "q", 0, []), .set("a", "r", 0, [])])
        }
        table.mutate(list, completion: done)
      }
    }
    expect("invalid_limit") { _ = try table.scan(ScanRequest(limit: -1)) }
    expect("invalid_versions") { _ = try table.cells("r", ReadOptions(versions: -1)) }
    expect("invalid_filter") {
      _ = try table.cells("r", ReadOptions(filter: .chain([])))
    }
    expect("invalid_row_key") { _ = try table.cells("") }
    #expect(try table.rows(ScanRequest()).isEmpty)
  }
}

/// Expects a refusal with this code.
func expect(
  _ code: String, _ call: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
) {
  let error = #expect(throws: TableServiceError.self, sourceLocation: sourceLocation) {
    try call()
  }
  #expect(error.flatMap(testCode) == code, sourceLocation: sourceLocation)
}
