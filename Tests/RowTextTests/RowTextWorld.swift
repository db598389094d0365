// What the tests of this folder share: a table with every type, and a way to see a mutation list.

import Bytes
import DataModel
import JSON
import RowText
import TestSupport

/// A table with a family of each type.
enum RowTextWorld {
  static let definition = TypedTable.definition
  static let schema = RowTextSchema(definition)

  /// The rows that a list's mutations make of nothing: set and added cells in their order.
  static func rows(of list: borrowing MutationList) throws -> [RowBuffer] {
    var rows: [RowBuffer] = []
    var reader = ByteReader(list.encoded)
    while !reader.isAtEnd {
      let tag = try reader.byte()
      if tag == 0 {
        let row = RowBuffer()
        let key = try reader.lengthPrefixed()
        row.scratch.reserve(1 << 20)
        row.scratch.append(key)
        row.key = row.scratch.view
        rows.append(row)
        continue
      }
      if tag == 4 {
        rows.last?.pins.append(Deletion())
        continue
      }
      let family = try reader.lengthPrefixed()
      let qualifier = try reader.lengthPrefixed()
      let timestamp = Timestamp(microseconds: Int64(bitPattern: try reader.littleEndian64()))
      let value = tag == 5 ? swapped(try reader.bytes(8)) : try reader.lengthPrefixed().array
      guard let row = rows.last, let index = schema.familyIndex(named: family) else { continue }
      let start = row.scratch.count
      row.scratch.append(qualifier)
      row.scratch.append(value)
      row.cells.append(
        CellView(
          familyIndex: index, qualifier: row.scratch.view[start..<start + qualifier.count],
          timestamp: timestamp, value: row.scratch.view.dropFirst(start + qualifier.count)))
    }
    return rows
  }

  /// Marks a row whose mutations begin with a deletion of it.
  final class Deletion {}

  private static func swapped(_ bytes: ByteView) -> [UInt8] { bytes.array.reversed() }

  /// Reads one row of JSON and writes what it sets; or the error as `code line:column message`.
  static func roundTrip(_ text: String, shape: RowShape = .latest) -> String {
    ByteView.of(text) { view in
      var reader = RowJSONReader(schema)
      var list = MutationList()
      do {
        try reader.read(view, into: &list)
        return written(try rows(of: list), shape: shape)
      } catch let error as RowTextError {
        if !list.isEmpty || list.byteCount > 0 { return "the list is not as it was" }
        return "\(error.code.rawValue) \(error.line ?? 0):\(error.column ?? 0) \(error.message)"
      } catch {
        return "\(error)"
      }
    }
  }

  static func written(_ rows: [RowBuffer], shape: RowShape) -> String {
    var out = ByteBuffer()
    for row in rows {
      if row.pins.first is Deletion { out.append("deleted ") }
      RowJSONWriter.write(row, schema, shape: shape, into: &out)
    }
    return String(decoding: out.view.buffer, as: UTF8.self)
  }
}
