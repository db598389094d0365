// Scans: order, limits, resuming, pausing, and what a slow one may hold.

import Bytes
import DataModel
import LSM
import TestSupport
import Testing
import VFS

@testable import Tablets

@Suite struct RowScanTests {
  private func world(rows: Int) throws -> (ServiceWorld, Table) {
    let world = ServiceWorld()
    let table = try world.open([FamilyDefinition(name: "a"), FamilyDefinition(name: "b")])
    for start in stride(from: 0, to: rows, by: 1_000) {
      _ = try world.wait { done in
        var list = MutationList()
        for row in start..<min(rows, start + 1_000) {
          list.append(row: Self.key(row), [.set("a", "q", 1_000, [UInt8(row % 251)])])
        }
        table.mutate(list, durability: Durability.none, completion: done)
      }
    }
    return (world, table)
  }

  private static func key(_ row: Int) -> String {
    let digits = String(row)
    return "r" + String(repeating: "0", count: 6 - digits.count) + digits
  }

  @Test func `rows come in order, both ways, within bounds and limit`() throws {
    let (_, table) = try world(rows: 30)
    let all = (0..<30).map(Self.key)
    #expect(try table.rows(ScanRequest()).map(\.key) == all)
    #expect(try table.rows(ScanRequest(reversed: true)).map(\.key) == all.reversed())
    let range = RowRange(from: Array(all[5].utf8), to: Array(all[9].utf8))
    #expect(try table.rows(ScanRequest(range: range)).map(\.key) == Array(all[5..<9]))
    #expect(
      try table.rows(ScanRequest(range: range, reversed: true, limit: 2)).map(\.key)
        == [all[8], all[7]])
    let empty = RowRange(from: [2], to: [1])
    #expect(try table.rows(ScanRequest(range: empty)).isEmpty)
  }

  @Test func `rows without cells left do not count`() throws {
    let (world, table) = try world(rows: 20)
    try world.apply(table, Self.key(7), [.set("b", "q", 0, [1])])
    try world.apply(table, Self.key(3), [.deleteRow])
    let options = ReadOptions(columns: [ColumnSelector(family: "b")])
    #expect(try table.rows(ScanRequest(limit: 1, options: options)).map(\.key) == [Self.key(7)])
    #expect(try table.rows(ScanRequest()).count == 19)
  }

  @Test func `a long fruitless stretch pauses and loses nothing`() throws {
    let (world, table) = try world(rows: 10_000)
    try world.apply(table, Self.key(9_500), [.set("b", "q", 0, [1])])
    let options = ReadOptions(columns: [ColumnSelector(family: "b")])
    let scan = try table.scan(ScanRequest(options: options))
    let row = RowBuffer()
    #expect(try scan.next(into: row, wait: .allowed) == .pause)
    #expect(scan.lastScannedKey == Array(Self.key(4_095).utf8))
    #expect(try scan.next(into: row, wait: .allowed) == .pause)
    #expect(try scan.next(into: row, wait: .allowed) == .row)
    #expect(row.key.array == Array(Self.key(9_500).utf8))
    #expect(try scan.next(into: row, wait: .allowed) == .end)
    #expect(try scan.next(into: row, wait: .allowed) == .end)
  }

  @Test func `a scan renews its state after a while and goes on where it was`() throws {
    for reversed in [false, true] {
      let (world, table) = try world(rows: 100)
      let scan = try table.scan(ScanRequest(reversed: reversed))
      let row = RowBuffer()
      var keys: [String] = []
      for _ in 0..<50 {
        #expect(try scan.next(into: row, wait: .allowed) == .row)
        keys.append(String(decoding: row.key.array, as: UTF8.self))
      }
      // Ahead of the scan: seen only after it has renewed its state.
      let gone = reversed ? 10 : 90
      try world.apply(table, Self.key(gone), [.deleteRow])
      world.clock.advance(nanoseconds: 200_000_000)
      while try scan.next(into: row, wait: .allowed) == .row {
        keys.append(String(decoding: row.key.array, as: UTF8.self))
      }
      let expected = (0..<100).filter { $0 != gone }.map(Self.key)
      #expect(keys == (reversed ? expected.reversed() : expected))
    }
  }

  @Test func `a scan that lets go in the middle goes on too`() throws {
    let (_, table) = try world(rows: 50)
    let scan = try table.scan(ScanRequest())
    let row = RowBuffer()
    var count = 0
    while try scan.next(into: row, wait: .allowed) == .row {
      count += 1
      scan.release()
    }
    #expect(count == 50)
  }

  @Test func `a scan that may not wait goes on where waiting is allowed`() throws {
    for reversed in [false, true] {
      let (world, before) = try world(rows: 5_000)
      try before.flush()
      // Reopened, nothing of the files is in memory.
      world.crash()
      let table = try world.open().find("t")
      try table.flush()
      world.files.readsWouldBlock = true
      let scan = try table.scan(ScanRequest(reversed: reversed))
      let row = RowBuffer()
      var keys: [String] = []
      var blocked = 0
      while true {
        var step = try stepWithoutWaiting(scan, row)
        if step == nil {
          blocked += 1
          step = try scan.next(into: row, wait: .allowed)
        }
        if step == .end { break }
        keys.append(String(decoding: row.key.array, as: UTF8.self))
      }
      let expected = (0..<5_000).map(Self.key)
      #expect(keys == (reversed ? expected.reversed() : expected))
      #expect(blocked > 0)
    }
  }

  /// nil when the step would have to wait.
  private func stepWithoutWaiting(_ scan: RowScan, _ row: RowBuffer) throws -> ScanStep? {
    do throws(TableServiceError) {
      return try scan.next(into: row, wait: .forbidden)
    } catch {
      guard case .wouldBlock = error else { throw error }
      return nil
    }
  }

  @Test func `a schema that changes in the middle holds from the next row on`() throws {
    let (world, table) = try world(rows: 40)
    for row in 0..<40 { try world.apply(table, Self.key(row), [.set("b", "q", 0, [1])]) }
    let scan = try table.scan(ScanRequest())
    let row = RowBuffer()
    for _ in 0..<3 {
      #expect(try scan.next(into: row, wait: .allowed) == .row)
      #expect(row.cells.count == 2)
    }
    _ = try world.kept?.alterTable("t", [.dropFamily("a")])
    #expect(try scan.next(into: row, wait: .allowed) == .row)
    #expect(row.cells.count == 1)
    #expect(row.schema?.familyNames == [Array("b".utf8)])
    let options = ReadOptions(columns: [ColumnSelector(family: "a")])
    expect("unknown_family") { _ = try table.scan(ScanRequest(options: options)) }
  }

  @Test func `a row outlives the scan that read it`() throws {
    let (_, table) = try world(rows: 3)
    let row = RowBuffer()
    do {
      let scan = try table.scan(ScanRequest())
      #expect(try scan.next(into: row, wait: .allowed) == .row)
      #expect(try scan.next(into: row, wait: .allowed) == .row)
    }
    #expect(row.key.array == Array(Self.key(1).utf8))
    #expect(row.cells.map { $0.value.array } == [[1]])
    #expect(row.pins.count == 1)
    row.clear()
    #expect(row.pins.isEmpty)
  }

  @Test func `families come in the order of their names, whatever their age`() throws {
    let world = ServiceWorld()
    let table = try world.open([FamilyDefinition(name: "b")])
    _ = try world.kept?.alterTable("t", [.createFamily(FamilyDefinition(name: "a"))])
    try world.apply(table, "r", [.set("b", "q", 0, [2]), .set("a", "q", 0, [1])])
    try table.flush()
    let row = RowBuffer()
    let scan = try table.scan(ScanRequest())
    #expect(try scan.next(into: row, wait: .allowed) == .row)
    #expect(row.cells.map { $0.value.array } == [[1], [2]])
    #expect(row.cells.map(\.familyIndex) == [0, 1])
  }

  @Test func `an unknown family is told before anything is read`() throws {
    let (_, table) = try world(rows: 1)
    expect("unknown_family") {
      _ = try table.scan(
        ScanRequest(options: ReadOptions(columns: [ColumnSelector(family: "nobody")])))
    }
  }
}
