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
    row.scratch.append(key)
  }

  /// Views of what lies in the scratch, which moves no more; and what the filter leaves.
  @inline(__always)
  private func finish(
    _ key: ByteView, _ plan: ReadPlan, _ row: RowBuffer
  ) throws(TableServiceError) -> Bool {
    row.key = row.scratch.view.prefix(key.count)
    for (cell, offset) in computed {
      let old = row.cells[cell]
      row.cells[cell] = CellView(
        familyIndex: old.familyIndex, qualifier: old.qualifier, timestamp: old.timestamp,
        value: row.scratch.view[offset..<offset + 8])
    }
    if plan.hasSubset, let subset = plan.options.subset { Self.keep(subset, row) }
    if plan.hasFilter, let filter = plan.options.filter {
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

  /// One entry, everything wanted, families in the order of their names: as it lies.
  private func readWhole(
    _ operand: Operand, _ plan: ReadPlan, into row: RowBuffer
  ) throws(ByteReadError) {
    if operand.kind == .delete { return }
    let ids = plan.rules.familyIDs
    var reader = try PackedFamilyReader(operand.value)
    var index = 0
    while let (id, family) = try reader.next() {
      while index < ids.count, ids[index] < id { index += 1 }
      guard index < ids.count else { return }
      if ids[index] == id {
        try readWholeFamily(family, index, plan.versions, into: row)
      }
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
    if families.members.count == 1, gc == nil, case .all = selection {
      return try readWholeFamily(families.members[0], rules.index, plan.versions, into: row)
    }
    var wanted: [[UInt8]] = []
    var isEverything = true
    if case .columns(let qualifiers) = selection {
      wanted = qualifiers
      isEverything = false
    }
    var position = 0
    try families.beginColumns()
    while families.isAligned {
      let qualifier = families.columns[families.holders[0]].qualifier
      if !isEverything {
        while position < wanted.count,
          ByteView.of(wanted[position], { $0.compare(qualifier) < 0 })
        {
          position += 1
        }
        if position == wanted.count { return }
      }
      if isEverything || ByteView.of(wanted[position], { $0 == qualifier }) {
        try families.beginCells(&column)
        try readColumn(qualifier, rules.index, gc, plan.versions, now: now, into: row)
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

  /// One entry, everything wanted: no merging, no copies.
  private func readWholeFamily(
    _ family: PackedFamily, _ familyIndex: Int, _ versions: Int, into row: RowBuffer
  ) throws(ByteReadError) {
    var columns = ColumnCursor(family)
    try columns.next()
    while columns.isValid {
      if columns.isPlainCell {
        row.cells.append(
          CellView(
            familyIndex: familyIndex, qualifier: columns.qualifier,
            timestamp: Timestamp(microseconds: columns.time * 1_000), value: columns.value))
        try columns.next()
        continue
      }
      var cells = CellCursor(columns)
      if columns.hasTombstones { try cells.skipTombstones() }
      var count = 0
      try cells.next()
      while cells.isValid, count < versions {
        row.cells.append(
          CellView(
            familyIndex: familyIndex, qualifier: columns.qualifier,
            timestamp: Timestamp(microseconds: cells.time * 1_000), value: cells.value))
        count += 1
        if count < versions { try cells.next() }
      }
      try columns.next()
    }
  }
}
