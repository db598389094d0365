// The memtable against a plain list of what was inserted, read at every kind of snapshot.

import Bytes
import LSM
import TestSupport
import Testing

/// What was inserted, and what it means.
struct MemtableModel {
  struct Entry {
    var kind: EntryKind
    var value: [UInt8]
    var sequence: UInt64
  }
  var entries: [[UInt8]: [Entry]] = [:]

  /// The state of a key at a snapshot with what is older unknown: nil for no entry, and whether
  /// older sources are hidden.
  func state(of key: [UInt8], at sequence: UInt64) -> (list: [UInt8], hidesOlder: Bool)? {
    let visible = (entries[key] ?? []).filter { $0.sequence <= sequence }
    guard !visible.isEmpty else { return nil }
    var list: [UInt8] = []
    var hidesOlder = false
    for entry in visible {
      if entry.kind != .merge {
        list = []
        hidesOlder = true
      }
      list += entry.value
    }
    return (list, hidesOlder)
  }
}

@Suite struct MemtableTests {
  private func memtable(_ budget: MemoryBudget = MemoryBudget(byteCount: 1 << 30)) -> Memtable {
    Memtable(memory: budget, merger: TextMerger())
  }

  private func collect(_ table: Memtable, _ key: [UInt8], at sequence: UInt64)
    -> (operands: [Operand], hidesOlder: Bool)
  {
    var operands: [Operand] = []
    let hides = ByteView.of(key) {
      table.collect(key: $0, at: SequenceNumber(sequence), into: &operands)
    }
    return (operands, hides)
  }

  /// The list that operands make up, deletes counted as empty.
  private func list(_ operands: [Operand]) -> [UInt8] {
    operands.reversed().reduce(into: []) { list, operand in
      if operand.kind != .merge { list = [] }
      list += operand.value.array
    }
  }

  private static let keys: [[UInt8]] = [
    [0], [0, 0], [1], Array("a".utf8), Array("aaaaaaa".utf8), Array("aaaaaaaa".utf8),
    Array("aaaaaaaa\0".utf8), Array("aaaaaaaaa".utf8), Array("aaaaaaaab".utf8),
    Array("aaaaaaaaaaaaaaaab".utf8), Array("b".utf8), Array("b\0".utf8), Array("b\0\0".utf8),
    [0xff], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
  ]

  /// Inserts one by one, or, for even seeds, some dozens at a time.
  private func fill(_ table: Memtable, seed: UInt64, count: Int) -> MemtableModel {
    var random = SeededGenerator(seed: seed)
    var model = MemtableModel()
    var together = EntriesTogether(table, limit: seed.isMultiple(of: 2) ? 40 : 1)
    defer { together.insert() }
    for sequence in 1...UInt64(count) {
      let key = Self.keys[Int.random(in: 0..<Self.keys.count, using: &random)]
      let kind: EntryKind = random.chance(0.9) ? .merge : random.chance(0.5) ? .put : .delete
      let length = kind == .delete ? 0 : Int.random(in: 0...6, using: &random)
      let value = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      together.add(kind, key, value, SequenceNumber(sequence))
      model.entries[key, default: []].append(.init(kind: kind, value: value, sequence: sequence))
    }
    return model
  }

  @Test("many keys that go in together are in order", arguments: 1...4 as ClosedRange<UInt64>)
  func manyKeys(seed: UInt64) {
    let table = memtable()
    var random = SeededGenerator(seed: seed)
    var together = EntriesTogether(table, limit: 300)
    var model: [[UInt8]: UInt64] = [:]
    for sequence in 1...5_000 as ClosedRange<UInt64> {
      let key = Array("row \(Int.random(in: 0..<3_000, using: &random))".utf8)
      together.add(.put, key, [UInt8(truncatingIfNeeded: sequence)], SequenceNumber(sequence))
      model[key] = sequence
    }
    together.insert()
    #expect(table.entryCount == 5_000)
    let cursor = table.cursor(at: SequenceNumber(.max))
    cursor.seekToFirst()
    let expected = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    let found = forwards(cursor)
    #expect(found.map(\.0) == expected.map(\.key))
    #expect(found.map(\.1) == expected.map { [UInt8(truncatingIfNeeded: $0.value)] })
  }

