// Filters as their definition reads, over arrays of cells.

internal import Bytes
package import DataModel
internal import RegularExpressions

extension RowFilter {
  /// The cells that pass, in cell order.
  package func applied(to cells: [TestCell], of key: String) -> [TestCell] {
    var sunk: [TestCell] = []
    let passed = passed(cells, key, &sunk)
    return RowFilter.merged(passed + sunk)
  }

  /// - Parameter sunk: Gets the cells that go straight to the result.
  private func passed(
    _ cells: [TestCell], _ key: String, _ sunk: inout [TestCell]
  ) -> [TestCell] {
    if cells.isEmpty { return [] }
    switch self {
    case .passAll: return cells
    case .blockAll: return []
    case .chain(let filters):
      return filters.reduce(cells) { rest, filter in filter.passed(rest, key, &sunk) }
    case .interleave(let filters):
      return RowFilter.merged(filters.flatMap { $0.passed(cells, key, &sunk) })
    case .condition(let predicate, let then, let otherwise):
      let chosen = predicate.passed(cells, key, &sunk).isEmpty ? otherwise : then
      return chosen?.passed(cells, key, &sunk) ?? []
    case .rowKeyPrefix(let prefix): return Array(key.utf8).starts(with: prefix) ? cells : []
    case .regex(let subject, let regex):
      return cells.filter { cell in
        let text =
          switch subject {
          case .rowKey: Array(key.utf8)
          case .family: Array(cell.family.utf8)
          case .qualifier: Array(cell.qualifier.utf8)
          case .value: cell.value
          }
        return ByteView.of(text) { regex.matches($0) }
      }
    case .family(let name): return cells.filter { $0.family == name }
    case .qualifier(let qualifier): return cells.filter { Array($0.qualifier.utf8) == qualifier }
    case .qualifierPrefix(let prefix):
      return cells.filter { Array($0.qualifier.utf8).starts(with: prefix) }
    case .columnRange(let family, let from, let to):
      return cells.filter {
        $0.family == family && RowFilter.contains(Array($0.qualifier.utf8), from, to)
      }
    case .timestampRange(let from, let to):
      return cells.filter { $0.time >= from && $0.time < to ?? .max }
    case .value(let value): return cells.filter { $0.value == value }
    case .valueRange(let from, let to):
      return cells.filter { RowFilter.contains($0.value, from, to) }
    case .cellsPerRowOffset(let count): return Array(cells.dropFirst(count))
    case .cellsPerRowLimit(let count): return Array(cells.prefix(count))
    case .cellsPerColumnLimit(let count):
      var seen: [[String]: Int] = [:]
      return cells.filter { cell in
        seen[[cell.family, cell.qualifier], default: 0] += 1
        return seen[[cell.family, cell.qualifier], default: 0] <= count
      }
    case .stripValue:
      return cells.map { cell in
        var cell = cell
        cell.value = []
        return cell
      }
    // Chance has no model: tests of it count.
    case .rowSample: return cells
    case .label(let text):
      return cells.map { cell in
        var cell = cell
        cell.label = text
        return cell
      }
    case .sink:
      sunk = RowFilter.merged(sunk + cells)
      return []
    }
  }

  /// In cell order; what is equal in it stays as it was.
  private static func merged(_ cells: [TestCell]) -> [TestCell] {
    cells.enumerated().sorted { left, right in
      RowFilter.order(left.element, right.element) ?? (left.offset < right.offset)
    }.map(\.element)
  }

  private static func contains(_ bytes: [UInt8], _ from: [UInt8]?, _ to: [UInt8]?) -> Bool {
    (from.map { !bytes.lexicographicallyPrecedes($0) } ?? true)
      && (to.map { bytes.lexicographicallyPrecedes($0) } ?? true)
  }

  /// nil for cells of the same column and time.
  private static func order(_ left: TestCell, _ right: TestCell) -> Bool? {
    if left.family != right.family { return left.family < right.family }
    if left.qualifier != right.qualifier {
      return Array(left.qualifier.utf8).lexicographicallyPrecedes(Array(right.qualifier.utf8))
    }
    return left.time == right.time ? nil : left.time > right.time
  }
}
