// Increments and appends: the newest cell of a column is read, changed and written back, atomically
// at the request's turn in the commit queue.

internal import Bytes
package import DataModel
package import LSM
internal import Runtime

extension Table {
  /// Applies the rules in order, atomically; answers the new cells of the touched columns.
  package func readModifyWrite(
    _ key: [UInt8], rules changes: [ReadModifyWriteRule], durability: Durability? = nil,
    isPatient: Bool = true,
    completion: @escaping @Sendable (Result<RowBuffer, TableServiceError>) -> Void
  ) {
    do throws(TableServiceError) {
      try checkAlive()
      try ByteView.of(key) { (view) throws(TableServiceError) in
        try MutationEncoder.check(key: view)
      }
      guard !changes.isEmpty else {
        throw .invalid(code: "no_rules", message: "no rules provided")
      }
      guard changes.count <= DataModelLimits.ruleCount else {
        throw .invalid(
          code: "too_many_rules",
          message: "\(changes.count) rules in one request; the limit is "
            + "\(DataModelLimits.ruleCount)")
      }
    } catch {
      return completion(.failure(error))
    }
    let decision = Decision(RowBuffer())
    engine.commit(
      CommitRequest(
        durability: durability, isPatient: isPatient,
        deciding: { [self] reader, batch in
          try checkAlive()
          var columns = try touchedColumns(of: key, changes, reader)
          for change in changes { try columns.apply(change) }
          let list = columns.mutations(of: key)
          let encoded = encode(list, into: &batch, asking: reader)
          if let refusal = encoded.receipt.rejected.first { throw refusal.error }
          decision.tally = encoded.tally
          columns.fill(decision.value, key)
        },
        completion: { [self] result in
          switch result {
          case .success:
            counters.committed(decision.tally, entryCount: 1, now: time.wallMicroseconds)
            completion(.success(decision.value))
          case .failure(let error): completion(.failure(fold(error)))
          }
        }))
  }

  /// The newest cells of the columns that the rules name.
  private func touchedColumns(
    of key: [UInt8], _ changes: [ReadModifyWriteRule], _ reader: any CommitReader
  ) throws -> TouchedColumns {
    let rules = rules.value
    let now = max(0, time.wallMicroseconds) / 1_000 * 1_000
    var columns = TouchedColumns(schema: rules.schema, now: now)
    let selectors = Set(changes.map { ColumnSelector(family: $0.family, qualifier: $0.qualifier) })
    let options = ReadOptions(columns: Array(selectors), versions: 1)
    try ByteView.of(key) { view in
      let row = RowBuffer()
      let rowReader = RowReader.of(row)
      let plan = try rowReader.plan(options, rules)
      _ = try rowReader.read(
        view, try reader.operands(of: view), plan, now: readTime(plan), into: row)
      for cell in row.cells {
        let family = rules.schema.definition.families[cell.familyIndex].name
        columns.add(
          ColumnSelector(family: family, qualifier: cell.qualifier.array),
          value: cell.value.array, time: cell.timestamp.microseconds)
      }
    }
    return columns
  }
}

/// The columns of one read-modify-write and their newest values.
private struct TouchedColumns {
  private struct Cell {
    var value: [UInt8]
    /// Microseconds; nil when the column has no cell yet.
    var time: Int64?
  }

  private let schema: TableSchema
  private let now: Int64
  private var cells: [ColumnSelector: Cell] = [:]

  init(schema: TableSchema, now: Int64) {
    self.schema = schema
    self.now = now
  }

  mutating func add(_ column: ColumnSelector, value: [UInt8], time: Int64) {
    cells[column] = Cell(value: value, time: time)
  }

  mutating func apply(_ rule: ReadModifyWriteRule) throws(TableServiceError) {
    let column = ColumnSelector(family: rule.family, qualifier: rule.qualifier)
    // Taken out, so that appends to a long value do not copy it.
    let isNew = cells[column] == nil
    var new = cells.removeValue(forKey: column) ?? Cell(value: [], time: nil)
    new.time = max(now, new.time ?? now)
    switch rule.change {
    case .append(let bytes): new.value += bytes
    case .increment(let amount):
      let value = isNew ? [UInt8](repeating: 0, count: 8) : new.value
      guard value.count == 8 else {
        let qualifier = ByteView.of(rule.qualifier) { $0.description }
        throw .conflict(
          code: "wrong_value_type",
          message: "column \"\(rule.family):\(qualifier)\" cannot be incremented: its newest value "
            + "has \(value.count) bytes, not 8")
      }
      let number = value.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let sum = Int64(bitPattern: number) &+ amount
      new.value = withUnsafeBytes(of: sum.bigEndian) { Array($0) }
    }
    // An append a rule may grow a value step by step: bounded as the encoder will bound it.
    guard new.value.count <= DataModelLimits.valueByteCount else {
      throw .invalid(
        code: "value_too_large",
        message: "an append makes a value of \(new.value.count) bytes; the limit is "
          + "\(DataModelLimits.valueByteCount)")
    }
    cells[column] = new
  }

  /// Family name order, then qualifiers.
  private var sorted: [(column: ColumnSelector, qualifier: [UInt8], cell: Cell)] {
    cells.map { (column: $0.key, qualifier: $0.key.qualifier ?? [], cell: $0.value) }
      .sorted { left, right in
        left.column.family != right.column.family
          ? left.column.family < right.column.family
          : left.qualifier.lexicographicallyPrecedes(right.qualifier)
      }
  }

  func mutations(of key: [UInt8]) -> MutationList {
    var list = MutationList()
    ByteView.of(key) { list.beginRow($0) }
    for (column, qualifier, cell) in sorted {
      ByteView.of(column.family) { family in
        ByteView.of(qualifier) { qualifier in
          ByteView.of(cell.value) { value in
            list.setCell(
              family: family, qualifier: qualifier,
              timestamp: Timestamp(microseconds: cell.time ?? now), value: value)
          }
        }
      }
    }
    return list
  }

  /// The answer: one cell a column, in cell order.
  func fill(_ row: RowBuffer, _ key: [UInt8]) {
    row.clear()
    row.schema = schema
    row.scratch.append(key)
    let sorted = sorted
    var places: [(qualifier: Range<Int>, value: Range<Int>)] = []
    for (_, qualifier, cell) in sorted {
      let start = row.scratch.count
      row.scratch.append(qualifier)
      let middle = row.scratch.count
      row.scratch.append(cell.value)
      places.append((qualifier: start..<middle, value: middle..<row.scratch.count))
    }
    let bytes = row.scratch.view
    row.key = bytes.prefix(key.count)
    for (entry, place) in zip(sorted, places) {
      let family = ByteView.of(entry.column.family) { schema.familyIndex(of: $0) }
      guard let family else { continue }
      row.cells.append(
        CellView(
          familyIndex: family, qualifier: bytes[place.qualifier],
          timestamp: Timestamp(microseconds: entry.cell.time ?? now), value: bytes[place.value]))
    }
  }
}
