// A row as a read produces it: cell records that point into blocks, memtables or the buffer's own
// scratch. Reused from row to row; nothing is allocated per cell once it has warmed up.

public import Bytes

/// One cell of a read row.
@frozen @usableFromInline
package struct CellView: Sendable {
  @usableFromInline let family: UInt32
  /// Which of the row's labels a filter has given it: its place in `RowBuffer.labels` plus one; 0
  /// for none.
  @usableFromInline package let label: UInt32
  @usableFromInline package let qualifier: ByteView
  @usableFromInline package let timestamp: Timestamp
  @usableFromInline package let value: ByteView

  /// Index into the table schema's families (name order).
  @inlinable package var familyIndex: Int { @inline(__always) get { Int(family) } }

  @inlinable @inline(__always)
  package init(
    familyIndex: Int, qualifier: ByteView, timestamp: Timestamp, value: ByteView, label: UInt32 = 0
  ) {
    family = UInt32(truncatingIfNeeded: familyIndex)
    self.label = label
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
  /// What a filter has marked cells with; `CellView.label` counts in it.
  package var labels: [String] = []
  /// Cells that a filter has looked at in all rows so far.
  package var filteredCellCount = 0
  /// Bytes that had to be copied (merged values, keys); cells may point into it.
  package var scratch = ByteBuffer()
  /// Whatever keeps the bytes behind `cells` alive.
  package var pins: [AnyObject] = []
  /// Working state of whoever fills the buffer, kept from row to row.
  package var workspace: (any RowWorkspace)?

  package init() {}

  /// The label of a cell; nil for most.
  package func label(of cell: CellView) -> String? {
    cell.label > 0 && cell.label <= labels.count ? labels[Int(cell.label) - 1] : nil
  }

  /// What `CellView.label` is of cells with this label.
  package func number(ofLabel text: String) -> UInt32 {
    let place = labels.firstIndex(of: text) ?? labels.count
    if place == labels.count { labels.append(text) }
    return UInt32(truncatingIfNeeded: place + 1)
  }

  /// Drops the row's cells and keeps schema and pins: a scan goes on with the same ones.
  package func clearCells() {
    key = ByteView()
    // One cell is taken away with less ado than all of several.
    if cells.count == 1 {
      cells.removeLast()
    } else if !cells.isEmpty {
      cells.removeAll(keepingCapacity: true)
    }
    if !labels.isEmpty { labels = [] }
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