  @Test("lookups equal a list at every snapshot", arguments: 1...12 as ClosedRange<UInt64>)
  func lookups(seed: UInt64) {
    let table = memtable()
    let model = fill(table, seed: seed, count: 700)
    #expect(table.entryCount == 700)
    #expect(table.firstSequence == SequenceNumber(1))
    #expect(table.lastSequence == SequenceNumber(700))
    for snapshot in [0, 1, 50, 333, 699, 700, .max] as [UInt64] {
      for key in Self.keys + [[2], [0xfe]] {
        let (operands, hides) = collect(table, key, at: snapshot)
        let expected = model.state(of: key, at: snapshot)
        #expect(operands.isEmpty == (expected == nil))
        #expect(list(operands) == expected?.list ?? [])
        #expect(hides == expected?.hidesOlder ?? false)
      }
    }
  }

  /// The cursor's keys with the lists that their entries make up, walking forwards.
  private func forwards(_ cursor: MemtableCursor) -> [([UInt8], [UInt8])] {
    var seen: [([UInt8], [Operand])] = []
    while cursor.isValid {
      let key = cursor.key.array
      let operand = Operand(kind: cursor.kind, value: cursor.value)
      if seen.last?.0 == key {
        seen[seen.count - 1].1.append(operand)
      } else {
        seen.append((key, [operand]))
      }
      cursor.next()
    }
    return seen.map { ($0.0, list($0.1)) }
  }

  @Test("cursors equal a sorted map both ways", arguments: 20...31 as ClosedRange<UInt64>)
  func cursors(seed: UInt64) {
    let table = memtable()
    let model = fill(table, seed: seed, count: 400)
    let sortedKeys = Self.keys.sorted { $0.lexicographicallyPrecedes($1) }
    for snapshot in [0, 3, 20, 200, 400, .max] as [UInt64] {
      let visible = sortedKeys.compactMap { key in
        model.state(of: key, at: snapshot).map { (key, $0.list) }
      }
      let cursor = table.cursor(at: SequenceNumber(snapshot))
      #expect(!cursor.isValid)
      cursor.seekToFirst()
      #expect(forwards(cursor).elementsEqual(visible, by: ==))
      for target in sortedKeys + [[0xfe]] {
        ByteView.of(target) { cursor.seek(to: $0) }
        let rest = visible.filter { !$0.0.lexicographicallyPrecedes(target) }
        #expect(forwards(cursor).elementsEqual(rest, by: ==))
        ByteView.of(target) { cursor.seek(before: $0) }
        let before = visible.last { $0.0.lexicographicallyPrecedes(target) }
        #expect((cursor.isValid ? cursor.key.array : nil) == before?.0)
      }
      cursor.seekToLast()
      var backwards: [[UInt8]] = []
      while cursor.isValid {
        backwards.append(cursor.key.array)
        let newest = collect(table, cursor.key.array, at: snapshot).operands.first
        #expect(cursor.kind == newest?.kind)
        #expect(cursor.value == newest?.value)
        cursor.previousKey()
      }
      #expect(backwards == visible.map(\.0).reversed())
    }
  }

  @Test func `a long chain of merges is read in few steps and costs linear memory`() {
    let table = memtable()
    let key: [UInt8] = Array("hot row".utf8)
    let count: UInt64 = 20_000
    for sequence in 1...count {
      ByteView.of(key) { key in
        ByteView.of([UInt8(truncatingIfNeeded: sequence)]) { value in
          table.insert(kind: .merge, key: key, value: value, sequence: SequenceNumber(sequence))
        }
      }
    }
    let (operands, hides) = collect(table, key, at: count)
    #expect(!hides)
    #expect(list(operands) == (1...count).map { UInt8(truncatingIfNeeded: $0) })
    // At most a quarter of the last fold stands unfolded, and folds grow by a quarter each.
    #expect(operands.count <= 1 + 20_000 / 4)
    // Less than an entry with its history, a key of 7 bytes, rounded; a twentieth for the folds.
    #expect(table.byteCount < 20_000 * (64 + 5))
    #expect(table.entryCount == 20_000)
    // An older snapshot sees no fold that is newer.
    #expect(list(collect(table, key, at: 999).operands).count == 999)
  }

