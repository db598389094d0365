// A row as JSON, turned into mutations of it.
//
//   {"key": K, "timestamp"?: µs, "delete"?: true,
//    "families"?: {F: {Q: value | [{"value": value, "timestamp"?: µs}, …]}}}
//
// Members come in any order; `timestamp` holds for the cells without their own, which else take
// the server's clock. `delete` empties the row before the cells given are set. In a json column an
// array is a list of versions when every element has exactly `value` and `timestamp`, else the
// value itself. A value for an aggregate family is added to its cell. Types: ValueText.

package import Bytes
package import DataModel
internal import JSON

/// Reads rows; keep one for a stream of them.
package struct RowJSONReader: ~Copyable {
  private var outer = JSONReader(ByteView())
  private var inner = JSONReader(ByteView())
  private var keyBytes = ByteBuffer()
  private var cells: RowCellReader

  private let timestamp: Timestamp

  /// - Parameter timestamp: For rows without their own.
  package init(_ schema: RowTextSchema, timestamp: Timestamp = .server) {
    cells = RowCellReader(schema)
    self.timestamp = timestamp
  }

  /// Appends the row's mutations to the list. After an error the list is as it was.
  ///
  /// - Parameters:
  ///   - text: One JSON object and nothing more.
  ///   - line: Number of the text's first line, for errors.
  ///   - key: The row's key where the address names it; `key` in the text may then be missing and
  ///     must else be the same.
  ///   - isReplacing: Empties the row first, as `"delete": true` does.
  ///   - nullDeletes: A null in place of a column's value deletes the column, also a json one.
  package mutating func read(
    _ text: ByteView, line: Int = 1, key: ByteView? = nil, isReplacing: Bool = false,
    nullDeletes: Bool = false, into list: inout MutationList
  ) throws(RowTextError) {
    cells.nullDeletes = nullDeletes
    let mark = list.mark
    let earlierCount = list.mutationCount
    do {
      outer.reset(to: text)
      var row = Row(
        key: key, addressed: key, isDeleted: isReplacing, timestamp: timestamp)
      try readMembers(&row, into: &list)
      if list.mutationCount == earlierCount {
        throw RowTextError(
          .invalidRow, "nothing to write: give \"families\" with values, or \"delete\": true",
          line: 1, column: 1)
      }
    } catch {
      list.rollBack(to: mark)
      throw RowTextError.folded(error, line: line)
    }
  }

  /// What is known of a row so far.
  private struct Row {
    var key: ByteView?
    let addressed: ByteView?
    var isDeleted: Bool
    var timestamp: Timestamp
    var hasOwnKey = false
    /// Where `families` begins in the text.
    var familiesOffset: Int?
    /// The cells are in the list already.
    var areCellsRead = false
  }

  private mutating func readMembers(_ row: inout Row, into list: inout MutationList) throws {
    let mark = list.mark
    var mustRepeat = false
    try outer.beginObject()
    while let name = try outer.nextMember() {
      if name.spells("key") {
        try readKey(&row)
      } else if name.spells("families") {
        if row.familiesOffset != nil {
          throw outer.refusal(.invalidRow, at: outer.offset, "\"families\" is given twice")
        }
        row.familiesOffset = outer.offset
        if let key = row.key {
          beginRow(key, row, in: &list)
          try cells.readFamilies(from: &outer, row.timestamp, into: &list)
          row.areCellsRead = true
        } else {
          try outer.skipValue()
        }
      } else if name.spells("timestamp") {
        row.timestamp = try ValueText.readTimestamp(from: &outer)
        mustRepeat = row.areCellsRead
      } else if name.spells("delete") {
        row.isDeleted = try outer.boolean() || row.isDeleted
        mustRepeat = row.areCellsRead
      } else {
        throw outer.refusal(
          .invalidRow, at: outer.offset,
          "'\(name)' is no member of a row: key, timestamp, delete, families")
      }
    }
    try outer.finish()
    guard let key = row.key else {
      throw RowTextError(.invalidRowKey, "the row has no \"key\"", line: 1, column: 1)
    }
    if row.areCellsRead, !mustRepeat { return }
    list.rollBack(to: mark)
    beginRow(key, row, in: &list)
    if let offset = row.familiesOffset {
      inner.reset(to: outer.text, startingAt: offset)
      try cells.readFamilies(from: &inner, row.timestamp, into: &list)
    }
  }

  private mutating func readKey(_ row: inout Row) throws {
    let start = outer.offset
    if row.hasOwnKey { throw outer.refusal(.invalidRow, at: start, "\"key\" is given twice") }
    let key = try ValueText.readKey(from: &outer, into: &keyBytes)
    if let addressed = row.addressed, addressed != key {
      throw outer.refusal(
        .invalidRowKey, at: start,
        "the body's key '\(key)' is not the key of the address, '\(addressed)'")
    }
    row.key = key
    row.hasOwnKey = true
  }

  private func beginRow(_ key: ByteView, _ row: Row, in list: inout MutationList) {
    list.beginRow(key)
    if row.isDeleted { list.deleteFromRow() }
  }
}
