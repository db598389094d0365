// Rows that only set cells, each in a column of its own and in order: what nearly all writers send.
// Nothing is to be sorted or dropped then, so that every length is known before the first byte is
// written, and the packed row (drawn in PackedRow.swift) goes straight into the batch.

internal import Bytes
internal import DataModel
internal import LSM

/// Collects a row's cells while it stays plain. Reused from row to row. Memory of its own and no
/// arrays: those count references and ask who else has them, for every cell.
struct PlainRow: ~Copyable {
  private struct Cell {
    let qualifier: ByteView
    let value: ByteView
    /// Milliseconds.
    let time: UInt64
  }

  private struct Family {
    let id: UInt32
    /// Of its columns.
    var byteCount: Int
    /// Where its cells end among the row's.
    var end: Int
  }

  private var cells: UnsafeMutablePointer<Cell>
  private var cellCapacity = 16
  private(set) var cellCount = 0
  private let families: UnsafeMutablePointer<Family>
  private var familyCount = 0
  /// Newest cell, milliseconds; -1 without cells.
  private(set) var maxTime: Int64 = -1

  /// Above this a row is sorted out in the general way: what is kept here stays small.
  private static let cellLimit = 4_096

  init() {
    // Both hold plain values, which need no end.
    cells = .allocate(capacity: cellCapacity)
    families = .allocate(capacity: DataModelLimits.familyCount)
  }

  deinit {
    cells.deallocate()
    families.deallocate()
  }

  mutating func removeAll() {
    cellCount = 0
    familyCount = 0
    maxTime = -1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Cell>.allocate(capacity: cellCapacity * 2)
    larger.moveInitialize(from: cells, count: cellCount)
    cells.deallocate()
    cells = larger
    cellCapacity *= 2
  }

  /// Adds a cell behind the others. The views must last until `write`.
  ///
  /// - Parameter time: Milliseconds, not negative.
  /// - Returns: False when the row is not plain with it; it is not added then.
  @inline(__always)
  mutating func append(
    _ family: UInt32, _ qualifier: ByteView, time: Int64, value: ByteView
  ) -> Bool {
    let time64 = UInt64(bitPattern: time)
    let count = cellCount
    guard count < PlainRow.cellLimit else { return false }
    let byteCount =
      qualifier.count &+ value.count &+ 1 &+ ByteBuffer.size(varint: UInt64(qualifier.count))
      &+ ByteBuffer.size(varint: time64) &+ ByteBuffer.size(varint: UInt64(value.count) &<< 1)
    let last = familyCount &- 1
    if last >= 0, families[last].id >= family {
      guard families[last].id == family, cells[count &- 1].qualifier.compare(qualifier) < 0 else {
        return false
      }
      families[last].byteCount &+= byteCount
      families[last].end = count &+ 1
    } else {
      guard familyCount < DataModelLimits.familyCount else { return false }
      (families + familyCount).initialize(
        to: Family(id: family, byteCount: byteCount, end: count &+ 1))
      familyCount &+= 1
    }
    if count == cellCapacity { grow() }
    (cells + count).initialize(to: Cell(qualifier: qualifier, value: value, time: time64))
    cellCount = count &+ 1
    maxTime = max(maxTime, time)
    return true
  }

  /// Bytes of the packed row.
  var byteCount: Int {
    var total = 1
    for index in 0..<familyCount {
      let family = families[index]
      total &+=
        ByteBuffer.size(varint: UInt64(family.id)) &+ family.byteCount &+ 1
        &+ ByteBuffer.size(varint: UInt64(family.byteCount) &+ 1)
    }
    return total
  }

  /// Appends the packed row.
  func write(to output: inout ByteBuffer) {
    output.append(PackedRow.version)
    var index = 0
    for number in 0..<familyCount {
      let family = families[number]
      output.append(varint: UInt64(family.id))
      output.append(varint: UInt64(family.byteCount) &+ 1)
      output.append(0 as UInt8)
      while index < family.end {
        let cell = cells[index]
        output.append(lengthPrefixed: cell.qualifier)
        output.append(varint: PackedRow.singleCellHead)
        output.append(varint: cell.time)
        output.append(varint: UInt64(cell.value.count) &<< 1)
        output.append(cell.value)
        index &+= 1
      }
    }
  }
}
