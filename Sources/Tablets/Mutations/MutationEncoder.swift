// Mutations become packed rows, and requests are checked: the one place, shared by all fronts,
// where family names, key, qualifier and value limits, timestamps and declared types are looked at.
//
// A row's mutations apply in order, so a deletion hides what was set before it in the same list;
// what is left is the normal form of PackedRow. Most rows only set cells, in order: those are
// PlainRows, and go straight into the batch.

internal import Bytes
internal import DataModel
internal import LSM

/// Encodes rows; keeps its buffers from row to row and from request to request.
final class MutationEncoder: @unchecked Sendable {
  // Sendable: handed from thread to thread by its pool's lock, used by one at a time.
  private var plain = PlainRow()
  private var items = RowItems()
  private var writer = PackedRowWriter()
  private var packed = ByteBuffer()
  /// Of the plain row that has been begun.
  private var plainKey = ByteView()
  private var lastFamily = 0

  /// Counts of one request.
  struct Tally {
    var cells: UInt64 = 0
    var deletions: UInt64 = 0
    /// Milliseconds.
    var maxTime: Int64 = -1
    /// Bytes of the largest change of a row.
    var largestChange = 0

    mutating func add(_ other: Tally) {
      cells += other.cells
      deletions += other.deletions
      maxTime = max(maxTime, other.maxTime)
      largestChange = max(largestChange, other.largestChange)
    }
  }
  private(set) var tally = Tally()

  init() {}

  func beginRequest() { tally = Tally() }

  /// Reads one row (after its 0x00) from a `MutationList` and appends its entry to `batch`.
  ///
  /// - Parameters:
  ///   - now: Microseconds; server timestamps are this, cut to milliseconds.
  ///   - admission: Asked last, where the row's limit can be looked at.
  /// - Throws: Why the row is refused; the batch is as before, the reader after the row.
  func encodeRow(
    _ reader: inout MutationListReader, _ rules: RowRules, now: Int64,
    admission: RowAdmission? = nil, into batch: inout WriteBatch
  ) throws(TableServiceError) {
    if admission == nil {
      let start = reader
      if encodePlainRow(&reader, rules, now: now, into: &batch) { return }
      reader = start
    }
    let key = reader.beginRow()
    items.removeAll()
    var refusal: TableServiceError?
    do throws(TableServiceError) { try MutationEncoder.check(key: key) } catch { refusal = error }
    var mutationCount = 0
    while let mutation = reader.nextMutation() {
      mutationCount += 1
      if refusal != nil { continue }
      do throws(TableServiceError) { try add(mutation, rules, now: now) } catch {
        refusal = error
      }
    }
    if let refusal { throw refusal }
    if mutationCount == 0 {
      throw .invalid(code: "no_mutations", message: "row \"\(key)\": no mutations provided")
    }
    items.normalize()
    if items.isVoid { return }
    defer { packed.clear(keepingAtMost: 1 << 20) }
    items.write(&writer, into: &packed)
    guard packed.count <= DataModelLimits.rowByteCount else {
      throw .invalid(
        code: "row_too_large",
        message: "row \"\(key)\": \(packed.count) bytes in one change; the limit is "
          + "\(DataModelLimits.rowByteCount)")
    }
    let kind: EntryKind =
      items.deletesRow ? (items.cellCount == 0 ? .delete : .put) : .merge
    let value = kind == .delete ? ByteView() : packed.view
    try admission?.check(kind, key, value)
    tally.cells += UInt64(items.cellCount)
    tally.deletions += UInt64(items.deletionCount)
    tally.maxTime = max(tally.maxTime, items.maxTime)
    tally.largestChange = max(tally.largestChange, value.count)
    batch.append(kind, key: key, value: value)
  }

  // MARK: - Plain rows

  /// The same for a plain row.
  ///
  /// - Returns: False when it is none or would be refused; the batch is as before.
  private func encodePlainRow(
    _ reader: inout MutationListReader, _ rules: RowRules, now: Int64, into batch: inout WriteBatch
  ) -> Bool {
    guard beginPlainRow(reader.beginRow()) else { return false }
    while let mutation = reader.nextMutation() {
      guard case .setCell(let family, let qualifier, let timestamp, let value) = mutation,
        setPlainCell(family, qualifier, timestamp, value, rules, now: now)
      else { return false }
    }
    return endPlainRow(into: &batch)
  }

  /// Begins a row that sets cells in order. Each of the three says false where a row is not plain,
  /// or would be refused: then `encodeRow` is to be asked.
  @inline(__always)
  func beginPlainRow(_ key: ByteView) -> Bool {
    plain.removeAll()
    plainKey = key
    return !key.isEmpty && key.count <= DataModelLimits.rowKeyByteCount
  }

