// Random values of everything the protocol carries, from a seed.

import BinaryProtocol
import Bytes
import DataModel
import TestSupport

extension SeededGenerator {
  mutating func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &self) == 0 }

  mutating func maybe<Value>(_ make: (inout SeededGenerator) -> Value) -> Value? {
    chance(3) ? nil : make(&self)
  }

  mutating func many<Value>(
    _ limit: Int, _ make: (inout SeededGenerator) -> Value
  ) -> [Value] {
    var values: [Value] = []
    for _ in 0..<Int.random(in: 0...limit, using: &self) { values.append(make(&self)) }
    return values
  }

  /// Bytes around the lengths where a varint grows, now and then.
  mutating func bytes() -> [UInt8] {
    let lengths = [0, 1, 2, 7, 8, 16, 60, 126, 127, 128, 129, 300]
    let count = chance(40) ? 16_390 : lengths.randomElement(using: &self) ?? 0
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }

  mutating func text() -> String {
    let words = ["", "s", "f", "scores", "família", "a_longer.name-of-a-family", "数"]
    return words.randomElement(using: &self) ?? ""
  }

  mutating func number() -> UInt64 {
    UInt64.random(in: 0 ... .max, using: &self) >> UInt64.random(in: 0...63, using: &self)
  }

  mutating func signed() -> Int64 {
    chance(6)
      ? [0, -1, 1, .min, .max].randomElement(using: &self) ?? 0
      : Int64(bitPattern: number()) &* (chance(2) ? -1 : 1)
  }

  mutating func timestamp() -> Timestamp {
    Timestamp(microseconds: chance(4) ? -1 : signed())
  }

  mutating func count() -> Int { Int(number() >> 33) }

  mutating func filter(depth: Int = 0) -> RowFilter {
    let kind = Int.random(in: depth > 3 ? 5...20 : 0...20, using: &self)
    switch kind {
    case 0: return .chain(many(3) { $0.filter(depth: depth + 1) })
    case 1: return .interleave(many(3) { $0.filter(depth: depth + 1) })
    case 2:
      return .condition(
        predicate: filter(depth: depth + 1), then: maybe { $0.filter(depth: depth + 1) },
        otherwise: maybe { $0.filter(depth: depth + 1) })
    case 3:
      return .columnRange(family: text(), from: maybe { $0.bytes() }, to: maybe { $0.bytes() })
    case 4: return .valueRange(from: maybe { $0.bytes() }, to: maybe { $0.bytes() })
    case 5: return .timestampRange(from: signed(), to: maybe { $0.signed() })
    case 6: return .rowKeyPrefix(bytes())
    case 7: return .family(text())
    case 8: return .qualifier(bytes())
    case 9: return .qualifierPrefix(bytes())
    case 10: return .value(bytes())
    case 11: return .cellsPerRowOffset(count())
    case 12: return .cellsPerRowLimit(count())
    case 13: return .cellsPerColumnLimit(count())
    case 14: return .passAll
    case 15: return .blockAll
    case 16: return regex()
    case 17: return .rowSample(Double(number() >> 11) * 0x1p-53)
    case 18: return .label(text())
    case 19: return .sink
    default: return .stripValue
    }
  }

  private mutating func regex() -> RowFilter {
    let patterns = ["", "user#.*", "(?i)a|b{2,}", "\\C*"]
    let pattern = patterns[Int.random(in: patterns.indices, using: &self)]
    let subject = RegexSubject.allCases[Int.random(in: 0..<4, using: &self)]
    return (try? .regex(subject, pattern: Array(pattern.utf8), field: "")) ?? .passAll
  }

  mutating func readOptions() -> ReadOptions {
    ReadOptions(
      columns: many(3) { ColumnSelector(family: $0.text(), qualifier: $0.maybe { $0.bytes() }) },
      versions: [0, 1, 1, 2, count()].randomElement(using: &self) ?? 1,
      filter: maybe { $0.filter() })
  }

  mutating func rowRange() -> RowRange {
    RowRange(from: maybe { $0.bytes() }, to: maybe { $0.bytes() })
  }

  mutating func rule(depth: Int = 0) -> GCRule {
    switch Int.random(in: depth > 3 ? 2...3 : 0...3, using: &self) {
    case 0: return .union(many(3) { $0.rule(depth: depth + 1) })
    case 1: return .intersection(many(3) { $0.rule(depth: depth + 1) })
    case 2: return .maxVersions(Int(signed()))
    default: return .maxAge(microseconds: signed())
    }
  }

  mutating func family(_ name: String) -> FamilyDefinition {
    let columns = many(3) { generator in
      (generator.bytes(), ValueType.allCases.randomElement(using: &generator) ?? .utf8)
    }
    return FamilyDefinition(
      name: name, gc: maybe { $0.rule() },
      type: maybe { ValueType.allCases.randomElement(using: &$0) ?? .utf8 },
      columns: Dictionary(columns) { first, _ in first },
      aggregate: maybe { AggregateKind.allCases.randomElement(using: &$0) ?? .sum })
  }

  mutating func definition() -> TableDefinition {
    var families: [FamilyDefinition] = []
    for name in ["a", "b", "família", "z"] where !chance(3) { families.append(family(name)) }
    var settings = TableSettings()
    settings.isProtected = chance(2)
    return TableDefinition(
      name: text(), families: families, gcOnRead: chance(2), settings: settings)
  }

  mutating func change() -> TableChange {
    switch Int.random(in: 0...4, using: &self) {
    case 0: .createFamily(family(text()))
    case 1: .updateFamily(family(text()))
    case 2: .dropFamily(text())
    case 3: .setProtection(chance(2))
    default: .setGCOnRead(chance(2))
    }
  }

  mutating func readModifyWriteRule() -> ReadModifyWriteRule {
    ReadModifyWriteRule(
      family: text(), qualifier: bytes(),
      change: chance(2) ? .append(bytes()) : .increment(signed()))
  }

  mutating func rejectedRow() -> RejectedRow {
    RejectedRow(
      row: UInt32(number() >> 32), status: Status.allCases.randomElement(using: &self) ?? .ok,
      error: ErrorMessage(code: text(), message: text()))
  }

  mutating func report() -> TableReport {
    var report = TableReport()
    report.name = text()
    report.approximateRows = number()
    report.approximateCells = number()
    report.byteCount = number()
    report.lastWriteMicroseconds = maybe { $0.signed() }
    report.maxCellTimestamp = maybe { $0.signed() }
    report.putsTotal = number()
    report.deletesTotal = number()
    report.levels = many(7) { generator in
      var level = TableReport.Level()
      level.fileCount = generator.number()
      level.byteCount = generator.number()
      level.entryCount = generator.number()
      return level
    }
    report.memtableByteCount = number()
    report.sealedMemtableCount = number()
    report.logByteCount = number()
    report.compactionDebtByteCount = number()
    report.bytesCommitted = number()
    report.bytesLogged = number()
    report.bytesFlushed = number()
    report.bytesCompacted = number()
    report.commits = number()
    report.longestCommitNanoseconds = number()
    report.lastSequence = number()
    return report
  }
}

