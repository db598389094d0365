// A table with a family of each type, for tests of texts and messages.

package import DataModel

package enum TypedTable {
  package static let definition = TableDefinition(
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
}