  /// The views must last until the row's end.
  @inline(__always)
  func setPlainCell(
    _ familyName: ByteView, _ qualifier: ByteView, _ timestamp: Timestamp, _ value: ByteView,
    _ rules: RowRules, now: Int64
  ) -> Bool {
    do throws(TableServiceError) {
      let family = try family(familyName, rules)
      try check(qualifier, family)
      guard family.aggregate == nil else { return false }
      try MutationRefusal.checkType(value, family, qualifier)
      return plain.append(
        family.id, qualifier, time: try time(timestamp, family, qualifier, now: now), value: value)
    } catch {
      return false
    }
  }

  @inline(__always)
  func endPlainRow(into batch: inout WriteBatch) -> Bool {
    let byteCount = plain.byteCount
    guard plain.cellCount > 0, byteCount <= DataModelLimits.rowByteCount else { return false }
    batch.append(.merge, key: plainKey, valueByteCount: byteCount) { plain.write(to: &$0) }
    tally.cells &+= UInt64(plain.cellCount)
    tally.maxTime = max(tally.maxTime, plain.maxTime)
    tally.largestChange = max(tally.largestChange, byteCount)
    return true
  }

  // MARK: - Checks

  /// 1 to 4,096 bytes.
  static func check(key: ByteView) throws(TableServiceError) {
    guard key.isEmpty || key.count > DataModelLimits.rowKeyByteCount else { return }
    throw .invalid(
      code: "invalid_row_key",
      message: key.isEmpty
        ? "row keys must be non-empty"
        : "a row key has \(key.count) bytes; the limit is \(DataModelLimits.rowKeyByteCount)")
  }

  private func add(
    _ mutation: MutationListReader.Mutation, _ rules: RowRules, now: Int64
  ) throws(TableServiceError) {
    switch mutation {
    case .setCell(let name, let qualifier, let timestamp, let value):
      let family = try family(name, rules)
      try check(qualifier, family)
      guard family.aggregate == nil else { throw MutationRefusal.notPlain(family, qualifier) }
      try MutationRefusal.checkType(value, family, qualifier)
      let time = try time(timestamp, family, qualifier, now: now)
      items.append(cell: family.id, qualifier, time: time, value: value)
    case .deleteFromColumn(let name, let qualifier, let start, let end):
      let family = try family(name, rules)
      try check(qualifier, family)
      let range = try MutationRefusal.range(from: start, to: end, family, qualifier)
      items.append(tombstone: family.id, qualifier, range)
    case .deleteFromFamily(let name):
      items.deleteFamily(try family(name, rules).id)
    case .deleteFromRow:
      items.deleteRow()
    case .addToCell(let name, let qualifier, let timestamp, let input):
      let family = try family(name, rules)
      try check(qualifier, family)
      guard let aggregate = family.aggregate else {
        throw MutationRefusal.notAggregate(family, qualifier)
      }
      let time = try time(timestamp, family, qualifier, now: now)
      items.append(delta: family.id, qualifier, time: time, input, aggregate)
    case .mergeToCell(let name, let qualifier, let timestamp, let state):
      let family = try family(name, rules)
      try check(qualifier, family)
      guard let aggregate = family.aggregate else {
        throw MutationRefusal.notAggregate(family, qualifier)
      }
      let time = try time(timestamp, family, qualifier, now: now)
      if state.isEmpty { return }
      guard state.count == 8 else {
        throw MutationRefusal.wrongType(family, qualifier, expected: .int64, found: state.count)
      }
      let input = Int64(bitPattern: state.bigEndian64(at: 0))
      items.append(delta: family.id, qualifier, time: time, input, aggregate)
    }
  }

  /// The family of this name; most mutations name the one before.
  @inline(__always)
  private func family(
    _ name: ByteView, _ rules: RowRules
  ) throws(TableServiceError) -> FamilyRules {
    if lastFamily < rules.families.count {
      let family = rules.families[lastFamily]
      if family.name == name { return family }
    }
    guard let index = rules.schema.familyIndex(of: name) else {
      throw .unknownFamily(name.description, table: rules.schema.definition.name)
    }
    lastFamily = index
    return rules.families[index]
  }

  @inline(__always)
  private func check(_ qualifier: ByteView, _ family: FamilyRules) throws(TableServiceError) {
    guard qualifier.count > DataModelLimits.qualifierByteCount else { return }
    throw .invalid(
      code: "invalid_qualifier",
      message: "family \"\(family.definition.name)\": a qualifier has \(qualifier.count) bytes; "
        + "the limit is \(DataModelLimits.qualifierByteCount)")
  }

  /// Milliseconds of a cell's timestamp.
  @inline(__always)
  private func time(
    _ timestamp: Timestamp, _ family: FamilyRules, _ qualifier: ByteView, now: Int64
  ) throws(TableServiceError) -> Int64 {
    if timestamp.microseconds == Timestamp.server.microseconds { return max(0, now) / 1_000 }
    let (time, rest) = timestamp.microseconds.quotientAndRemainder(dividingBy: 1_000)
    guard rest == 0, time >= 0 else {
      throw MutationRefusal.timestamp(timestamp, family, qualifier)
    }
    return time
  }
}