  @Test func `a fold on a whole value hides what is older`() {
    let table = memtable()
    for sequence in 1...40 as ClosedRange<UInt64> {
      ByteView.of(Array("k".utf8)) { key in
        ByteView.of([UInt8(sequence)]) { value in
          table.insert(
            kind: sequence == 1 ? .put : .merge, key: key, value: value,
            sequence: SequenceNumber(sequence))
        }
      }
    }
    let (operands, hides) = collect(table, Array("k".utf8), at: 40)
    #expect(hides)
    #expect(operands.count < 20)
    #expect(operands.last?.kind == .put)
    #expect(list(operands) == (1...40).map { UInt8($0) })
  }

  @Test func `giant values have their own memory and all memory is given back`() {
    let budget = MemoryBudget(byteCount: 1 << 30)
    do {
      let table = memtable(budget)
      #expect(budget.memtableBytesInUse == 64 << 10)
      let giant = [UInt8](repeating: 9, count: 3 << 20)
      for sequence in 1...3 as ClosedRange<UInt64> {
        ByteView.of([UInt8(sequence)]) { key in
          ByteView.of(giant) { value in
            table.insert(kind: .put, key: key, value: value, sequence: SequenceNumber(sequence))
          }
        }
      }
      #expect(budget.memtableBytesInUse < (64 << 10) + 3 * ((3 << 20) + 8_192))
      #expect(table.byteCount <= budget.memtableBytesInUse)
      #expect(collect(table, [2], at: 3).operands.first?.value.array == giant)
    }
    #expect(budget.memtableBytesInUse == 0)
  }

  @Test func `the newest sequence of a range is exact for few entries and a bound for many`() {
    let table = memtable()
    func newest(_ lower: [UInt8], _ upper: [UInt8]) -> UInt64 {
      ByteView.of(lower) { lower in
        ByteView.of(upper) { table.newestSequence(from: lower, to: $0).rawValue }
      }
    }
    #expect(table.newestSequence(from: nil, to: nil) == .zero)
    for sequence in 1...1_000 as ClosedRange<UInt64> {
      let key = [UInt8(sequence / 256), UInt8(truncatingIfNeeded: sequence)]
      ByteView.of(key) { key in
        table.insert(kind: .put, key: key, value: ByteView(), sequence: SequenceNumber(sequence))
      }
    }
    #expect(newest([0, 10], [0, 20]) == 19)
    #expect(newest([0, 0], [0, 1]) == 0)
    #expect(newest([9], [10]) == 0)
    #expect(newest([3, 0xe8], [4]) == 1_000)
    #expect(newest([0], [2]) >= 511)
    #expect(table.newestSequence(from: nil, to: nil) == SequenceNumber(1_000))
  }
}

/// Gathers entries and inserts up to `limit` of them at once.
private struct EntriesTogether {
  private let table: Memtable
  private let limit: Int
  private var waiting: [(EntryKind, [UInt8], [UInt8], SequenceNumber)] = []

  init(_ table: Memtable, limit: Int) {
    self.table = table
    self.limit = limit
  }

  mutating func add(
    _ kind: EntryKind, _ key: [UInt8], _ value: [UInt8], _ sequence: SequenceNumber
  ) {
    waiting.append((kind, key, value, sequence))
    if waiting.count == limit { insert() }
  }

  mutating func insert() {
    var bytes = ByteBuffer(capacity: waiting.reduce(1) { $0 + $1.1.count + $1.2.count })
    for entry in waiting {
      ByteView.of(entry.1) { bytes.append($0) }
      ByteView.of(entry.2) { bytes.append($0) }
    }
    var rest = bytes.view
    func take(_ count: Int) -> ByteView {
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    if let only = waiting.first, waiting.count == 1 {
      table.insert(
        kind: only.0, key: take(only.1.count), value: take(only.2.count), sequence: only.3)
    } else {
      table.insert(
        ContiguousArray(
          waiting.map { entry in
            MemtableEntry(
              kind: entry.0, key: take(entry.1.count), value: take(entry.2.count),
              sequence: entry.3)
          }))
    }
    waiting.removeAll()
  }
}
