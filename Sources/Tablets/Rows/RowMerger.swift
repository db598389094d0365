// Rows under compaction: how the entries of a row become one, and which cells the garbage
// collection rules let go. The engine calls it on flush, compaction and folding.
//
// A rule that dooms a cell dooms all older cells of the column (GCRule), so collecting cuts a
// column short. Where older entries of the row may exist elsewhere, the cut leaves a tombstone
// behind, or an overwritten cell of the same timestamp would come back.

package import Bytes
internal import DataModel
package import LSM
internal import Runtime

/// Combines packed rows under the table's current schema.
package final class RowMerger: ValueMerger {
  private let rules: CurrentRules
  private let time: any TimeSource
  let sizes: RowSizes

  init(rules: CurrentRules, time: any TimeSource, sizes: RowSizes) {
    self.rules = rules
    self.time = time
    self.sizes = sizes
  }

  package func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, newer: NewerEntries,
    into output: inout MergeOutput
  ) -> MergeOutcome {
    if key.isEmpty {
      return ProducerPositions.merge(operands, isOldest: isOldest, into: &output.bytes)
    }
    let work = MergeWork.kept(in: &output)
    let request = request(operands, work.rules(of: rules), isOldest: isOldest, newer)
    do {
      let outcome = try work.merge(key, operands, request, into: &output.bytes)
      output.hasCollected = work.hasCollected
      sizes.merged(key, byteCount: output.bytes.count)
      return outcome
    } catch {
      return keepDamaged(operands, isOldest: isOldest, into: &output.bytes)
    }
  }

  private func request(
    _ operands: [Operand], _ rules: RowRules, isOldest: Bool, _ newer: NewerEntries
  ) -> MergeRequest {
    MergeRequest(
      rules: rules, now: rules.dependsOnTime ? time.wallMicroseconds : 0,
      hidesOlder: operands.last.map { $0.kind.hidesOlder } ?? false, isOldest: isOldest,
      newer: newer)
  }

  /// Bytes that a whole row will have once all its operands, newest first, are merged.
  func byteCount(ofMerging operands: [Operand]) -> Int {
    let work = MergeWork(copiesValues: false)
    var merged = ByteBuffer(capacity: 4 << 10)
    let outcome = try? work.merge(
      ByteView(), operands, request(operands, rules.value, isOldest: true, .none), into: &merged)
    // Damaged operands are kept as they are; a read of the row reports them.
    return outcome == nil || outcome == .unchanged
      ? operands.reduce(0) { $0 + $1.value.count } : merged.count + work.skippedByteCount
  }

  /// Entries that passed their checksum and yet are no rows: nothing is dropped by guess. The
  /// unreadable entry takes the row's place, so that every read of the row reports it.
  private func keepDamaged(
    _ operands: [Operand], isOldest: Bool, into output: inout ByteBuffer
  ) -> MergeOutcome {
    output.clear()
    let damaged = operands.first { $0.kind != .delete && !MergeWork.isReadable($0.value) }
    output.append((damaged ?? operands[0]).value)
    return isOldest || operands.contains { $0.kind.hidesOlder } ? .put : .merge
  }
}

/// What one merge is to do.
struct MergeRequest {
  let rules: RowRules
  /// Microseconds; only meaningful when a rule depends on time.
  let now: Int64
  /// The oldest operand is a `put` or a `delete`.
  let hidesOlder: Bool
  let isOldest: Bool
  let newer: NewerEntries

  /// Nothing older matters: tombstones have done their work.
  var isComplete: Bool { hidesOlder || isOldest }
}

/// Scratch of one merge at a time, kept for the next.
final class MergeWork {
  private var narrow = NarrowMerge()
  private var families = FamilyMerge()
  private var column = ColumnMerge()
  private var writer: PackedRowWriter
  private var tombstones: ContiguousArray<TombstoneRange> = []
  /// Cells were dropped by a rule.
  private(set) var hasCollected = false
  private var horizon = CollectionHorizon()
  /// As long as the rules' change count stands.
  private var keptRules: (value: RowRules, changeCount: UInt64)?
  /// Bytes of the last output that were counted and not written.
  var skippedByteCount: Int { writer.skippedByteCount }

  /// - Parameter copiesValues: See `PackedRowWriter`.
  init(copiesValues: Bool = true) { writer = PackedRowWriter(copiesValues: copiesValues) }

  /// That of the merge before with the same output.
  static func kept(in output: inout MergeOutput) -> MergeWork {
    if let kept = output.scratch as? MergeWork { return kept }
    let work = MergeWork()
    output.scratch = work
    return work
  }

  /// The rules in force.
  func rules(of current: CurrentRules) -> RowRules {
    let changeCount = current.changeCount
    if let kept = keptRules, kept.changeCount == changeCount { return kept.value }
    let value = current.value
    keptRules = (value, changeCount)
    return value
  }

  func merge(
    _ key: ByteView, _ operands: [Operand], _ request: MergeRequest, into output: inout ByteBuffer
  ) throws(ByteReadError) -> MergeOutcome {
    hasCollected = false
    horizon.begin(key)
    if operands.count == 1, let outcome = try outcomeWithoutWork(operands[0], request) {
      return outcome
    }
    if let collected = try narrow.merge(operands, request, &horizon, &writer, into: &output) {
      hasCollected = collected
      return request.isComplete ? .put : .merge
    }
    try families.load(operands, request.rules)
    writer.begin(&output)
    let emptyCount = output.count
    for index in request.rules.indexesByID {
      let hasTombstone = families.select(family: index)
      if families.members.isEmpty { continue }
      try mergeFamily(
        request.rules.families[index], hasTombstone: hasTombstone, request, into: &output)
    }
    guard output.count == emptyCount else { return request.isComplete ? .put : .merge }
    if request.isOldest { return .nothing }
    if request.hidesOlder {
      output.clear()
      return .delete
    }
    return .merge
  }

