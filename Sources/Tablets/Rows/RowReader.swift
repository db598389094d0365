// Rows under a read: the entries of a row, newest first, become cells in a RowBuffer. A row of one
// entry is decoded where it lies; its cells point into the engine's memory.

internal import Bytes
internal import DataModel
internal import LSM
internal import Synchronization

/// Decodes rows for one buffer; kept with it from read to read.
final class RowReader: RowWorkspace {
  /// Where point reads collect their entries; pins the memory behind the cells.
  let operands = OperandList()
  private var plan: ReadPlan?
  /// Where the plan's rules were the ones in force, and when.
  private var source: CurrentRules?
  private var sourceChangeCount: UInt64 = 0
  private var families = FamilyMerge()
  private var column = ColumnMerge()
  /// Cells whose value lies in the scratch at this offset; the scratch may move until the end.
  private var computed: [(cell: Int, offset: Int)] = []

  /// Of readers and of the rows that this one has filtered: no sample is drawn twice.
  private static let readerCount = Atomic<UInt64>(0)
  private let serialNumber = RowReader.readerCount.add(1, ordering: .relaxed).newValue
  private var rowNumber: UInt64 = 0

  func release() { operands.clear() }

  /// The reader that belongs to the buffer.
  static func of(_ row: RowBuffer) -> RowReader {
    // A cast to a class costs more than a row; the comparison says the same of a final one.
    if let workspace = row.workspace, type(of: workspace) == RowReader.self {
      return unsafeDowncast(workspace, to: RowReader.self)
    }
    let reader = RowReader()
    row.workspace = reader
    return reader
  }

  /// The options under the rules, compiled; the last ones are kept.
  func plan(_ options: ReadOptions, _ rules: RowRules) throws(TableServiceError) -> ReadPlan {
    if let plan, plan.fits(options, rules) { return plan }
    let fresh = try ReadPlan(options, rules)
    plan = fresh
    source = nil
    return fresh
  }

  /// The same under the rules in force, which are not asked for while they stand.
  func plan(_ options: ReadOptions, in rules: CurrentRules) throws(TableServiceError) -> ReadPlan {
    let count = rules.changeCount
    if let plan, source === rules, sourceChangeCount == count, plan.options == options {
      return plan
    }
    let fresh = try plan(options, rules.value)
    (source, sourceChangeCount) = (rules, count)
    return fresh
  }

  /// Fills `row`, which the caller has cleared, with what the plan takes of what was collected.
  ///
  /// - Parameter now: Microseconds, for tables that collect on read.
  /// - Returns: false when no cell is left.
  func read(
    _ key: ByteView, _ plan: ReadPlan, now: Int64, into row: RowBuffer
  ) throws(TableServiceError) -> Bool {
    if plan.takesRowsAsTheyLie, let single = operands.single {
      return try read(key, single, plan, into: row)
    }
    return try read(key, operands.operands, plan, now: now, into: row)
  }

  /// The same of the row that a cursor stands at.
  func read(
    at cursor: KeyCursor, _ plan: ReadPlan, now: Int64, into row: RowBuffer
  ) throws(TableServiceError) -> Bool {
    if plan.takesRowsAsTheyLie, let single = cursor.single {
      return try read(cursor.key, single, plan, into: row)
    }
    return try read(cursor.key, cursor.operands, plan, now: now, into: row)
  }

  /// The same of these entries.
  func read(
    _ key: ByteView, _ operands: [Operand], _ plan: ReadPlan, now: Int64, into row: RowBuffer
  ) throws(TableServiceError) -> Bool {
    if operands.count == 1, plan.takesRowsAsTheyLie {
      return try read(key, operands[0], plan, into: row)
    }
    begin(key, plan, row)
    do throws(ByteReadError) {
      try families.load(operands, plan.rules)
      for index in plan.rules.families.indices {
        try readFamily(plan.rules.families[index], plan, now: now, into: row)
      }
    } catch {
      throw Self.corrupt(key, plan, error)
    }
    return try finish(key, plan, row)
  }

  /// The same of one entry that is taken as it lies.
  private func read(
    _ key: ByteView, _ single: Operand, _ plan: ReadPlan, into row: RowBuffer
  ) throws(TableServiceError) -> Bool {
    begin(key, plan, row)
    do throws(ByteReadError) { try readWhole(single, plan, into: row) } catch {
      throw Self.corrupt(key, plan, error)
    }
    return try finish(key, plan, row)
  }

  private static func corrupt(
    _ key: ByteView, _ plan: ReadPlan, _ error: ByteReadError
  ) -> TableServiceError {
    .corruptData(
      message: "the stored row \"\(key)\" of table \"\(plan.rules.schema.definition.name)\" "
        + "cannot be read (\(error))")
  }

  @inline(__always)
  private func begin(_ key: ByteView, _ plan: ReadPlan, _ row: RowBuffer) {
    if row.schema !== plan.rules.schema { row.schema = plan.rules.schema }
    if !computed.isEmpty { computed.removeAll(keepingCapacity: true) }
    row.scratch.append(short: key)
  }

