// Conditional mutations and read-modify-write: what they answer, what they refuse, and that they
// are atomic among many threads.

import Bytes
import DataModel
import LSM
import Runtime
import Synchronization
import TestSupport
import Testing
import VFS

@testable import Tablets

@Suite struct RowOperationTests {
  private static let families = [
    FamilyDefinition(name: "a"), FamilyDefinition(name: "i", type: .int64),
    FamilyDefinition(name: "n", aggregate: .sum),
  ]

  private func increment(_ amount: Int64, _ family: String = "a", _ qualifier: String = "q")
    -> ReadModifyWriteRule
  {
    ReadModifyWriteRule(
      family: family, qualifier: Array(qualifier.utf8), change: .increment(amount))
  }

  private func change(
    _ world: ServiceWorld, _ table: Table, _ rules: [ReadModifyWriteRule], key: String = "r"
  ) throws -> [TestCell] {
    let row = try world.wait { done in
      table.readModifyWrite(Array(key.utf8), rules: rules, completion: done)
    }
    #expect(row.key.array == Array(key.utf8))
    return row.testCells
  }

  @Test func `rules apply in order and later ones see earlier ones`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    let now = world.clock.wallMicroseconds
    let cells = try change(
      world, table,
      [
        increment(5), ReadModifyWriteRule(family: "a", qualifier: [0x7a], change: .append([1])),
        increment(-7, "i"), increment(2),
        ReadModifyWriteRule(family: "a", qualifier: [0x7a], change: .append([2])),
      ])
    let expected = [
      TestCell(family: "a", qualifier: "q", time: now, value: RowModel.bytes(7)),
      TestCell(family: "a", qualifier: "z", time: now, value: [1, 2]),
      TestCell(family: "i", qualifier: "q", time: now, value: RowModel.bytes(-7)),
    ]
    #expect(cells == expected)
    #expect(try table.cells("r") == expected)
  }

  @Test func `an increment wraps, and old versions stay`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    try world.apply(table, "r", [.set("a", "q", 1_000, RowModel.bytes(.max))])
    #expect(try change(world, table, [increment(1)]).map(\.value) == [RowModel.bytes(.min)])
    #expect(
      try table.cells("r").map(\.value) == [RowModel.bytes(.min), RowModel.bytes(.max)])
  }

  @Test func `a newest cell from the future is replaced`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    let future = world.clock.wallMicroseconds + 1_000_000
    try world.apply(table, "r", [.set("a", "q", future, RowModel.bytes(1))])
    let expected = [TestCell(family: "a", qualifier: "q", time: future, value: RowModel.bytes(3))]
    #expect(try change(world, table, [increment(2)]) == expected)
    #expect(try table.cells("r") == expected)
  }

  @Test func `what cannot be done is refused and nothing is written`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    try world.apply(table, "r", [.set("a", "text", 0, [1, 2, 3])])
    let before = try table.cells("r")
    let wrong: [([ReadModifyWriteRule], String)] = [
      ([], "no_rules"), ([increment(1, "nobody")], "unknown_family"),
      ([increment(1), increment(1, "a", "text")], "wrong_value_type"),
      ([increment(1, "n")], "aggregate_family"),
      (
        [ReadModifyWriteRule(family: "i", qualifier: [], change: .append([1]))],
        "wrong_value_type"
      ),
    ]
    for (rules, code) in wrong {
      expect(code) { _ = try change(world, table, rules) }
      #expect(try table.cells("r") == before)
    }
    expect("invalid_row_key") { _ = try change(world, table, [increment(1)], key: "") }
  }

  private func check(
    _ world: ServiceWorld, _ table: Table, _ predicate: RowFilter?, _ matched: [TestMutation],
    _ unmatched: [TestMutation], key: String = "r", otherKey: String? = nil
  ) throws -> Bool {
    try world.wait { done in
      table.checkAndMutate(
        Array(key.utf8), predicate: predicate,
        ifMatched: matched.isEmpty ? MutationList() : .of(otherKey ?? key, matched),
        otherwise: unmatched.isEmpty ? MutationList() : .of(otherKey ?? key, unmatched),
        completion: done)
    }
  }

  @Test func `a condition chooses the branch, and an empty branch does nothing`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    let set: [TestMutation] = [.set("a", "q", 1_000, [1])]
    #expect(try !check(world, table, nil, set, []))
    #expect(try table.cells("r").isEmpty)
    #expect(try !check(world, table, nil, [], set))
    #expect(try check(world, table, nil, [.set("a", "p", 0, [2])], []))
    #expect(try table.cells("r").map(\.value) == [[2], [1]])
    let isOne = RowFilter.chain([.qualifier(Array("q".utf8)), .value([1])])
    #expect(try check(world, table, isOne, [.set("a", "q", 1_000, [9])], [.deleteRow]))
    #expect(try !check(world, table, isOne, [.set("a", "q", 1_000, [8])], [.deleteRow]))
    #expect(try table.cells("r").isEmpty)
  }

  @Test func `the branch not taken is not held against the families`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    let bogus: [TestMutation] = [.set("bogus", "q", 0, [])]
    #expect(try !check(world, table, nil, bogus, [.set("a", "q", 0, [1])]))
    #expect(try check(world, table, nil, [.set("a", "q", 0, [2])], bogus))
    expect("unknown_family") { _ = try check(world, table, nil, bogus, bogus) }
    #expect(try table.cells("r").map(\.value) == [[2]])
  }

  @Test func `a conditional mutation that makes no sense is refused`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    let set: [TestMutation] = [.set("a", "q", 0, [1])]
    expect("no_mutations") { _ = try check(world, table, nil, [], []) }
    expect("invalid_row_key") { _ = try check(world, table, nil, set, set, key: "") }
    expect("invalid_row_key") { _ = try check(world, table, nil, set, set, otherKey: "other") }
    expect("invalid_filter") { _ = try check(world, table, .chain([]), set, set) }
    #expect(try table.rows(ScanRequest()).isEmpty)
  }

  @Test(.timeLimit(.minutes(1)))
  func `increments of many threads add up, and of many claims one succeeds`() throws {
    let folder = try TemporaryFolder()
    let scheduler = ThreadScheduler()
    defer { scheduler.shutDown() }
    let service = try TableService.open(
      folder.path + "/data", fileSystem: PosixFileSystem(), time: SystemTime(),
      scheduler: scheduler, randomSeed: 1, options: TableServiceOptions())
    try service.createTable(
      TableDefinition(name: "t", families: [FamilyDefinition(name: "a", gc: .maxVersions(1))]))
    let table = try service.find("t")
    let tally = ConcurrentTally()
    let (threads, rounds) = (8, 250)
    runThreads(threads) { thread in
      for round in 0..<rounds {
        tally.begin()
        table.readModifyWrite(
          Array("counter".utf8),
          rules: [
            ReadModifyWriteRule(family: "a", qualifier: [0x71], change: .increment(1))
          ], durability: round % 3 == 0 ? .sync : Durability.none
        ) { result in
          if case .success = result { tally.succeeded.add(1, ordering: .relaxed) }
          tally.end()
        }
        let key = "claim-\(round)"
        tally.begin()
        table.checkAndMutate(
          Array(key.utf8), predicate: nil, ifMatched: MutationList(),
          otherwise: .of(key, [.set("a", "q", 0, [UInt8(thread)])]), durability: Durability.none
        ) { result in
          if case .success(false) = result { tally.claimed.add(1, ordering: .relaxed) }
          tally.end()
        }
      }
    }
    tally.wait()
    #expect(tally.succeeded.load(ordering: .relaxed) == threads * rounds)
    #expect(tally.claimed.load(ordering: .relaxed) == rounds)
    let value = try #require(try table.cells("counter", ReadOptions(versions: 1)).first?.value)
    #expect(RowModel.integer(value) == Int64(threads * rounds))
    service.close()
  }
}
