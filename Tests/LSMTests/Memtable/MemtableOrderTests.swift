// Orders of coming that shape the tree in every way: growing, falling and random keys, keys that
// begin alike, and those that turn up beside them.

import Bytes
import LSM
import TestSupport
import Testing

@Suite struct MemtableOrderTests {
  enum Coming: CaseIterable {
    case growing
    case falling
    case random
    /// All of one beginning at first, then some that sort before, among and behind them.
    case alikeThenOthers
    /// A guess of what keys begin with that none of them does.
    case wronglyExpected
  }

  private static func keys(_ coming: Coming, seed: UInt64) -> [[UInt8]] {
    var random = SeededGenerator(seed: seed)
    let count = 4_000
    func number(_ value: Int) -> [UInt8] {
      let digits = Array(String(value).utf8)
      return [UInt8](repeating: UInt8(ascii: "0"), count: 7 - digits.count) + digits
    }
    switch coming {
    case .growing: return (0..<count).map { Array("company#".utf8) + number($0) }
    case .falling: return (0..<count).reversed().map { Array("company#".utf8) + number($0) }
    case .random, .wronglyExpected:
      return (0..<count).map { _ in
        let length = Int.random(in: 1...12, using: &random)
        return (0..<length).map { _ in UInt8.random(in: 0...3, using: &random) &* 85 }
      }
    case .alikeThenOthers:
      let alike = (0..<count).map { _ in
        Array("company#".utf8) + number(Int.random(in: 0..<count, using: &random))
      }
      let beginnings = ["", "c", "companx", "company", "company#", "company$", "d", "\u{7f}"]
      let others = (0..<count).map { _ in
        Array(beginnings[Int.random(in: 0..<beginnings.count, using: &random)].utf8)
          + number(Int.random(in: 0..<100, using: &random))
      }
      return alike + others
    }
  }

  @Test(
    "whatever the order of coming, keys are found and in order", arguments: Coming.allCases,
    1...3 as ClosedRange<UInt64>)
  func orders(coming: Coming, seed: UInt64) {
    let budget = MemoryBudget(byteCount: 1 << 30)
    let table = ByteView.of(coming == .wronglyExpected ? "tenant/7/" : "") {
      Memtable(memory: budget, merger: TextMerger(), commonKeyPrefix: $0)
    }
    var newest: [[UInt8]: UInt64] = [:]
    var waiting: [[UInt8]] = []
    var sequence: UInt64 = 0
    func insertWaiting() {
      withExtendedLifetime(waiting) {
        let entries = waiting.map { key in
          sequence += 1
          newest[key] = sequence
          return (key.withUnsafeBytes { ByteView($0).array }, sequence)
        }
        var buffer = ByteBuffer()
        for entry in entries { ByteView.of(entry.0) { buffer.append($0) } }
        var offset = 0
        table.insert(
          ContiguousArray(
            entries.map { key, sequence in
              defer { offset += key.count }
              return MemtableEntry(
                kind: .put, key: buffer.view[offset..<offset + key.count], value: ByteView(),
                sequence: SequenceNumber(sequence))
            }))
      }
      waiting.removeAll()
    }
    for key in Self.keys(coming, seed: seed) {
      waiting.append(key)
      if waiting.count == 100 { insertWaiting() }
    }
    insertWaiting()
    check(table, newest)
  }

  private func check(_ table: Memtable, _ newest: [[UInt8]: UInt64]) {
    let sorted = newest.keys.sorted { $0.lexicographicallyPrecedes($1) }
    let cursor = table.cursor(at: SequenceNumber(.max))
    cursor.seekToFirst()
    var forwards: [[UInt8]] = []
    while cursor.isValid {
      forwards.append(cursor.key.array)
      cursor.next()
    }
    var last: [UInt8]?
    forwards.removeAll { key in
      defer { last = key }
      return key == last
    }
    #expect(forwards == sorted)
    cursor.seekToLast()
    var backwards: [[UInt8]] = []
    while cursor.isValid {
      backwards.append(cursor.key.array)
      cursor.previousKey()
    }
    #expect(backwards == sorted.reversed())
    for (index, key) in sorted.enumerated() {
      let between = key + [0]
      ByteView.of(key) { key in
        #expect(table.holds(key))
        cursor.seek(to: key)
        #expect(cursor.isValid && cursor.key == key)
      }
      ByteView.of(between) { between in
        #expect(table.holds(between) == (newest[between.array] != nil))
        cursor.seek(to: between)
      }
      let next = index + 1 < sorted.count ? sorted[index + 1] : nil
      #expect((cursor.isValid ? cursor.key.array : nil) == next)
    }
  }

  @Test func `every snapshot finds its place in a long history`() {
    let table = Memtable(memory: MemoryBudget(byteCount: 1 << 30), merger: TextMerger())
    let count: UInt64 = 3_000
    for sequence in 1...count {
      ByteView.of("hot row") { key in
        withUnsafeBytes(of: sequence.littleEndian) { value in
          table.insert(
            kind: .put, key: key, value: ByteView(value), sequence: SequenceNumber(sequence * 2))
        }
      }
    }
    for snapshot in 0...count * 2 + 1 {
      var operands: [Operand] = []
      let isFound = ByteView.of("hot row") {
        table.collect(key: $0, at: SequenceNumber(snapshot), into: &operands)
      }
      #expect(isFound == (snapshot >= 2))
      #expect(operands.first?.value.littleEndian64(at: 0) ?? 0 == min(snapshot, count * 2) / 2)
    }
  }
}
