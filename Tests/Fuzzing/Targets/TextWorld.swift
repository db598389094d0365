// What the targets of text share: a table with a family of each type.

import DataModel
import RowText

enum TextWorld {
  static let definition = TableDefinition(
    name: "scores",
    families: [
      FamilyDefinition(
        name: "s", gc: .maxVersions(24), type: .int64,
        columns: [Array("model".utf8): .utf8, Array("pd".utf8): .float64]),
      FamilyDefinition(name: "f"),
      FamilyDefinition(name: "j", type: .json),
      FamilyDefinition(name: "b", type: .bytes),
      FamilyDefinition(name: "n", aggregate: .sum),
    ])
  static let schema = RowTextSchema(definition)
}
