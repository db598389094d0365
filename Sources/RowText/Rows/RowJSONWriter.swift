// A read row as JSON, the canonical form: key first, families and qualifiers in byte order, no
// whitespace, strings escaped only where they must be. Equal rows have equal bytes.
//
//   latest    {"key":"k","families":{"s":{"model":"v1","score":712}}}
//   versions  {"key":"k","families":{"s":{"score":[{"value":712,"timestamp":1756695600000000}]}}}
//
// `latest` shows the newest cell of each column; `versions` all cells, newest first,
// and after its timestamp the `"label"` that a filter has given a cell.

package import Bytes
package import DataModel
internal import JSON

/// Which cells of a column are shown, and how.
package enum RowShape: Sendable {
  case latest, versions
}

/// Writes rows; nothing is allocated per cell.
package enum RowJSONWriter {
  /// Appends the row, without a line end.
  ///
  /// - Parameter row: Its `familyIndex`es count the families of the schema's definition: where rows
  ///   name the `TableSchema` they were read under, make a `RowTextSchema` for each version of it.
  package static func write(
    _ row: RowBuffer, _ schema: RowTextSchema, shape: RowShape, into out: inout ByteBuffer
  ) {
    out.append("{\"key\":")
    ValueText.append(row.key, as: nil, into: &out)
    out.append(",\"families\":{")
    switch shape {
    case .latest: writeLatest(row.cells, schema, into: &out)
    case .versions: writeVersions(row, schema, into: &out)
    }
    out.append("}}")
  }

  private static func writeLatest(
    _ cells: ContiguousArray<CellView>, _ schema: RowTextSchema, into out: inout ByteBuffer
  ) {
    var family = -1
    var qualifier = ByteView()
    for cell in cells {
      if cell.familyIndex != family {
        beginFamily(cell.familyIndex, after: family, schema, into: &out)
        family = cell.familyIndex
      } else if cell.qualifier == qualifier {
        continue
      } else {
        out.append(UInt8(ascii: ","))
      }
      qualifier = cell.qualifier
      ValueText.append(qualifier: qualifier, into: &out)
      out.append(UInt8(ascii: ":"))
      let type = schema.type(familyIndex: family, qualifier: qualifier)
      ValueText.append(cell.value, as: type, into: &out)
    }
    if family >= 0 { out.append(UInt8(ascii: "}")) }
  }

  private static func writeVersions(
    _ row: RowBuffer, _ schema: RowTextSchema, into out: inout ByteBuffer
  ) {
    var family = -1
    var qualifier = ByteView()
    var type: ValueType?
    for cell in row.cells {
      let isNewFamily = cell.familyIndex != family
      if isNewFamily || cell.qualifier != qualifier {
        if family >= 0 { out.append(UInt8(ascii: "]")) }
        if isNewFamily {
          beginFamily(cell.familyIndex, after: family, schema, into: &out)
          family = cell.familyIndex
        } else {
          out.append(UInt8(ascii: ","))
        }
        qualifier = cell.qualifier
        type = schema.type(familyIndex: family, qualifier: qualifier)
        ValueText.append(qualifier: qualifier, into: &out)
        out.append(":[")
      } else {
        out.append(UInt8(ascii: ","))
      }
      out.append("{\"value\":")
      ValueText.append(cell.value, as: type, into: &out)
      out.append(",\"timestamp\":")
      out.append(decimal: cell.timestamp.microseconds)
      if cell.label != 0, let label = row.label(of: cell) {
        out.append(",\"label\":")
        ByteView.of(label) { ValueText.append($0, as: .utf8, into: &out) }
      }
      out.append(UInt8(ascii: "}"))
    }
    if family >= 0 { out.append("]}") }
  }

  private static func beginFamily(
    _ index: Int, after previous: Int, _ schema: RowTextSchema, into out: inout ByteBuffer
  ) {
    if previous >= 0 { out.append("},") }
    out.append(schema.families[index].jsonName)
    out.append(":{")
  }
}
