// What is read as a plain mutate request is what the general reader makes of it.

import BinaryProtocol
import Bytes
import DataModel
import TestSupport
import Testing

@Suite struct PlainMutationsTests {
  /// The request as a list if it is plain: the table's name, and the list's bytes.
  private static func readPlainly(_ body: ByteView) -> (table: [UInt8], list: [UInt8])? {
    var plain = PlainMutations(body)
    var list = MutationList()
    while let key = plain.nextRow() {
      list.beginRow(key)
      while let cell = plain.nextCell() {
        list.setCell(
          family: cell.family, qualifier: cell.qualifier, timestamp: cell.timestamp,
          value: cell.value)
      }
    }
    return plain.isPlain ? (plain.table.array, list.encoded.array) : nil
  }

  private static func readGenerally(
    _ body: ByteView
  ) throws -> (table: [UInt8], list: [UInt8]) {
    let view = try MutateRequestView(body)
    let table = view.table.array
    return (table, view.takeList().encoded.array)
  }

  private static func body(_ rows: [SampleRow], table: String = "scores") -> [UInt8] {
    var buffer = ByteBuffer()
    WriteRequestEncoder.mutate(table, SampleRow.list(rows), into: &buffer)
    return buffer.array
  }

  /// Does it set a cell of a family that has a name? Others leave the field out.
  private static func isPlain(_ mutation: SampleMutation) -> Bool {
    if case .setCell(let family, _, _, _) = mutation { !family.isEmpty } else { false }
  }

  @Test("what clients send is plain", arguments: Array(1...60) as [UInt64])
  func clients(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let rows = generator.many(5) { SampleRow(&$0) }.compactMap { row in
      var row = row
      row.mutations = row.mutations.filter(Self.isPlain)
      return row.key.isEmpty ? nil : row
    }
    try ByteView.of(Self.body(rows)) { body in
      let plain = try #require(Self.readPlainly(body))
      let general = try Self.readGenerally(body)
      #expect(plain == general)
    }
  }

  @Test("nothing else passes for plain", arguments: Array(1...60) as [UInt64])
  func others(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let rows = generator.many(4) { SampleRow(&$0) }
    let bytes = Self.body(rows)
    let isPlain = rows.allSatisfy { !$0.key.isEmpty && $0.mutations.allSatisfy(Self.isPlain) }
    ByteView.of(bytes) { #expect((Self.readPlainly($0) != nil) == isPlain) }
    // Damaged, cut, or with its fields elsewhere: plain only where the general reader agrees.
    for _ in 0..<400 where !bytes.isEmpty {
      var damaged = bytes
      for _ in 0...Int.random(in: 0...2, using: &generator) {
        let place = Int.random(in: damaged.indices, using: &generator)
        damaged[place] = UInt8.random(in: 0...255, using: &generator)
      }
      if generator.chance(3) {
        damaged.removeLast(Int.random(in: 0..<damaged.count, using: &generator))
      }
      try ByteView.of(damaged) { body in
        guard let plain = Self.readPlainly(body) else { return }
        let general = try Self.readGenerally(body)
        #expect(plain == general)
      }
    }
  }
}