  /// Views of what lies in the scratch, which moves no more; and what the filter leaves.
  @inline(__always)
  private func finish(
    _ key: ByteView, _ plan: ReadPlan, _ row: RowBuffer
  ) throws(TableServiceError) -> Bool {
    row.key = row.scratch.view.prefix(key.count)
    if !computed.isEmpty { placeComputed(row) }
    if plan.hasSubset, let subset = plan.options.subset { Self.keep(subset, row) }
    if row.cells.count > plan.cellLimit {
      row.cells.removeLast(row.cells.count - plan.cellLimit)
    }
    if plan.hasFilter, let filter = plan.filter {
      rowNumber &+= 1
      row.filteredCellCount &+= row.cells.count
      var evaluation = FilterEvaluation(
        key: row.key, familyNames: plan.rules.schema.familyNames,
        randomness: serialNumber &<< 32 ^ rowNumber)
      do throws(DataModelError) { try evaluation.apply(filter, to: &row.cells) } catch {
        throw TableServiceError(error)
      }
      if !evaluation.labels.isEmpty { row.labels = evaluation.labels }
    }
    return !row.cells.isEmpty
  }

  private func placeComputed(_ row: RowBuffer) {
    for (cell, offset) in computed {
      let old = row.cells[cell]
      row.cells[cell] = CellView(
        familyIndex: old.familyIndex, qualifier: old.qualifier, timestamp: old.timestamp,
        value: row.scratch.view[offset..<offset + 8])
    }
  }

  /// Columns of one family stand together: each is judged once.
  private static func keep(_ subset: TableSubset, _ row: RowBuffer) {
    guard subset.contains(key: row.key), let schema = row.schema else {
      return row.cells.removeAll(keepingCapacity: true)
    }
    var last: (family: Int, qualifier: ByteView, isInside: Bool)?
    row.cells.removeAll { cell in
      if let last, last.family == cell.familyIndex, last.qualifier == cell.qualifier {
        return !last.isInside
      }
      let columns = subset.families[schema.definition.families[cell.familyIndex].name]
      let isInside = columns?.contains(cell.qualifier) ?? false
      last = (cell.familyIndex, cell.qualifier, isInside)
      return !isInside
    }
  }

  /// One entry, families in the order of their names: as it lies.
  private func readWhole(
    _ operand: Operand, _ plan: ReadPlan, into row: RowBuffer
  ) throws(ByteReadError) {
    // Not `==`, which calls a witness in another module.
    if case .delete = operand.kind { return }
    let ids = plan.rules.familyIDs
    var reader = try PackedFamilyReader(operand.value)
    var index = 0
    while let (id, family) = try reader.next() {
      while index < ids.count, ids[index] < id { index += 1 }
      guard index < ids.count else { return }
      if ids[index] == id {
        try readSingleFamily(family, index, plan, into: row)
        if row.cells.count >= plan.cellLimit { return }
      }
    }
  }

  /// What is selected of a family that lies in one entry.
  @inline(__always)
  private func readSingleFamily(
    _ family: PackedFamily, _ index: Int, _ plan: ReadPlan, into row: RowBuffer
  ) throws(ByteReadError) {
    // A filter may let nothing of any column pass.
    if plan.versions == 0 { return }
    guard let selections = plan.selections else {
      return try readColumns(of: family, index, plan, into: row)
    }
    switch selections[index] {
    case .none: break
    case .all: try readColumns(of: family, index, plan, into: row)
    case .columns(let qualifiers):
      try read(qualifiers, of: family, index, plan, into: row)
    case .range(let from, let to):
      try readColumns(of: family, index, plan, from: from, to: to, into: row)
    }
  }

  /// Some columns, ascending.
  private func read(
    _ qualifiers: [[UInt8]], of family: PackedFamily, _ index: Int, _ plan: ReadPlan,
    into row: RowBuffer
  ) throws(ByteReadError) {
    var columns = ColumnCursor(family)
    try columns.next()
    for wanted in qualifiers {
      while columns.isValid, ByteView.of(wanted, { columns.qualifier.compare($0) < 0 }) {
        try columns.next()
      }
      guard columns.isValid else { return }
      guard ByteView.of(wanted, { $0 == columns.qualifier }) else { continue }
      if columns.isPlainCell {
        append(columns.qualifier, columns.time, columns.value, index, row)
      } else {
        try readCells(of: columns, index, plan.versions, into: row)
      }
      try columns.next()
    }
  }

  private func readFamily(
    _ rules: FamilyRules, _ plan: ReadPlan, now: Int64, into row: RowBuffer
  ) throws(ByteReadError) {
    let selection = plan.selections?[rules.index] ?? .all
    if case .none = selection { return }
    _ = families.select(family: rules.index)
    if families.members.isEmpty { return }
    let gc = plan.rules.gcOnRead ? rules.gc : nil
    if families.members.count == 1, gc == nil {
      return try readSingleFamily(families.members[0], rules.index, plan, into: row)
    }
    var choice = ColumnChoice(selection)
    try families.beginColumns()
    while families.isAligned, row.cells.count < plan.cellLimit {
      let qualifier = families.columns[families.holders[0]].qualifier
      switch choice.of(qualifier) {
      case .taken:
        try families.beginCells(&column)
        try readColumn(qualifier, rules.index, gc, plan.versions, now: now, into: row)
      case .passed: break
      case .past: return
      }
      try families.nextColumn()
    }
  }

