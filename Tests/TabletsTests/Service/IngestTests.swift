// Streamed ingest: rows and the producer's position are one commit, whatever happens in between.

import Bytes
import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct IngestTests {
  private static let families = [
    FamilyDefinition(name: "a", type: .int64), FamilyDefinition(name: "n", aggregate: .sum),
  ]
  private static let producer = Array("p".utf8)

  /// Lines from `first` on: each adds 1 to a counter of one of ten rows.
  private static func lines(_ first: UInt64, _ count: Int) -> MutationList {
    var list = MutationList()
    for line in first..<first + UInt64(count) {
      ByteView.of("row\(line % 10)") { list.beginRow($0) }
      add(to: &list)
    }
    return list
  }

  private static func add(to list: inout MutationList, family: String = "n") {
    ByteView.of(family) { family in
      ByteView.of("count") { qualifier in
        list.addToCell(
          family: family, qualifier: qualifier, timestamp: Timestamp(microseconds: 1_000), input: 1)
      }
    }
  }

  private func ingest(
    _ world: ServiceWorld, _ table: Table, _ first: UInt64, _ count: Int,
    producer: [UInt8] = Self.producer
  ) throws -> IngestReceipt {
    try world.wait { done in
      table.ingest(
        Self.lines(first, count),
        from: IngestSource(producer: producer, first: first, lineCount: count), completion: done)
    }
  }

  private func position(_ world: ServiceWorld, _ table: Table) throws -> UInt64 {
    try world.wait { table.producerPosition(Self.producer, completion: $0) }
  }

  /// What all ten counters come to.
  private func total(_ table: Table) throws -> Int64 {
    try table.rows(ScanRequest()).reduce(0) { sum, row in
      sum
        + row.cells.reduce(0) {
          $0 + Int64(bitPattern: ByteView.of($1.value) { $0.bigEndian64(at: 0) })
        }
    }
  }

  @Test func `what is below the stored position is acknowledged and not applied`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    #expect(try position(world, table) == 0)
    let first = try ingest(world, table, 1, 20)
    #expect(first.appliedRowCount == 20 && first.repeatedRowCount == 0 && first.next == 21)
    let again = try ingest(world, table, 1, 20)
    #expect(again.appliedRowCount == 0 && again.repeatedRowCount == 20 && again.next == 21)
    let overlapping = try ingest(world, table, 11, 20)
    #expect(overlapping.appliedRowCount == 10 && overlapping.repeatedRowCount == 10)
    #expect(overlapping.next == 31)
    // Positions may skip; a producer of its own has a position of its own.
    #expect(try ingest(world, table, 100, 5).next == 105)
    #expect(try ingest(world, table, 1, 5, producer: [0x71]).appliedRowCount == 5)
    #expect(try total(table) == 40)
    let all = try world.wait { table.producers(completion: $0) }
    #expect(
      all == [
        ProducerPosition(name: Self.producer, next: 105), ProducerPosition(name: [0x71], next: 6),
      ])
  }

  @Test func `dropping all rows leaves the positions`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    _ = try ingest(world, table, 1, 20)
    try table.dropRows(in: .all)
    #expect(try total(table) == 0)
    #expect(try position(world, table) == 21)
    try table.dropRows(in: RowRange(from: [], to: [1]))
    #expect(try position(world, table) == 21)
  }

  @Test func `no row shows where the positions are kept`() throws {
    let world = ServiceWorld()
    var table = try world.open(Self.families)
    for step in 0..<4 {
      _ = try ingest(world, table, UInt64(step * 50 + 1), 50)
      for reversed in [false, true] {
        for lower in [nil, []] as [[UInt8]?] {
          let rows = try table.rows(
            ScanRequest(range: RowRange(from: lower), reversed: reversed))
          #expect(rows.map(\.key).sorted() == (0..<10).map { "row\($0)" })
        }
      }
      #expect(try total(table) == Int64(step * 50 + 50))
      switch step {
      case 0: try table.flush()
      case 1: try table.compact()
      default:
        world.crash()
        table = try world.open().find("t")
      }
      #expect(try position(world, table) == UInt64(step * 50 + 51))
    }
  }

  @Test func `many changes of many producers merge to the newest of each`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    var random = SeededGenerator(seed: 7)
    var expected: [[UInt8]: UInt64] = [:]
    for round in 0..<600 {
      let name = Array("producer-\(random.below(30))".utf8)
      let first = expected[name] ?? 1
      if random.below(20) == 0 {
        let wasKnown = try world.wait { table.forgetProducer(name, completion: $0) }
        #expect(wasKnown == (expected[name] != nil))
        expected[name] = nil
      } else {
        let count = 1 + random.below(5)
        #expect(try ingest(world, table, first, count, producer: name).appliedRowCount == count)
        expected[name] = first + UInt64(count)
      }
      if round % 97 == 0 { try table.flush() }
      if round % 251 == 0 { try table.compact() }
    }
    let all = try world.wait { table.producers(completion: $0) }
    #expect(Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.next) }) == expected)
    #expect(
      all.map { String(decoding: $0.name, as: UTF8.self) }
        == expected.keys.map { String(decoding: $0, as: UTF8.self) }.sorted())
  }

  @Test func `refused rows are passed over, or nothing is committed where that is asked for`()
    throws
  {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    func list() -> MutationList {
      var list = MutationList()
      for (family, row) in [("n", "r1"), ("unknown", "r2"), ("n", "r3")] {
        ByteView.of(row) { list.beginRow($0) }
        Self.add(to: &list, family: family)
      }
      return list
    }
    // The second line is no row at all.
    var source = IngestSource(producer: Self.producer, first: 1, lineCount: 4, lines: [0, 2, 3])
    source.withholdsRefused = true
    let withheld = try world.wait { table.ingest(list(), from: source, completion: $0) }
    #expect(withheld.isWithheld && withheld.rejected.map(\.row) == [1] && withheld.next == 0)
    #expect(try total(table) == 0 && position(world, table) == 0)
    source.withholdsRefused = false
    let taken = try world.wait { table.ingest(list(), from: source, completion: $0) }
    #expect(taken.rejected.map(\.row) == [1] && taken.appliedRowCount == 2 && taken.next == 5)
    #expect(try total(table) == 2)
    // Lines that are no rows move the position alone.
    let none = IngestSource(producer: Self.producer, first: 5, lineCount: 3)
    #expect(try world.wait { table.ingest(MutationList(), from: none, completion: $0) }.next == 8)
    // Up to the third line all is known: its row is the second of the list.
    source.first = 5
    let rest = try world.wait { table.ingest(list(), from: source, completion: $0) }
    #expect(rest.repeatedRowCount == 2 && rest.appliedRowCount == 1 && rest.next == 9)
  }

  @Test func `the last commit of a producer forgets it`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    _ = try ingest(world, table, 1, 3)
    var source = IngestSource(producer: Self.producer, first: 4, lineCount: 2)
    source.isLast = true
    let receipt = try world.wait {
      table.ingest(Self.lines(4, 2), from: source, completion: $0)
    }
    #expect(receipt.appliedRowCount == 2 && receipt.next == 6)
    #expect(try position(world, table) == 0 && total(table) == 5)
    #expect(try world.wait { table.producers(completion: $0) }.isEmpty)
  }

  @Test func `a list whose predecessor was not taken in is refused`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    _ = try ingest(world, table, 1, 10)
    var source = IngestSource(producer: Self.producer, first: 21, lineCount: 10)
    source.previousEnd = 21
    #expect(throws: TableServiceError.self) {
      try world.wait { table.ingest(Self.lines(21, 10), from: source, completion: $0) }
    }
    #expect(try position(world, table) == 11 && total(table) == 10)
    _ = try ingest(world, table, 11, 10)
    _ = try world.wait { table.ingest(Self.lines(21, 10), from: source, completion: $0) }
    #expect(try position(world, table) == 31 && total(table) == 30)
  }

  @Test func `names, positions and the number of producers have limits`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    for name in [[], [0xff], [UInt8](repeating: 0x61, count: 129)] as [[UInt8]] {
      #expect(throws: TableServiceError.self) { try ingest(world, table, 1, 1, producer: name) }
    }
    #expect(throws: TableServiceError.self) { try ingest(world, table, 1 << 63, 1) }
    for number in 0..<Table.producerCount {
      _ = try ingest(world, table, 1, 1, producer: Array("\(number)".utf8))
    }
    #expect(throws: TableServiceError.self) { try ingest(world, table, 1, 1) }
    #expect(try ingest(world, table, 2, 1, producer: Array("7".utf8)).appliedRowCount == 1)
    _ = try world.wait { table.forgetProducer(Array("8".utf8), completion: $0) }
    #expect(try ingest(world, table, 1, 1).appliedRowCount == 1)
  }

  /// A producer that is cut off again and again goes on where the store says; and one that does not
  /// ask sends its last batches once more.
  @Test func `power cuts neither lose nor repeat a line`() throws {
    for seed in seeds(60) {
      let world = ServiceWorld(seed: seed)
      world.options.engine.memtableByteCount = 8 << 10
      var table = try world.open(Self.families)
      var random = SeededGenerator(seed: seed)
      var acknowledged: UInt64 = 1
      var next: UInt64 = 1
      for _ in 0..<60 {
        let count = 1 + random.below(40)
        let receipt = try ingest(world, table, next, count)
        next += UInt64(count)
        acknowledged = receipt.next
        guard random.below(4) == 0 else { continue }
        // Sent and not answered.
        table.ingest(
          Self.lines(next, 5),
          from: IngestSource(producer: Self.producer, first: next, lineCount: 5)
        ) { _ in }
        for _ in 0..<random.below(6) { _ = world.scheduler.runOne() }
        world.crash(keeping: Double(random.below(3)) / 2, seed: seed)
        table = try world.open().find("t")
        let stored = try position(world, table)
        #expect(
          stored == acknowledged || stored == max(acknowledged, next + 5), "seed \(seed)")
        #expect(try total(table) == Int64(stored) - 1, "seed \(seed)")
        next = random.below(2) == 0 ? stored : max(1, stored - min(stored - 1, 60))
      }
      _ = try ingest(world, table, next, 100)
      #expect(try total(table) == Int64(position(world, table)) - 1, "seed \(seed)")
    }
  }

  @Test func `a list that was taken in before changes nothing that a poll sees`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    _ = try ingest(world, table, 1, 10)
    let version = table.version(of: .all)
    _ = try ingest(world, table, 1, 10)
    #expect(table.version(of: .all) == version)
    _ = try ingest(world, table, 11, 1)
    #expect(table.version(of: .all) != version)
  }
}
