// What is told at a glance of a column is what its cursor says, and damage is told of nothing.

import Bytes
import DataModel
import TestSupport
import Testing

@testable import Tablets

@Suite struct PlainColumnTests {
  private struct Seen: Equatable {
    var qualifier: [UInt8]
    var time: Int64
    var value: [UInt8]
  }

  /// A family of columns, plain ones mostly.
  private static func packed(_ generator: inout SeededGenerator) -> [UInt8] {
    var output = ByteBuffer()
    var writer = PackedRowWriter()
    writer.begin(&output)
    writer.beginFamily(1, hasTombstone: false)
    for column in 0..<Int.random(in: 1...6, using: &generator) {
      let length = generator.chance(0.1) ? 130 : Int.random(in: 1...20, using: &generator)
      // The writer holds a view of the qualifier until the column ends.
      ByteView.of([UInt8(column)] + [UInt8](repeating: 0x71, count: length)) { qualifier in
        writer.beginColumn(qualifier)
        addCells(UInt8(column), to: &writer, &generator)
        writer.endColumn()
      }
    }
    writer.endFamily(&output)
    return output.array
  }

  /// One cell mostly, newest first.
  private static func addCells(
    _ byte: UInt8, to writer: inout PackedRowWriter, _ generator: inout SeededGenerator
  ) {
    var time = Int64.random(
      in: 0...1 << Int64.random(in: 1...50, using: &generator), using: &generator)
    for _ in 0..<(generator.chance(0.1) ? 3 : 1) where time >= 0 {
      let count = generator.chance(0.1) ? 9_000 : Int.random(in: 0...200, using: &generator)
      let isDelta = generator.chance(0.05)
      ByteView.of([UInt8](repeating: byte, count: isDelta ? 8 : count)) {
        writer.append(time: time, value: $0, kind: isDelta ? .delta(.sum) : .value)
      }
      time -= 1
    }
  }

  /// Columns from an offset on, as the cursor has them.
  private static func cursor(
    _ family: PackedFamily, at offset: Int
  ) throws -> (column: Seen?, end: Int) {
    var cursor = ColumnCursor(family)
    try cursor.skip(to: offset)
    try cursor.next()
    guard cursor.isPlainCell else { return (nil, cursor.nextStart) }
    return (
      Seen(qualifier: cursor.qualifier.array, time: cursor.time, value: cursor.value.array),
      cursor.nextStart
    )
  }

  /// - Returns: How many columns were told at a glance.
  private static func compare(_ packed: ByteView) throws -> Int {
    var count = 0
    var reader = try PackedFamilyReader(packed)
    while let (_, family) = try reader.next() {
      var offset = 0
      while offset < family.columns.count {
        let quick = PlainColumn(family.columns, at: offset)
        let slow: (column: Seen?, end: Int)
        do {
          slow = try cursor(family, at: offset)
        } catch {
          #expect(quick == nil)
          throw error
        }
        if let quick {
          count += 1
          #expect(
            Seen(
              qualifier: quick.qualifier.array, time: quick.time, value: quick.value.array)
              == slow.column)
          #expect(quick.end == slow.end)
        }
        offset = slow.end
      }
    }
    return count
  }

  @Test(arguments: Array(1...100) as [UInt64])
  func `a glance and the cursor agree`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var count = 0
    for _ in 0..<20 {
      let packed = PlainColumnTests.packed(&generator)
      count += try ByteView.of(packed) { try PlainColumnTests.compare($0) }
      // Cut or changed anywhere: what the glance says, the cursor says too, or it says nothing.
      var damaged = packed
      if generator.chance(0.5) {
        damaged.removeLast(Int.random(in: 1...packed.count, using: &generator))
      }
      if !damaged.isEmpty {
        let place = damaged.indices.randomElement(using: &generator) ?? 0
        damaged[place] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? ByteView.of(damaged) { try PlainColumnTests.compare($0) }
    }
    #expect(count > 20)
  }
}
