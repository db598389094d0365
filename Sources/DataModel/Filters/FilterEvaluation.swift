// A filter tree applied to the cells of one row, as Bigtable defines each kind: a filter maps a
// list of cells in cell order (family name, qualifier, newest first) to such a list.

package import Bytes
internal import RegularExpressions

/// One evaluation; counts the cells it has touched, so that a small filter cannot ask for
/// unbounded work on one row.
package struct FilterEvaluation {
  package typealias Cells = ContiguousArray<CellView>

  private let key: ByteView
  private let familyNames: [[UInt8]]
  private var cellBudget = DataModelLimits.filterCellCount
  private var randomness: UInt64
  /// What has gone straight to the result.
  private var sunk = Cells()
  /// What cells have been marked with, for `RowBuffer.labels`.
  package private(set) var labels: [String] = []

  /// - Parameters:
  ///   - familyNames: By family index, name order.
  ///   - randomness: Another number for each row; samples are drawn with it.
  package init(key: ByteView, familyNames: [[UInt8]], randomness: UInt64 = 0) {
    self.key = key
    self.familyNames = familyNames
    self.randomness = randomness
  }

  /// Replaces `cells` by what `filter`, which has been validated, lets pass. Once.
  package mutating func apply(
    _ filter: RowFilter, to cells: inout Cells
  ) throws(DataModelError) {
    try pass(filter, &cells)
    if !sunk.isEmpty { cells = try merge(cells, sunk) }
  }

  private mutating func pass(
    _ filter: RowFilter, _ cells: inout Cells
  ) throws(DataModelError) {
    if cells.isEmpty { return }
    try spend(cells.count)
    switch filter {
    case .passAll: break
    case .blockAll: cells.removeAll(keepingCapacity: true)
    case .chain(let filters):
      for filter in filters where !cells.isEmpty { try pass(filter, &cells) }
    case .interleave(let filters): try interleave(filters, &cells)
    case .condition(let predicate, let then, let otherwise):
      var probe = cells
      try pass(predicate, &probe)
      if let chosen = probe.isEmpty ? otherwise : then {
        try pass(chosen, &cells)
      } else {
        cells.removeAll(keepingCapacity: true)
      }
    case .rowKeyPrefix(let prefix):
      if !ByteView.of(prefix, { key.hasPrefix($0) }) { cells.removeAll(keepingCapacity: true) }
    case .regex(let subject, let regex): keep(subject, regex, &cells)
    case .family(let name):
      let index = familyIndex(name)
      cells.removeAll { $0.familyIndex != index }
    case .qualifier(let qualifier):
      ByteView.of(qualifier) { wanted in cells.removeAll { $0.qualifier != wanted } }
    case .qualifierPrefix(let prefix):
      ByteView.of(prefix) { wanted in cells.removeAll { !$0.qualifier.hasPrefix(wanted) } }
    case .columnRange(let family, let from, let to):
      let index = familyIndex(family)
      cells.removeAll { $0.familyIndex != index || !isWithin($0.qualifier, from, to) }
    case .timestampRange(let from, let to):
      cells.removeAll {
        $0.timestamp.microseconds < from || $0.timestamp.microseconds >= to ?? .max
      }
    case .value(let value):
      ByteView.of(value) { wanted in cells.removeAll { $0.value != wanted } }
    case .valueRange(let from, let to):
      cells.removeAll { !isWithin($0.value, from, to) }
    case .cellsPerRowOffset(let count): cells.removeFirst(min(count, cells.count))
    case .cellsPerRowLimit(let count): cells.removeLast(max(0, cells.count - count))
    case .cellsPerColumnLimit(let count): keepNewest(count, &cells)
    case .stripValue:
      for index in cells.indices { cells[index] = cells[index].with(value: ByteView()) }
    case .rowSample(let probability):
      if draw() >= probability { cells.removeAll(keepingCapacity: true) }
    case .label(let text):
      let label = number(of: text)
      for index in cells.indices { cells[index] = cells[index].with(label: label) }
    case .sink:
      sunk = try merge(sunk, cells)
      cells.removeAll(keepingCapacity: true)
    }
  }

  /// From 0 to 1, 1 excluded: a step of SplitMix64.
  private mutating func draw() -> Double {
    randomness &+= 0x9e37_79b9_7f4a_7c15
    var bits = randomness
    bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
    return Double((bits ^ bits >> 31) >> 11) * 0x1p-53
  }

  private mutating func number(of label: String) -> UInt32 {
    let place = labels.firstIndex(of: label) ?? labels.count
    if place == labels.count { labels.append(label) }
    return UInt32(truncatingIfNeeded: place + 1)
  }

  /// Cells of one family, and of one column, stand together: each name is matched once.
  private func keep(_ subject: RegexSubject, _ regex: ByteRegex, _ cells: inout Cells) {
    switch subject {
    case .rowKey: if !regex.matches(key) { cells.removeAll(keepingCapacity: true) }
    case .family:
      var last: (index: Int, matches: Bool)?
      cells.removeAll { cell in
        if let last, last.index == cell.familyIndex { return !last.matches }
        let matches = ByteView.of(familyNames[cell.familyIndex]) { regex.matches($0) }
        last = (cell.familyIndex, matches)
        return !matches
      }
    case .qualifier:
      var last: (qualifier: ByteView, matches: Bool)?
      cells.removeAll { cell in
        if let last, last.qualifier == cell.qualifier { return !last.matches }
        let matches = regex.matches(cell.qualifier)
        last = (cell.qualifier, matches)
        return !matches
      }
    case .value: cells.removeAll { !regex.matches($0.value) }
    }
  }

  private mutating func spend(_ count: Int) throws(DataModelError) {
    cellBudget -= count
    guard cellBudget >= 0 else {
      throw DataModelError(
        code: "invalid_filter",
        message: "the filter copies more than \(DataModelLimits.filterCellCount) cells of one row")
    }
  }

  /// -1, which no cell has, for a family that is not there.
  private func familyIndex(_ name: String) -> Int {
    ByteView.of(name) { wanted in
      familyNames.firstIndex { ByteView.of($0) { $0 == wanted } } ?? -1
    }
  }

  private func isWithin(_ bytes: ByteView, _ from: [UInt8]?, _ to: [UInt8]?) -> Bool {
    if let from, ByteView.of(from, { bytes.compare($0) < 0 }) { return false }
    if let to, ByteView.of(to, { bytes.compare($0) >= 0 }) { return false }
    return true
  }

  private func keepNewest(_ count: Int, _ cells: inout Cells) {
    var previous: CellView?
    var seen = 0
    cells.removeAll { cell in
      if let last = previous, last.familyIndex == cell.familyIndex,
        last.qualifier == cell.qualifier
      {
        seen += 1
      } else {
        seen = 1
      }
      previous = cell
      return seen > count
    }
  }

  /// Each filter on a copy of the input; the outputs merged in cell order, duplicates kept.
  private mutating func interleave(
    _ filters: [RowFilter], _ cells: inout Cells
  ) throws(DataModelError) {
    var merged = Cells()
    for filter in filters {
      var branch = cells
      try pass(filter, &branch)
      if branch.isEmpty { continue }
      merged = merged.isEmpty ? branch : try merge(merged, branch)
    }
    cells = merged
  }

  private mutating func merge(_ left: Cells, _ right: Cells) throws(DataModelError) -> Cells {
    try spend(left.count + right.count)
    var result = Cells()
    result.reserveCapacity(left.count + right.count)
    var l = 0
    var r = 0
    while l < left.count, r < right.count {
      if isBefore(right[r], left[l]) {
        result.append(right[r])
        r += 1
      } else {
        result.append(left[l])
        l += 1
      }
    }
    result.append(contentsOf: left[l...])
    result.append(contentsOf: right[r...])
    return result
  }

  private func isBefore(_ left: CellView, _ right: CellView) -> Bool {
    if left.familyIndex != right.familyIndex { return left.familyIndex < right.familyIndex }
    let order = left.qualifier.compare(right.qualifier)
    if order != 0 { return order < 0 }
    return left.timestamp > right.timestamp
  }
}

extension CellView {
  fileprivate func with(value: ByteView) -> CellView {
    CellView(
      familyIndex: familyIndex, qualifier: qualifier, timestamp: timestamp, value: value,
      label: label)
  }

  fileprivate func with(label: UInt32) -> CellView {
    CellView(
      familyIndex: familyIndex, qualifier: qualifier, timestamp: timestamp, value: value,
      label: label)
  }
}
