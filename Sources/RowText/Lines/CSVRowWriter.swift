// Read rows as CSV records under chosen columns, newest cell of each: the inverse of CSVRowReader.

package import Bytes
package import DataModel
internal import JSON

/// Writes the records of one CSV stream; lines end in \n.
package struct CSVRowWriter: ~Copyable {
  private struct Column {
    let family: Int
    let qualifier: [UInt8]
    let type: ValueType?
  }

  private let schema: RowTextSchema
  private let columns: [Column]
  private var text = ByteBuffer()

  /// - Parameter columns: In the order of the fields; each names a qualifier, and a family of the
  ///   schema (others are left out).
  package init(_ schema: RowTextSchema, columns selected: [ColumnSelector]) {
    self.schema = schema
    columns = selected.compactMap { column in
      guard let qualifier = column.qualifier else { return nil }
      guard let family = schema.definition.families.firstIndex(where: { $0.name == column.family })
      else { return nil }
      let type = ByteView.of(qualifier) { schema.type(familyIndex: family, qualifier: $0) }
      return Column(family: family, qualifier: qualifier, type: type)
    }
  }

  /// Appends the header.
  package mutating func writeHeader(into out: inout ByteBuffer) {
    out.append("key")
    for column in columns {
      text.clear()
      text.append(schema.families[column.family].name)
      text.append(UInt8(ascii: ":"))
      ByteView.of(column.qualifier) { PlainValueWriter.append(bytes: $0, into: &text) }
      out.append(UInt8(ascii: ","))
      CSVFields.append(text.view, into: &out)
    }
    out.append(UInt8(ascii: "\n"))
  }

  /// Appends the row; cells outside of the columns are left out.
  package mutating func write(_ row: RowBuffer, into out: inout ByteBuffer) {
    text.clear()
    PlainValueWriter.append(bytes: row.key, into: &text)
    CSVFields.append(text.view, into: &out)
    for column in columns {
      out.append(UInt8(ascii: ","))
      let cell = row.cells.first { cell in
        cell.familyIndex == column.family
          && ByteView.of(column.qualifier) { $0 == cell.qualifier }
      }
      guard let cell else { continue }
      text.clear()
      PlainValueWriter.append(cell.value, as: column.type, into: &text)
      CSVFields.append(text.view, into: &out)
    }
    out.append(UInt8(ascii: "\n"))
  }
}