  /// The outcome for a single entry that is in order as it is; nil when there is work to do.
  private func outcomeWithoutWork(
    _ operand: Operand, _ request: MergeRequest
  ) throws(ByteReadError) -> MergeOutcome? {
    if operand.kind == .delete { return request.isOldest ? .nothing : .unchanged }
    if operand.kind == .merge, request.isOldest { return nil }
    var reader = try PackedFamilyReader(operand.value)
    var position = 0
    let rules = request.rules
    var familyCount = 0
    while let (id, family) = try reader.next() {
      familyCount += 1
      while position < rules.families.count, rules.families[rules.indexesByID[position]].id < id {
        position += 1
      }
      guard position < rules.families.count else { return nil }
      let familyRules = rules.families[rules.indexesByID[position]]
      guard familyRules.id == id else { return nil }
      if request.isComplete, MergeWork.hasTombstones(family) { return nil }
      if try mayCollect(family, familyRules, request) { return nil }
    }
    // A whole row without families is a deleted row.
    return familyCount == 0 ? nil : .unchanged
  }

  private static func hasTombstones(_ family: PackedFamily) -> Bool {
    family.flags & (PackedRow.familyTombstone | PackedRow.hasColumnTombstones) != 0
  }

  /// Looks through a family for a doomed cell.
  private func mayCollect(
    _ family: PackedFamily, _ rules: FamilyRules, _ request: MergeRequest
  ) throws(ByteReadError) -> Bool {
    guard let gc = rules.gc else { return false }
    if rules.harmlessCellCount != nil, family.flags & PackedRow.hasManyCells == 0 { return false }
    var cursor = ColumnCursor(family)
    try cursor.next()
    while cursor.isValid {
      if let harmless = rules.harmlessCellCount, cursor.cellCount <= harmless {
        try cursor.next()
        continue
      }
      try column.begin(cursor)
      var count = 0
      while try column.next() { count += 1 }
      if count > 0,
        horizon.dooms(gc, rules, newerCount: count - 1, milliseconds: column.time, request)
      {
        return true
      }
      try cursor.next()
    }
    return false
  }

  private func mergeFamily(
    _ rules: FamilyRules, hasTombstone: Bool, _ request: MergeRequest,
    into output: inout ByteBuffer
  ) throws(ByteReadError) {
    let dropsTombstones = request.isComplete || hasTombstone
    if families.members.count == 1 {
      var only = families.members[0]
      let hasRanges = only.flags & PackedRow.hasColumnTombstones != 0
      if !(hasRanges && dropsTombstones), try !mayCollect(only, rules, request) {
        if request.isComplete { only.flags &= ~PackedRow.familyTombstone }
        if only.flags != 0 || !only.columns.isEmpty {
          writer.copyFamily(rules.id, only, to: &output)
        }
        return
      }
    }
    writer.beginFamily(rules.id, hasTombstone: hasTombstone && !request.isComplete)
    try families.beginColumns()
    while families.isAligned {
      try mergeColumn(rules, dropsTombstones: dropsTombstones, request)
      try families.nextColumn()
    }
    writer.endFamily(&output)
  }

  private func mergeColumn(
    _ rules: FamilyRules, dropsTombstones: Bool, _ request: MergeRequest
  ) throws(ByteReadError) {
    let first = families.columns[families.holders[0]]
    if families.holders.count == 1, !(first.hasTombstones && dropsTombstones),
      rules.gc == nil || first.cellCount <= rules.harmlessCellCount ?? 0
    {
      writer.copyColumn(first)
      return
    }
    try families.beginCells(&column)
    writer.beginColumn(first.qualifier)
    var count = 0
    var cut: TombstoneRange?
    while try column.next() {
      if let gc = rules.gc,
        horizon.dooms(gc, rules, newerCount: count, milliseconds: column.time, request)
      {
        hasCollected = true
        cut = TombstoneRange(start: 0, end: column.time + 1)
        break
      }
      count += 1
      if let combined = column.combined {
        withUnsafeBytes(of: combined.bigEndian) {
          writer.append(time: column.time, value: ByteView($0), kind: column.kind)
        }
      } else {
        writer.append(time: column.time, value: column.value, kind: column.kind)
      }
    }
    if dropsTombstones {
      writer.endColumn()
    } else {
      column.takeTombstones(adding: cut, into: &tombstones)
      writer.endColumn(tombstones: tombstones)
    }
  }

  /// Whether every family, column and cell of a packed row can be walked.
  static func isReadable(_ packed: ByteView) -> Bool {
    do throws(ByteReadError) {
      var reader = try PackedFamilyReader(packed)
      var column = ColumnMerge()
      while let (_, family) = try reader.next() {
        var cursor = ColumnCursor(family)
        try cursor.next()
        while cursor.isValid {
          try column.begin(cursor)
          while try column.next() {}
          try cursor.next()
        }
      }
      return true
    } catch {
      return false
    }
  }
}
