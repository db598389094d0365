// A table definition prepared for turning cells into text and back: family names as bytes, value
// types found without hashing or strings.

package import Bytes
package import DataModel
internal import JSON

/// Families and value types of one table, ready for the hot path. Make one a table, keep it.
package final class RowTextSchema: Sendable {
  struct Column: Sendable {
    let qualifier: [UInt8]
    let type: ValueType
  }

  struct Family: Sendable {
    let name: [UInt8]
    /// The name as a JSON string in its quotes.
    let jsonName: [UInt8]
    let type: ValueType?
    /// By qualifier.
    let columns: [Column]
    let aggregate: AggregateKind?
  }

  package let definition: TableDefinition
  /// The `TableSchema.version` it was made for; nil when made of a bare definition.
  package let version: UInt64?
  let families: [Family]

  package convenience init(_ schema: TableSchema) {
    self.init(schema.definition, version: schema.version)
  }

  package init(_ definition: TableDefinition, version: UInt64? = nil) {
    self.version = version
    self.definition = definition
    families = definition.families.map { family in
      var name = ByteBuffer()
      name.append(jsonString: family.name)
      return Family(
        name: Array(family.name.utf8), jsonName: name.array,
        type: family.type ?? (family.aggregate == nil ? nil : .int64),
        columns: family.columns.map { Column(qualifier: $0.key, type: $0.value) }
          .sorted { $0.qualifier.lexicographicallyPrecedes($1.qualifier) },
        aggregate: family.aggregate)
    }
  }

  /// Index in name order, as `CellView.familyIndex`; nil for an unknown family.
  package func familyIndex(named name: ByteView) -> Int? {
    for index in families.indices
    where ByteView.of(families[index].name, { $0 == name }) { return index }
    return nil
  }

  /// The declared type of a column; nil where none is declared.
  package func type(familyIndex: Int, qualifier: ByteView) -> ValueType? {
    let family = families[familyIndex]
    var lower = 0
    var upper = family.columns.count
    while lower < upper {
      let middle = (lower + upper) / 2
      let order = ByteView.of(family.columns[middle].qualifier) { $0.compare(qualifier) }
      if order == 0 { return family.columns[middle].type }
      if order < 0 { lower = middle + 1 } else { upper = middle }
    }
    return family.type
  }

  /// What to say of a family that is not there.
  func unknownFamily(_ name: ByteView) -> String {
    let known = definition.families.map(\.name)
    let advice =
      known.isEmpty
      ? "it has no families" : "its families: " + known.prefix(20).joined(separator: ", ")
    return "table '\(definition.name)' has no family '\(name)' (\(advice))"
  }
}
