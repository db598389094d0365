// What is read as a plain mutate request is what the general reader makes of it.

import BinaryProtocol
import Bytes
import DataModel
import TestSupport
import Testing

@Suite struct PlainMutationsTests {
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
      let plain = try #require(PlainMutations.readList(body))
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
    ByteView.of(bytes) { #expect((PlainMutations.readList($0) != nil) == isPlain) }
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
        guard let plain = PlainMutations.readList(body) else { return }
        let general = try Self.readGenerally(body)
        #expect(plain == general)
      }
    }
  }

  private static func field(_ tag: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [tag, UInt8(bytes.count)] + bytes
  }

  @Test func `what the general reader takes otherwise is not plain`() throws {
    let (table, key) = (Self.field(0x0a, [116]), Self.field(0x0a, [107]))
    let (family, qualifier) = (Self.field(0x0a, [102]), Self.field(0x12, [113]))
    let (time, value) = ([0x19] + [UInt8](repeating: 0, count: 8), Self.field(0x22, [1]))
    let cell = family + qualifier + time + value
    func row(_ mutation: [UInt8]) -> [UInt8] { Self.field(0x12, key + Self.field(0x12, mutation)) }
    let set = Self.field(0x0a, cell)
    let whole = table + row(set)
    #expect(ByteView.of(whole) { PlainMutations.readList($0) } != nil)
    let others: [[UInt8]] = [
      table + row(set + Self.field(0x22, [])),
      table + row(set + set),
      table + row(set + Self.field(0x12, set)),
      table + row(Self.field(0x0a, cell + family)),
      table + row(Self.field(0x0a, cell + [0x28, 1])),
      table + row(Self.field(0x0a, qualifier + family + value)),
      table + row(Self.field(0x0a, family + value + qualifier)),
      table + row(Self.field(0x1a, family)),
      table + Self.field(0x12, Self.field(0x12, set) + key),
      table + Self.field(0x12, key + Self.field(0x12, set) + key),
      row(set) + table,
      table + table + row(set),
      table + row(set) + [0x18, 1],
    ]
    for (number, body) in others.enumerated() {
      ByteView.of(body) { #expect(PlainMutations.readList($0) == nil, "request \(number)") }
    }
    for length in 1..<whole.count where length != table.count {
      ByteView.of(Array(whole.prefix(length))) {
        #expect(PlainMutations.readList($0) == nil, "\(length)")
      }
    }
  }
}