  private func readColumn(
    _ qualifier: ByteView, _ familyIndex: Int, _ gc: GCRule?, _ versions: Int, now: Int64,
    into row: RowBuffer
  ) throws(ByteReadError) {
    var count = 0
    while count < versions, try column.next() {
      let microseconds = column.time * 1_000
      if let gc, gc.dooms(newerCount: count, microseconds: microseconds, now: now) { return }
      if let combined = column.combined {
        computed.append((cell: row.cells.count, offset: row.scratch.count))
        row.scratch.append(bigEndian: UInt64(bitPattern: combined))
      }
      row.cells.append(
        CellView(
          familyIndex: familyIndex, qualifier: qualifier,
          timestamp: Timestamp(microseconds: microseconds), value: column.value))
      count += 1
    }
  }

  /// Columns of one entry: no merging, no copies.
  @inline(__always)
  private func readColumns(
    of family: PackedFamily, _ familyIndex: Int, _ plan: ReadPlan, from: [UInt8]? = nil,
    to: [UInt8]? = nil, into row: RowBuffer
  ) throws(ByteReadError) {
    let limit = plan.cellLimit
    let packed = family.columns
    var offset = 0
    while offset < packed.count, row.cells.count < limit {
      guard let column = PlainColumn(packed, at: offset) else {
        offset = try readColumn(of: family, at: offset, familyIndex, plan, from, to, row)
        continue
      }
      offset = column.end
      if let from, ByteView.of(from, { column.qualifier.compare($0) < 0 }) { continue }
      if let to, ByteView.of(to, { column.qualifier.compare($0) >= 0 }) { return }
      append(column.qualifier, column.time, column.value, familyIndex, row)
    }
  }

  /// One of these columns that is not plain.
  ///
  /// - Returns: Where the next one begins; the end where none is wanted any more.
  private func readColumn(
    of family: PackedFamily, at offset: Int, _ familyIndex: Int, _ plan: ReadPlan,
    _ from: [UInt8]?, _ to: [UInt8]?, _ row: RowBuffer
  ) throws(ByteReadError) -> Int {
    var columns = ColumnCursor(family)
    try columns.skip(to: offset)
    try columns.next()
    let end = columns.nextStart
    if let from, ByteView.of(from, { columns.qualifier.compare($0) < 0 }) { return end }
    if let to, ByteView.of(to, { columns.qualifier.compare($0) >= 0 }) {
      return family.columns.count
    }
    if columns.isPlainCell {
      append(columns.qualifier, columns.time, columns.value, familyIndex, row)
    } else {
      try readCells(of: columns, familyIndex, plan.versions, into: row)
    }
    return end
  }

  /// A stored cell, whose time is in milliseconds and within the format's limit.
  @inline(__always)
  private func append(
    _ qualifier: ByteView, _ milliseconds: Int64, _ value: ByteView, _ familyIndex: Int,
    _ row: RowBuffer
  ) {
    row.cells.append(
      CellView(
        familyIndex: familyIndex, qualifier: qualifier,
        timestamp: Timestamp(microseconds: milliseconds &* 1_000), value: value))
  }

  /// The newest cells of the column that the cursor is at.
  private func readCells(
    of columns: ColumnCursor, _ familyIndex: Int, _ versions: Int, into row: RowBuffer
  ) throws(ByteReadError) {
    var cells = CellCursor(columns)
    if columns.hasTombstones { try cells.skipTombstones() }
    var count = 0
    try cells.next()
    while cells.isValid, count < versions {
      append(columns.qualifier, cells.time, cells.value, familyIndex, row)
      count += 1
      if count < versions { try cells.next() }
    }
  }
}

/// Which of a family's columns, asked one by one in their order, are wanted.
private struct ColumnChoice {
  enum Answer { case taken, passed, past }

  private let selection: FamilySelection
  private var position = 0

  init(_ selection: FamilySelection) { self.selection = selection }

  mutating func of(_ qualifier: ByteView) -> Answer {
    switch selection {
    case .none: return .past
    case .all: return .taken
    case .columns(let wanted):
      while position < wanted.count,
        ByteView.of(wanted[position], { $0.compare(qualifier) < 0 })
      {
        position += 1
      }
      if position == wanted.count { return .past }
      return ByteView.of(wanted[position]) { $0 == qualifier } ? .taken : .passed
    case .range(let from, let to):
      if let from, ByteView.of(from, { qualifier.compare($0) < 0 }) { return .passed }
      if let to, ByteView.of(to, { qualifier.compare($0) >= 0 }) { return .past }
      return .taken
    }
  }
}