/// A mutation as a value, so that lists can be compared.
enum SampleMutation {
  case setCell(String, [UInt8], Timestamp, [UInt8])
  case deleteFromColumn(String, [UInt8], Int64, Int64?)
  case deleteFromFamily(String)
  case deleteFromRow
  case addToCell(String, [UInt8], Timestamp, Int64)
  case mergeToCell(String, [UInt8], Timestamp, [UInt8])

  init(_ generator: inout SeededGenerator) {
    let (family, qualifier) = (generator.text(), generator.bytes())
    switch Int.random(in: 0...5, using: &generator) {
    case 0: self = .setCell(family, qualifier, generator.timestamp(), generator.bytes())
    case 1:
      // The list says an open end as Int64.max.
      let end = generator.maybe { $0.signed() }
      self = .deleteFromColumn(family, qualifier, generator.signed(), end == .max ? nil : end)
    case 2: self = .deleteFromFamily(family)
    case 3: self = .deleteFromRow
    case 4: self = .addToCell(family, qualifier, generator.timestamp(), generator.signed())
    default: self = .mergeToCell(family, qualifier, generator.timestamp(), generator.bytes())
    }
  }

  func append(to list: inout MutationList) {
    var names = ByteBuffer()
    switch self {
    case .setCell(let family, let qualifier, let timestamp, let value):
      let (f, q, v) = SampleMutation.views(family, qualifier, value, &names)
      list.setCell(family: f, qualifier: q, timestamp: timestamp, value: v)
    case .deleteFromColumn(let family, let qualifier, let from, let to):
      let (f, q, _) = SampleMutation.views(family, qualifier, [], &names)
      list.deleteFromColumn(
        family: f, qualifier: q, from: Timestamp(microseconds: from),
        to: to.map { Timestamp(microseconds: $0) })
    case .deleteFromFamily(let family):
      list.deleteFromFamily(SampleMutation.views(family, [], [], &names).0)
    case .deleteFromRow: list.deleteFromRow()
    case .addToCell(let family, let qualifier, let timestamp, let input):
      let (f, q, _) = SampleMutation.views(family, qualifier, [], &names)
      list.addToCell(family: f, qualifier: q, timestamp: timestamp, input: input)
    case .mergeToCell(let family, let qualifier, let timestamp, let state):
      let (f, q, v) = SampleMutation.views(family, qualifier, state, &names)
      list.mergeToCell(family: f, qualifier: q, timestamp: timestamp, state: v)
    }
  }

