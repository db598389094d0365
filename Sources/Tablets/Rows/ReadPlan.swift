// Read options resolved against a schema: which families and columns, how many versions.

internal import Bytes
internal import DataModel

/// What a read takes of each family, by family index.
final class ReadPlan: Sendable {
  let rules: RowRules
  let options: ReadOptions
  /// nil selects everything.
  let selections: [FamilySelection]?
  /// Cells a column; `Int.max` for all.
  let versions: Int
  /// First cells of the row; `Int.max` for all.
  let cellLimit: Int
  /// A row of one entry can be read as it lies: everything of it is wanted, in its order.
  let takesRowsAsTheyLie: Bool
  /// What is to be applied to the cells that were read.
  let filter: RowFilter?
  let hasFilter: Bool
  let hasSubset: Bool

  /// - Throws: `.notFound` for a family that the table does not have, `.invalid` for a filter or a
  ///   number that makes no sense.
  init(_ options: ReadOptions, _ rules: RowRules) throws(TableServiceError) {
    guard options.versions >= 0 else {
      throw .invalid(
        code: "invalid_versions", message: "versions is \(options.versions); 0 asks for all")
    }
    do throws(DataModelError) { try options.filter?.validate() } catch {
      throw TableServiceError(error)
    }
    self.rules = rules
    self.options = options
    let narrowing = FilterNarrowing(
      options.filter, selections: try ReadPlan.selections(options, rules),
      versions: options.versions == 0 ? .max : options.versions,
      hasSubset: options.subset != nil, rules)
    selections = narrowing.selections
    versions = narrowing.versions
    cellLimit = narrowing.cellLimit
    filter = narrowing.rest
    hasFilter = filter != nil
    hasSubset = options.subset != nil
    takesRowsAsTheyLie = !rules.gcOnRead && rules.isInNameOrder
  }

  /// What the columns select, by family index; nil for everything.
  private static func selections(
    _ options: ReadOptions, _ rules: RowRules
  ) throws(TableServiceError) -> [FamilySelection]? {
    if options.columns.isEmpty { return nil }
    var selections = [FamilySelection](repeating: .none, count: rules.families.count)
    for selector in options.columns {
      guard
        let index = ByteView.of(selector.family, { rules.schema.familyIndex(of: $0) })
      else {
        throw .unknownFamily(selector.family, table: rules.schema.definition.name)
      }
      switch (selections[index], selector.qualifier) {
      case (.all, _), (.range, _): break
      case (_, nil): selections[index] = .all
      case (.none, let qualifier?): selections[index] = .columns([qualifier])
      case (.columns(let known), let qualifier?): selections[index] = .columns(known + [qualifier])
      }
    }
    return selections.map { selection in
      guard case .columns(let qualifiers) = selection else { return selection }
      return .columns(qualifiers.sorted { $0.lexicographicallyPrecedes($1) })
    }
  }

  /// Whether the plan still says what these options say under these rules.
  func fits(_ options: ReadOptions, _ rules: RowRules) -> Bool {
    self.rules === rules && self.options == options
  }
}
