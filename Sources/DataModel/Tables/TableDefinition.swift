// A table as its user declares it.

/// A column family: what it keeps and what its values are.
package struct FamilyDefinition: Sendable, Hashable {
  package var name: String
  package var gc: GCRule?
  /// Default type of the family's values; nil is undeclared.
  package var type: ValueType?
  /// Types of single columns, by qualifier; they override the family's.
  package var columns: [[UInt8]: ValueType]
  /// Set for families that take `addToCell` and `mergeToCell` and nothing else.
  package var aggregate: AggregateKind?

  package init(
    name: String, gc: GCRule? = nil, type: ValueType? = nil, columns: [[UInt8]: ValueType] = [:],
    aggregate: AggregateKind? = nil
  ) {
    self.name = name
    self.gc = gc
    self.type = type
    self.columns = columns
    self.aggregate = aggregate
  }
}

/// A table: its name, its families in name order.
package struct TableDefinition: Sendable, Hashable {
  package var name: String
  package var families: [FamilyDefinition]
  /// Reads never see a cell that the rules doom.
  package var gcOnRead: Bool
  package var settings: TableSettings

  package init(
    name: String, families: [FamilyDefinition], gcOnRead: Bool = false,
    settings: TableSettings = TableSettings()
  ) {
    self.name = name
    self.families = families.sorted { $0.name < $1.name }
    self.gcOnRead = gcOnRead
    self.settings = settings
  }
}

/// One change of a table's families.
package enum TableChange: Sendable, Hashable {
  case createFamily(FamilyDefinition)
  /// Replaces rule, type and column types; `aggregate` cannot change.
  case updateFamily(FamilyDefinition)
  /// Its data is gone for good.
  case dropFamily(String)
  case setGCOnRead(Bool)
  /// Whether it may be dropped.
  case setProtection(Bool)
}
