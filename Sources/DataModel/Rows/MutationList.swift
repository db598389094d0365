// The mutations of one or many rows, flat: what fronts write while parsing and tablets read when
// applying. No object a cell.
//
//   list     := row*
//   row      := 0x00 │ keyCount: varint │ key │ mutation*
//   mutation := tag: u8 (1…7) │ fields
//     1 setCell           family │ qualifier │ timestamp: i64 LE │ value
//     2 deleteFromColumn  family │ qualifier │ start: i64 LE │ end: i64 LE (Int64.max: open)
//     3 deleteFromFamily  family
//     4 deleteFromRow
//     5 addToCell         family │ qualifier │ timestamp: i64 LE │ input: i64 LE
//     6 mergeToCell       family │ qualifier │ timestamp: i64 LE │ state: bytes
//     7 increment / append do not appear here: they are ReadModifyWriteRule
//   family, qualifier, value, state := count: varint │ bytes
//
// In memory only; never persisted, never sent.

package import Bytes

/// Mutations in order, grouped by row. Limits are checked by whoever applies them.
package struct MutationList: ~Copyable, Sendable {
  package private(set) var rowCount = 0
  package private(set) var mutationCount = 0
  private var buffer: ByteBuffer

  package init(capacity: Int = 256) { buffer = ByteBuffer(capacity: capacity) }

  package var byteCount: Int { buffer.count }
  package var encoded: ByteView { buffer.view }
  package var isEmpty: Bool { rowCount == 0 }

  package mutating func clear() {
    buffer.clear(keepingAtMost: 1 << 20)
    rowCount = 0
    mutationCount = 0
  }

  /// A place in a list to come back to.
  package struct Mark: Sendable {
    fileprivate let byteCount: Int
    fileprivate let rowCount: Int
    fileprivate let mutationCount: Int
  }

  /// The list's end as it is now.
  package var mark: Mark {
    Mark(byteCount: buffer.count, rowCount: rowCount, mutationCount: mutationCount)
  }

  /// Forgets everything added since `mark`: a row turned out to be wrong half-way.
  package mutating func rollBack(to mark: Mark) {
    buffer.truncate(to: mark.byteCount)
    rowCount = mark.rowCount
    mutationCount = mark.mutationCount
  }

  /// Starts a row; the mutations that follow are its own.
  package mutating func beginRow(_ key: ByteView) {
    buffer.append(0 as UInt8)
    buffer.append(lengthPrefixed: key)
    rowCount += 1
  }

  package mutating func setCell(
    family: ByteView, qualifier: ByteView, timestamp: Timestamp, value: ByteView
  ) {
    begin(1, family: family, qualifier: qualifier)
    buffer.append(littleEndian: UInt64(bitPattern: timestamp.microseconds))
    buffer.append(lengthPrefixed: value)
  }

  /// Deletes the column's cells with timestamps in [start, end).
  package mutating func deleteFromColumn(
    family: ByteView, qualifier: ByteView, from start: Timestamp = Timestamp(microseconds: 0),
    to end: Timestamp? = nil
  ) {
    begin(2, family: family, qualifier: qualifier)
    buffer.append(littleEndian: UInt64(bitPattern: start.microseconds))
    buffer.append(littleEndian: UInt64(bitPattern: end?.microseconds ?? .max))
  }

  package mutating func deleteFromFamily(_ family: ByteView) {
    precondition(rowCount > 0, "a row comes first")
    buffer.append(3 as UInt8)
    buffer.append(lengthPrefixed: family)
    mutationCount += 1
  }

  package mutating func deleteFromRow() {
    precondition(rowCount > 0, "a row comes first")
    buffer.append(4 as UInt8)
    mutationCount += 1
  }

  package mutating func addToCell(
    family: ByteView, qualifier: ByteView, timestamp: Timestamp, input: Int64
  ) {
    begin(5, family: family, qualifier: qualifier)
    buffer.append(littleEndian: UInt64(bitPattern: timestamp.microseconds))
    buffer.append(littleEndian: UInt64(bitPattern: input))
  }

  package mutating func mergeToCell(
    family: ByteView, qualifier: ByteView, timestamp: Timestamp, state: ByteView
  ) {
    begin(6, family: family, qualifier: qualifier)
    buffer.append(littleEndian: UInt64(bitPattern: timestamp.microseconds))
    buffer.append(lengthPrefixed: state)
  }

  private mutating func begin(_ tag: UInt8, family: ByteView, qualifier: ByteView) {
    precondition(rowCount > 0, "a row comes first")
    buffer.reserve(48 + family.count + qualifier.count)
    buffer.append(tag)
    buffer.append(lengthPrefixed: family)
    buffer.append(lengthPrefixed: qualifier)
    mutationCount += 1
  }
}
