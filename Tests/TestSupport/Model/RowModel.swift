// A row as a dictionary, mutated naively: what tables are compared with.
//
// A cell that a garbage-collection rule has doomed at some moment may be gone or still there, until
// a compaction has been by; such cells are uncertain. Everything else is exactly as written.

package import DataModel

/// The naive row.
package struct RowModel: Equatable, Sendable {
  /// A column, for the set of uncertain cells.
  package struct CellName: Hashable, Sendable {
    package var family: String
    package var qualifier: String
    package var time: Int64
  }

  /// family → qualifier → timestamp → value
  package private(set) var families: [String: [String: [Int64: [UInt8]]]] = [:]
  package private(set) var uncertain: Set<CellName> = []

  package init() {}

  package var isEmpty: Bool { families.values.allSatisfy { $0.values.allSatisfy(\.isEmpty) } }

  /// - Parameter aggregates: Kinds of the aggregate families; a sum where none is named.
  package mutating func apply(
    _ mutations: [TestMutation], aggregates: [String: AggregateKind] = [:]
  ) {
    for mutation in mutations {
      switch mutation {
      case .set(let family, let qualifier, let time, let value):
        families[family, default: [:]][qualifier, default: [:]][time] = value
        if !uncertain.isEmpty {
          uncertain.remove(CellName(family: family, qualifier: qualifier, time: time))
        }
      case .deleteColumn(let family, let qualifier, let start, let end):
        let column = families[family]?[qualifier] ?? [:]
        families[family]?[qualifier] = column.filter {
          $0.key < start || $0.key >= end ?? .max
        }
      case .deleteFamily(let family): families[family] = nil
      case .deleteRow: families = [:]
      case .add(let family, let qualifier, let time, let input),
        .merge(let family, let qualifier, let time, let input):
        let old = families[family]?[qualifier]?[time].map(RowModel.integer)
        let new =
          switch aggregates[family] ?? .sum {
          case .sum: (old ?? 0) &+ input
          case .min: Swift.min(old ?? .max, input)
          case .max: Swift.max(old ?? .min, input)
          }
        families[family, default: [:]][qualifier, default: [:]][time] = RowModel.bytes(new)
      }
    }
    if !uncertain.isEmpty {
      let present = families
      uncertain = uncertain.filter { present[$0.family]?[$0.qualifier]?[$0.time] != nil }
    }
  }

  package mutating func dropFamily(_ name: String) {
    families[name] = nil
    uncertain = uncertain.filter { $0.family != name }
  }

  /// Marks every cell uncertain that a rule dooms now, if all that may be there is.
  package mutating func collect(_ rules: [String: GCRule], now: Int64) {
    for (family, rule) in rules {
      for (qualifier, column) in families[family] ?? [:] {
        for (index, time) in column.keys.sorted(by: >).enumerated()
        where rule.dooms(newerCount: index, microseconds: time, now: now) {
          uncertain.insert(CellName(family: family, qualifier: qualifier, time: time))
        }
      }
    }
  }

  package func isUncertain(_ cell: TestCell) -> Bool {
    !uncertain.isEmpty
      && uncertain.contains(
        CellName(family: cell.family, qualifier: cell.qualifier, time: cell.time))
  }

  /// Family name, qualifier, newest first; the newest `versions` of each column (0: all).
  package func cells(versions: Int = 0, family wanted: String? = nil) -> [TestCell] {
    cells(versions: versions) { family, _ in wanted == nil || wanted == family }
  }

  /// The same, of the columns that `isSelected` takes.
  package func cells(
    versions: Int, where isSelected: (_ family: String, _ qualifier: String) -> Bool
  ) -> [TestCell] {
    var cells: [TestCell] = []
    for (family, columns) in families.sorted(by: { $0.key < $1.key }) {
      for (qualifier, versionsOfColumn) in columns.sorted(by: { $0.key < $1.key })
      where isSelected(family, qualifier) {
        let newest = versionsOfColumn.sorted { $0.key > $1.key }
        for (time, value) in newest.prefix(versions == 0 ? .max : versions) {
          cells.append(
            TestCell(family: family, qualifier: qualifier, time: time, value: value))
        }
      }
    }
    return cells
  }

  package static func integer(_ bytes: [UInt8]) -> Int64 {
    bytes.reduce(0) { $0 << 8 | Int64($1) }
  }

  package static func bytes(_ integer: Int64) -> [UInt8] {
    withUnsafeBytes(of: integer.bigEndian) { Array($0) }
  }
}
