// The limit of a row, with one of 1 MiB: however a row grows, the change that would bring it past
// the limit is refused, and the table goes on.

import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct LargeRowTests {
  private static let limit = 1 << 20

  private func openTable(versions: Int) throws -> (world: ServiceWorld, table: Table) {
    let world = ServiceWorld()
    world.options.rowByteCount = LargeRowTests.limit
    world.options.engine.memtableByteCount = 256 << 10
    let gc: GCRule? = versions == 0 ? nil : .maxVersions(versions)
    return (world, try world.open([FamilyDefinition(name: "f", gc: gc)]))
  }

  private func bytes(_ count: Int, _ seed: Int) -> [UInt8] {
    var random = SeededGenerator(seed: UInt64(seed))
    return (0..<count / 8).flatMap { _ in
      withUnsafeBytes(of: random.next()) { Array($0) }
    }
  }

  private func isTooLarge(_ body: () throws -> Void) throws -> Bool {
    do {
      try body()
      return false
    } catch let error as TableServiceError {
      guard case .invalid("row_too_large", _) = error else { throw error }
      return true
    }
  }

  /// Writes columns until one is refused; returns the bytes that were taken.
  private func fill(
    _ world: ServiceWorld, _ table: Table, changeByteCount: Int, runsWork: Bool
  ) throws -> Int {
    var taken = 0
    while taken < 4 * LargeRowTests.limit {
      let value = bytes(changeByteCount, taken)
      let isRefused = try isTooLarge {
        try world.apply(table, "row", [.set("f", "q\(taken)", 1_000, value)])
      }
      if isRefused { break }
      taken += changeByteCount
      if runsWork { world.scheduler.runReady() }
    }
    return taken
  }

  @Test(arguments: [2 << 10, 8 << 10, 100 << 10], [true, false])
  func `a row grows to its limit and not past it`(changeByteCount: Int, runsWork: Bool) throws {
    let (world, table) = try openTable(versions: 0)
    let taken = try fill(world, table, changeByteCount: changeByteCount, runsWork: runsWork)
    #expect(taken >= LargeRowTests.limit * 9 / 10)
    // Small changes are seen when a merge has seen their row.
    let slack = changeByteCount < 4 << 10 ? LargeRowTests.limit / 2 : 0
    #expect(taken <= LargeRowTests.limit + slack)
    try world.apply(table, "other", [.set("f", "q", 1_000, [1])])
    try table.flush()
    try table.compact()
    #expect(try table.cells("row").count == taken / changeByteCount)
    // What makes it smaller is taken, and then there is room.
    try world.apply(table, "row", [.deleteColumn("f", "q0", 0, nil)])
    try world.apply(table, "row", [.deleteRow])
    try table.compact()
    try world.apply(table, "row", [.set("f", "q", 1_000, bytes(changeByteCount, 1))])
    #expect(try table.cells("row").count == 1)
  }

  @Test func `overwriting is not growing`() throws {
    let (world, table) = try openTable(versions: 1)
    for round in 0..<20 {
      try world.apply(
        table, "row", [.set("f", "q", Int64(round) * 1_000, bytes(600 << 10, round))])
    }
    #expect(try table.cells("row", ReadOptions(versions: 1)).count == 1)
    #expect(
      try isTooLarge {
        try world.apply(table, "row", [.set("f", "p", 1_000, bytes(600 << 10, 1))])
      })
  }

  @Test func `rows of one request are looked at together`() throws {
    let (world, table) = try openTable(versions: 0)
    let receipt = try world.wait { done in
      var list = MutationList()
      for part in 0..<3 {
        list.append(row: "row", [.set("f", "q\(part)", 1_000, bytes(400 << 10, part))])
      }
      list.append(row: "small", [.set("f", "q", 1_000, [1])])
      table.mutate(list, completion: done)
    }
    #expect(receipt.rejected.map(\.row) == [2])
    #expect(try table.cells("row").count == 2)
    #expect(try table.cells("small").count == 1)
  }

  @Test func `conditional mutations and appends are refused too`() throws {
    let (world, table) = try openTable(versions: 0)
    try world.apply(table, "row", [.set("f", "q", 1_000, bytes(900 << 10, 1))])
    #expect(
      try isTooLarge {
        _ = try world.wait { done in
          table.checkAndMutate(
            Array("row".utf8), predicate: nil,
            ifMatched: .of("row", [.set("f", "p", 1_000, bytes(200 << 10, 2))]),
            otherwise: MutationList(), completion: done)
        }
      })
    let rule = ReadModifyWriteRule(
      family: "f", qualifier: Array("a".utf8), change: .append(bytes(200 << 10, 3)))
    #expect(
      try isTooLarge {
        _ = try world.wait { done in
          table.readModifyWrite(Array("row".utf8), rules: [rule], completion: done)
        }
      })
    #expect(try table.cells("row").count == 1)
  }
}
