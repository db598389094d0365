// Writes packed rows (the bytes are drawn in PackedRow.swift), family by family, column by column.
// Lengths precede what they count, so families and columns grow in buffers of their own.

internal import Bytes
internal import DataModel

/// Builds one packed row after another; keeps its buffers, unless a large row has made them large.
struct PackedRowWriter: ~Copyable {
  private static let keptByteCount = 1 << 20

  /// False: values are counted and not written, for who only wants to know a row's bytes.
  private let copiesValues: Bool
  /// Bytes counted and not written: of the column, the family, the row.
  private var columnSkipped = 0
  private var familySkipped = 0
  private(set) var skippedByteCount = 0
  private var family = ByteBuffer()
  private var column = ByteBuffer()
  private var familyID: UInt32 = 0
  private var flags: UInt8 = 0
  private var qualifier = ByteView()
  private var cellCount = 0
  private var lastTime: Int64 = 0
  private var ranges = ByteBuffer()

  init(copiesValues: Bool = true) { self.copiesValues = copiesValues }

  /// Starts a row.
  mutating func begin(_ output: inout ByteBuffer) {
    skippedByteCount = 0
    output.append(PackedRow.version)
  }

  /// - Precondition: ids ascend within a row.
  mutating func beginFamily(_ id: UInt32, hasTombstone: Bool) {
    family.clear()
    familySkipped = 0
    familyID = id
    flags = hasTombstone ? PackedRow.familyTombstone : 0
  }

  /// Ends the family; writes nothing when it has neither columns nor a tombstone.
  mutating func endFamily(_ output: inout ByteBuffer) {
    if family.isEmpty, familySkipped == 0, flags == 0 { return }
    skippedByteCount += familySkipped
    PackedRowWriter.appendFamily(
      familyID, flags: flags, columns: family.view, skipped: familySkipped, to: &output)
    family.clear(keepingAtMost: PackedRowWriter.keptByteCount)
  }

  /// Writes a family as it lies in another row.
  mutating func copyFamily(_ id: UInt32, _ source: PackedFamily, to output: inout ByteBuffer) {
    let skipped = copiesValues ? 0 : source.columns.count
    skippedByteCount += skipped
    PackedRowWriter.appendFamily(
      id, flags: source.flags, columns: source.columns.dropFirst(skipped), skipped: skipped,
      to: &output)
  }

  private static func appendFamily(
    _ id: UInt32, flags: UInt8, columns: ByteView, skipped: Int, to output: inout ByteBuffer
  ) {
    output.reserve(21 + columns.count)
    output.append(varint: UInt64(id))
    output.append(varint: columns.count + skipped + 1)
    output.append(flags)
    output.append(columns)
  }

  /// The view must stay valid until `endColumn`. Cells come newest first.
  ///
  /// - Precondition: qualifiers ascend within a family.
  mutating func beginColumn(_ qualifier: ByteView) {
    self.qualifier = qualifier
    column.clear()
    columnSkipped = 0
    cellCount = 0
  }

  @inline(__always)
  mutating func append(time: Int64, value: ByteView, kind: CellKind) {
    if cellCount == 0 {
      precondition(time >= 0, "times are not negative")
      column.append(varint: UInt64(time))
    } else {
      precondition(time < lastTime, "cells are newest first")
      column.append(varint: UInt64(lastTime &- time))
    }
    switch kind {
    case .value:
      column.append(varint: UInt64(value.count) << 1)
      if copiesValues { column.append(value) } else { columnSkipped &+= value.count }
    case .delta(let aggregate):
      precondition(value.count == 8, "a delta is an int64")
      column.append(varint: UInt64(PackedRow.deltaByteCount) << 1 | 1)
      column.append(aggregate.tag)
      column.append(value)
    }
    lastTime = time
    cellCount &+= 1
  }

  /// Ends the column; writes nothing when it has no cells.
  @inline(__always)
  mutating func endColumn() {
    if cellCount == 0 { return }
    writeColumn(head: UInt64(cellCount) << 1)
  }

  /// Ends the column with its tombstones; writes nothing when it has neither.
  ///
  /// - Precondition: ascending, disjoint, not touching, none empty.
  mutating func endColumn(tombstones: ContiguousArray<TombstoneRange>) {
    if tombstones.isEmpty { return endColumn() }
    ranges.clear()
    ranges.append(varint: tombstones.count)
    var last: Int64 = 0
    for range in tombstones {
      precondition(range.start >= last && range.end > range.start, "tombstones ascend")
      ranges.append(varint: UInt64(range.start - last))
      ranges.append(varint: range.end == PackedRow.openEnd ? 0 : UInt64(range.end - range.start))
      last = range.end
    }
    flags |= PackedRow.hasColumnTombstones
    writeColumn(head: UInt64(cellCount) << 1 | 1)
    ranges.clear(keepingAtMost: 1 << 16)
  }

  private mutating func writeColumn(head: UInt64) {
    let byteCount = ranges.count + column.count + columnSkipped
    family.reserve(30 + qualifier.count + ranges.count + column.count)
    family.append(lengthPrefixed: qualifier)
    family.append(varint: head)
    if head != PackedRow.singleCellHead { family.append(varint: byteCount) }
    family.append(ranges.view)
    family.append(column.view)
    familySkipped &+= columnSkipped
    column.clear(keepingAtMost: PackedRowWriter.keptByteCount)
    if cellCount > 1 { flags |= PackedRow.hasManyCells }
  }

  /// Writes a column of one cell.
  ///
  /// - Parameters:
  ///   - cell: As it lies in another row.
  ///   - floor: Where its only tombstone ends, which begins with time; 0 for none.
  mutating func copyCell(_ cell: ByteView, of qualifier: ByteView, floor: Int64) {
    family.append(lengthPrefixed: qualifier)
    if floor > 0 {
      ranges.clear()
      ranges.append(varint: 1)
      ranges.append(varint: 0)
      ranges.append(varint: UInt64(floor))
      family.append(varint: PackedRow.singleCellHead | 1)
      family.append(varint: ranges.count + cell.count)
      family.append(ranges.view)
      ranges.clear()
      flags |= PackedRow.hasColumnTombstones
    } else {
      family.append(varint: PackedRow.singleCellHead)
    }
    if copiesValues { family.append(cell) } else { familySkipped += cell.count }
  }

  /// Writes a column as it lies in another row.
  mutating func copyColumn(_ source: borrowing ColumnCursor) {
    if copiesValues {
      family.append(source.bytes)
    } else {
      familySkipped += source.bytes.count
    }
    if source.hasTombstones { flags |= PackedRow.hasColumnTombstones }
    if source.cellCount > 1 { flags |= PackedRow.hasManyCells }
  }
}