  /// Views into `buffer`, which holds all three.
  private static func views(
    _ family: String, _ qualifier: [UInt8], _ value: [UInt8], _ buffer: inout ByteBuffer
  ) -> (ByteView, ByteView, ByteView) {
    buffer.append(utf8: family)
    let first = buffer.count
    buffer.append(qualifier)
    let second = buffer.count
    buffer.append(value)
    let view = buffer.view
    return (view[0..<first], view[first..<second], view[second..<view.count])
  }
}

/// A row of a mutation list as a value.
struct SampleRow {
  var key: [UInt8]
  var mutations: [SampleMutation]

  init(_ generator: inout SeededGenerator) {
    key = generator.bytes()
    mutations = generator.many(4) { SampleMutation(&$0) }
  }

  func append(to list: inout MutationList) {
    ByteView.of(key) { list.beginRow($0) }
    for mutation in mutations { mutation.append(to: &list) }
  }

  static func list(_ rows: [SampleRow]) -> MutationList {
    var list = MutationList()
    for row in rows { row.append(to: &list) }
    return list
  }
}

/// The cells of a read row as values, and the buffer that shows them.
struct SampleCells {
  struct Cell: Equatable {
    var family: Int
    var qualifier: [UInt8]
    var timestamp: Int64
    var value: [UInt8]
    var label: String?
  }
  static let families = ["a", "b", "família"]
  var cells: [Cell] = []

  init(_ generator: inout SeededGenerator) {
    for family in SampleCells.families.indices where !generator.chance(3) {
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        let qualifier = generator.bytes()
        for _ in 0...Int.random(in: 0...2, using: &generator) {
          cells.append(
            Cell(
              family: family, qualifier: qualifier, timestamp: generator.signed(),
              value: generator.bytes(),
              label: generator.chance(4) ? "label-\(generator.count() % 9)" : nil))
        }
      }
    }
  }

  static var definition: TableDefinition {
    TableDefinition(name: "t", families: families.map { FamilyDefinition(name: $0) })
  }

  func buffer(key: [UInt8] = []) -> RowBuffer {
    let row = RowBuffer()
    row.schema = TableSchema(definition: SampleCells.definition, familyIDs: [1, 2, 3], version: 1)
    let total = cells.reduce(key.count) { $0 + $1.qualifier.count + $1.value.count }
    row.scratch.reserve(total)
    func keep(_ bytes: [UInt8]) -> ByteView {
      let start = row.scratch.count
      row.scratch.append(bytes)
      return row.scratch.view.dropFirst(start)
    }
    row.key = keep(key)
    for cell in cells {
      row.cells.append(
        CellView(
          familyIndex: cell.family, qualifier: keep(cell.qualifier),
          timestamp: Timestamp(microseconds: cell.timestamp), value: keep(cell.value),
          label: cell.label.map { row.number(ofLabel: $0) } ?? 0))
    }
    return row
  }

  init(_ row: RowBuffer) {
    let names = row.schema?.definition.families.map(\.name) ?? []
    cells = row.cells.map { cell in
      Cell(
        family: SampleCells.families.firstIndex(of: names[cell.familyIndex]) ?? -1,
        qualifier: cell.qualifier.array, timestamp: cell.timestamp.microseconds,
        value: cell.value.array, label: row.label(of: cell))
    }
  }
}
