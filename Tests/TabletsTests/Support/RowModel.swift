// A row as a dictionary, mutated naively: what tables are compared with.

import Bytes
import DataModel

/// SplitMix64: one seed, one sequence.
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
  mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// One mutation as a test writes it.
enum TestMutation: Equatable {
  case set(String, String, Int64, [UInt8])
  case deleteColumn(String, String, Int64, Int64?)
  case deleteFamily(String)
  case deleteRow
  case add(String, String, Int64, Int64)
}

extension MutationList {
  mutating func append(_ mutation: TestMutation) {
    switch mutation {
    case .set(let family, let qualifier, let time, let value):
      ByteView.of(family) { f in
        ByteView.of(qualifier) { q in
          ByteView.of(value) {
            setCell(family: f, qualifier: q, timestamp: Timestamp(microseconds: time), value: $0)
          }
        }
      }
    case .deleteColumn(let family, let qualifier, let start, let end):
      ByteView.of(family) { f in
        ByteView.of(qualifier) { q in
          deleteFromColumn(
            family: f, qualifier: q, from: Timestamp(microseconds: start),
            to: end.map { Timestamp(microseconds: $0) })
        }
      }
    case .deleteFamily(let family): ByteView.of(family) { deleteFromFamily($0) }
    case .deleteRow: deleteFromRow()
    case .add(let family, let qualifier, let time, let input):
      ByteView.of(family) { f in
        ByteView.of(qualifier) { q in
          addToCell(
            family: f, qualifier: q, timestamp: Timestamp(microseconds: time), input: input)
        }
      }
    }
  }

  mutating func append(row key: String, _ mutations: [TestMutation]) {
    ByteView.of(key) { beginRow($0) }
    for mutation in mutations { append(mutation) }
  }

  static func of(_ key: String, _ mutations: [TestMutation]) -> MutationList {
    var list = MutationList()
    list.append(row: key, mutations)
    return list
  }
}

/// One cell as a test reads it.
struct TestCell: Equatable, CustomStringConvertible {
  var family: String
  var qualifier: String
  var time: Int64
  var value: [UInt8]

  var description: String { "\(family):\(qualifier)@\(time)=\(value)" }
}

/// The naive row.
struct RowModel: Equatable {
  /// family → qualifier → timestamp → value
  var families: [String: [String: [Int64: [UInt8]]]] = [:]

  mutating func apply(_ mutations: [TestMutation]) {
    for mutation in mutations {
      switch mutation {
      case .set(let family, let qualifier, let time, let value):
        families[family, default: [:]][qualifier, default: [:]][time] = value
      case .deleteColumn(let family, let qualifier, let start, let end):
        let column = families[family]?[qualifier] ?? [:]
        families[family]?[qualifier] = column.filter {
          $0.key < start || $0.key >= end ?? .max
        }
      case .deleteFamily(let family): families[family] = nil
      case .deleteRow: families = [:]
      case .add(let family, let qualifier, let time, let input):
        let old = families[family]?[qualifier]?[time].map(RowModel.integer) ?? 0
        families[family, default: [:]][qualifier, default: [:]][time] = RowModel.bytes(old &+ input)
      }
    }
  }

  /// Family name, qualifier, newest first; the newest `versions` of each column (0: all).
  func cells(versions: Int = 0, family wanted: String? = nil) -> [TestCell] {
    var cells: [TestCell] = []
    for (family, columns) in families.sorted(by: { $0.key < $1.key })
    where wanted == nil || wanted == family {
      for (qualifier, versionsOfColumn) in columns.sorted(by: { $0.key < $1.key }) {
        let newest = versionsOfColumn.sorted { $0.key > $1.key }
        for (time, value) in newest.prefix(versions == 0 ? .max : versions) {
          cells.append(
            TestCell(family: family, qualifier: qualifier, time: time, value: value))
        }
      }
    }
    return cells
  }

  static func integer(_ bytes: [UInt8]) -> Int64 {
    bytes.reduce(0) { $0 << 8 | Int64($1) }
  }

  static func bytes(_ integer: Int64) -> [UInt8] {
    withUnsafeBytes(of: integer.bigEndian) { Array($0) }
  }
}

extension RowBuffer {
  /// The cells as a test compares them.
  var testCells: [TestCell] {
    cells.map { cell in
      TestCell(
        family: schema?.definition.families[cell.familyIndex].name ?? "?",
        qualifier: String(decoding: cell.qualifier.array, as: UTF8.self),
        time: cell.timestamp.microseconds, value: cell.value.array)
    }
  }
}

/// Random mutations over a small world, so that they meet.
struct MutationGenerator {
  var random: SeededRandom
  var plainFamilies = ["a", "b", "c"]
  var sumFamilies = ["n"]
  var deletes = true

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func mutations() -> [TestMutation] {
    (0...random.below(6)).map { _ in mutation() }
  }

  mutating func mutation() -> TestMutation {
    let qualifier = ["", "q", "qq", "r"][random.below(4)]
    let time = Int64(random.below(6)) * 1_000
    let family = plainFamilies[random.below(plainFamilies.count)]
    let any = (plainFamilies + sumFamilies)[random.below(plainFamilies.count + sumFamilies.count)]
    switch random.below(deletes ? 100 : 70) {
    case 0..<55:
      return .set(
        family, qualifier, time, (0..<random.below(4)).map { _ in UInt8(random.below(256)) })
    case 55..<70:
      return .add(
        sumFamilies[random.below(sumFamilies.count)], qualifier, time,
        Int64(random.below(2_000)) - 1_000)
    case 70..<90:
      let end = random.chance(30) ? nil : time + Int64(1 + random.below(3)) * 1_000
      return .deleteColumn(any, qualifier, time, end)
    case 90..<96: return .deleteFamily(any)
    default: return .deleteRow
    }
  }
}

/// Seeds of a model test: 1 to `STRATA_SEEDS`, else to `count`.
func seeds(_ count: UInt64) -> ClosedRange<UInt64> {
  1...max(1, ProcessEnvironment.seedCount ?? count)
}
