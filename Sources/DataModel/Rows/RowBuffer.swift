// A row as a read produces it: cell records that point into blocks, memtables or the buffer's own
// scratch. Reused from row to row; nothing is allocated per cell once it has warmed up.

package import Bytes

/// One cell of a read row.
@frozen
package struct CellView: Sendable {
  /// Index into the table schema's families (name order).
  package let familyIndex: Int
  package let qualifier: ByteView
  package let timestamp: Timestamp
  package let value: ByteView
  @inlinable package init(
    familyIndex: Int, qualifier: ByteView, timestamp: Timestamp, value: ByteView
  ) {
    self.familyIndex = familyIndex
    self.qualifier = qualifier
    self.timestamp = timestamp
    self.value = value
  }
}

/// What a reader keeps with a buffer between rows: compiled options, lists with their storage.
package protocol RowWorkspace: AnyObject {
  /// Lets go of whatever keeps the last row's bytes alive; called when the buffer is cleared.
  func release()
}

/// A row being read: key, then cells by family (name order), qualifier, newest first.
///
/// Views are valid until the buffer is cleared or read into again. One thread at a time.
package final class RowBuffer: @unchecked Sendable {
  package var key = ByteView()
  /// The schema that `familyIndex` counts in: the one the row was read under.
  package var schema: TableSchema?
  package var cells: ContiguousArray<CellView> = []
  /// Bytes that had to be copied (merged values, keys); cells may point into it.
  package var scratch = ByteBuffer()
  /// Whatever keeps the bytes behind `cells` alive.
  package var pins: [AnyObject] = []
  /// Working state of whoever fills the buffer, kept from row to row.
  package var workspace: (any RowWorkspace)?

  package init() {}

  /// Drops the row's cells and keeps schema and pins: a scan goes on with the same ones.
  package func clearCells() {
    key = ByteView()
    if !cells.isEmpty { cells.removeAll(keepingCapacity: true) }
    scratch.clear(keepingAtMost: 1 << 20)
  }

  package func clear() {
    clearRow()
    schema = nil
    workspace?.release()
  }

  /// The same, for whoever has the workspace and sees to it and to the schema.
  package func clearRow() {
    clearCells()
    if !pins.isEmpty { pins.removeAll(keepingCapacity: true) }
  }
}
