// The whole table against a naive one: random histories of every kind of mutation, with reads both
// ways, flushes, compactions, clean and unclean restarts in between.

import Bytes
import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct TableModelTests {
  private static let families = [
    FamilyDefinition(name: "a"), FamilyDefinition(name: "b"), FamilyDefinition(name: "c"),
    FamilyDefinition(name: "n", aggregate: .sum),
  ]

  @Test func `a table equals a map of naive rows under any history`() throws {
    for seed in seeds(30) {
      do {
        var history = try TableHistory(seed: seed, families: Self.families)
        for step in 0..<120 {
          guard try history.step() else {
            Issue.record("seed \(seed), step \(step)")
            return
          }
        }
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
  }
}

/// One random history.
private struct TableHistory {
  let world: ServiceWorld
  var service: TableService
  var table: Table
  var model: [String: RowModel] = [:]
  var generator: MutationGenerator

  init(seed: UInt64, families: [FamilyDefinition]) throws {
    world = ServiceWorld(seed: seed)
    world.options.engine.memtableByteCount = 16 << 10
    service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: families))
    table = try service.find("t")
    generator = MutationGenerator(seed: seed)
  }

  /// One random step; false when the answers differ.
  mutating func step() throws -> Bool {
    switch generator.random.below(100) {
    case 0..<45: try mutate(); return true
    case 45..<52: return try checkAndMutate()
    case 52..<59: return try readModifyWrite()
    case 59..<77: return try readRow()
    case 77..<89: return try scan()
    case 89..<93: try table.flush(); return true
    case 93..<95: try table.compact(); return true
    case 95..<97: world.scheduler.runReady(); return true
    case 97..<99: service.close(); return try reopen()
    default: world.crash(); return try reopen()
    }
  }

  private mutating func key() -> String { "row-\(generator.random.below(25))" }

  private mutating func mutate() throws {
    var rows: [(String, [TestMutation])] = []
    for _ in 0...generator.random.below(4) { rows.append((key(), generator.mutations())) }
    let receipt = try world.wait { done in
      var list = MutationList()
      for (key, mutations) in rows { list.append(row: key, mutations) }
      table.mutate(list, completion: done)
    }
    #expect(receipt.rejected.isEmpty)
    for (key, mutations) in rows { model[key, default: RowModel()].apply(mutations) }
  }

  private mutating func checkAndMutate() throws -> Bool {
    let key = key()
    let (matched, unmatched) = (generator.mutations(), generator.mutations())
    let usesFilter = generator.random.chance(0.5)
    let row = model[key] ?? RowModel()
    let expected = usesFilter ? !row.cells(family: "b").isEmpty : !row.cells().isEmpty
    let answer = try world.wait { done in
      table.checkAndMutate(
        Array(key.utf8), predicate: usesFilter ? .family("b") : nil,
        ifMatched: .of(key, matched), otherwise: .of(key, unmatched), completion: done)
    }
    model[key, default: RowModel()].apply(expected ? matched : unmatched)
    return answer == expected
  }

  private mutating func readModifyWrite() throws -> Bool {
    let key = key()
    let row = model[key] ?? RowModel()
    let newest = row.cells(versions: 1, family: "c").first { $0.qualifier == "log" }
    let now = world.clock.wallMicroseconds / 1_000 * 1_000
    let value = (newest?.value ?? []) + [7, 8]
    let cell = TestCell(
      family: "c", qualifier: "log", time: max(now, newest?.time ?? 0), value: value)
    let answer = try world.wait { done in
      table.readModifyWrite(
        Array(key.utf8),
        rules: [7, 8].map {
          ReadModifyWriteRule(family: "c", qualifier: Array("log".utf8), change: .append([$0]))
        }, completion: done)
    }
    model[key, default: RowModel()].apply([.set("c", "log", cell.time, value)])
    return answer.testCells == [cell]
  }

  private mutating func readRow() throws -> Bool {
    let key = key()
    let versions = generator.random.below(3)
    let expected = (model[key] ?? RowModel()).cells(versions: versions)
    return try table.cells(key, ReadOptions(versions: versions)) == expected
  }

  private mutating func scan() throws -> Bool {
    let bounds = [key(), key()].sorted()
    let range =
      generator.random.chance(0.3)
      ? RowRange.all : RowRange(from: Array(bounds[0].utf8), to: Array(bounds[1].utf8))
    let reversed = generator.random.chance(0.5)
    let limit = generator.random.chance(0.5) ? 0 : 1 + generator.random.below(5)
    var expected: [TestRow] = []
    for (key, row) in model.sorted(by: { ($0.key < $1.key) != reversed })
    where Array(key.utf8).withUnsafeBytes({ range.contains(ByteView($0)) }) {
      let cells = row.cells(versions: 1)
      if !cells.isEmpty { expected.append(TestRow(key: key, cells: cells)) }
    }
    if limit > 0 { expected = Array(expected.prefix(limit)) }
    let request = ScanRequest(range: range, reversed: reversed, limit: limit)
    return try table.rows(request) == expected
  }

  private mutating func reopen() throws -> Bool {
    service = try world.open()
    table = try service.find("t")
    var rows: [TestRow] = []
    for (key, row) in model.sorted(by: { $0.key < $1.key }) where !row.cells().isEmpty {
      rows.append(TestRow(key: key, cells: row.cells()))
    }
    return try table.rows(ScanRequest(options: ReadOptions(versions: 0))) == rows
  }
}
