// The store as a dictionary of dictionaries: what any history of a real one must answer.

package import DataModel

/// Why a request is refused, by the store's own code.
package struct ModelRefusal: Error, Equatable, Sendable {
  package var code: String
  package init(_ code: String) { self.code = code }
}

/// A table: its definition and its rows.
package struct ModelTable: Sendable {
  package private(set) var definition: TableDefinition
  package var rows: [String: RowModel] = [:]
  package private(set) var aggregates: [String: AggregateKind] = [:]
  package private(set) var rules: [String: GCRule] = [:]

  package init(_ definition: TableDefinition) {
    self.definition = definition
    noteFamilies()
  }

  private mutating func noteFamilies() {
    aggregates = [:]
    rules = [:]
    for family in definition.families {
      aggregates[family.name] = family.aggregate
      rules[family.name] = family.gc
    }
  }

  package func hasFamily(_ name: String) -> Bool {
    definition.families.contains { $0.name == name }
  }

  // MARK: Mutations

  /// Why a row of these mutations is refused; nil when it is taken.
  package func refusal(of mutations: [TestMutation]) -> ModelRefusal? {
    for mutation in mutations {
      guard let family = mutation.family else { continue }
      guard hasFamily(family) else { return ModelRefusal("unknown_family") }
      switch mutation {
      case .set where aggregates[family] != nil: return ModelRefusal("aggregate_family")
      case .add where aggregates[family] == nil, .merge where aggregates[family] == nil:
        return ModelRefusal("not_aggregate_family")
      default: break
      }
    }
    return mutations.isEmpty ? ModelRefusal("no_mutations") : nil
  }

  /// The row after the mutations; -1 as a time is now.
  package func applying(_ mutations: [TestMutation], to key: String, now: Int64) -> RowModel {
    var row = rows[key] ?? RowModel()
    if !rules.isEmpty { row.collect(rules, now: now) }
    let timed = mutations.map { mutation in
      switch mutation {
      case .set(let family, let qualifier, -1, let value):
        TestMutation.set(family, qualifier, now / 1_000 * 1_000, value)
      case .add(let family, let qualifier, -1, let input):
        TestMutation.add(family, qualifier, now / 1_000 * 1_000, input)
      default: mutation
      }
    }
    row.apply(timed, aggregates: aggregates)
    if !rules.isEmpty { row.collect(rules, now: now) }
    return row
  }

  // MARK: Schema

  /// Applies all changes or none.
  package mutating func alter(_ changes: [TableChange], now: Int64) throws(ModelRefusal) {
    var families = definition.families
    var collects = definition.gcOnRead
    var dropped: Set<String> = []
    for change in changes {
      switch change {
      case .createFamily(let family):
        guard !families.contains(where: { $0.name == family.name }) else {
          throw ModelRefusal("family_exists")
        }
        families.append(family)
      case .updateFamily(let family):
        guard let index = families.firstIndex(where: { $0.name == family.name }) else {
          throw ModelRefusal("unknown_family")
        }
        guard families[index].aggregate == family.aggregate else {
          throw ModelRefusal("immutable_aggregate")
        }
        families[index] = family
      case .dropFamily(let name):
        guard families.contains(where: { $0.name == name }) else {
          throw ModelRefusal("unknown_family")
        }
        families.removeAll { $0.name == name }
        dropped.insert(name)
      case .setGCOnRead(let value): collects = value
      case .setProtection: break
      }
    }
    let old = rules
    definition = TableDefinition(name: definition.name, families: families, gcOnRead: collects)
    noteFamilies()
    for key in rows.keys { change(&rows[key], dropped: dropped, oldRules: old, now: now) }
  }

  /// What a change of the schema does to one row, in the table or in somebody's memory.
  package func change(
    _ row: inout RowModel?, dropped: Set<String>, oldRules: [String: GCRule], now: Int64
  ) {
    guard var changed = row else { return }
    changed.collect(oldRules, now: now)
    for name in dropped { changed.dropFamily(name) }
    changed.collect(rules, now: now)
    row = changed
  }

  // MARK: Reading

  package func selects(_ options: ReadOptions, _ family: String, _ qualifier: String) -> Bool {
    options.columns.isEmpty
      || options.columns.contains {
        $0.family == family && ($0.qualifier.map { $0 == Array(qualifier.utf8) } ?? true)
      }
  }

  package func refusal(of options: ReadOptions) -> ModelRefusal? {
    options.columns.allSatisfy { hasFamily($0.family) } ? nil : ModelRefusal("unknown_family")
  }

  /// The row with everything marked that may have been collected by now.
  package func current(_ key: String, now: Int64) -> RowModel {
    var row = rows[key] ?? RowModel()
    if !rules.isEmpty { row.collect(rules, now: now) }
    return row
  }

  /// What a read answers; nil where what compactions have done decides.
  package func answer(_ key: String, _ row: RowModel, _ options: ReadOptions) -> [TestCell]? {
    let cells = row.cells(versions: options.versions) { selects(options, $0, $1) }
    if !row.uncertain.isEmpty {
      let all = row.cells(versions: 0) { selects(options, $0, $1) }
      if all.contains(where: row.isUncertain) { return nil }
    }
    return options.filter.map { $0.applied(to: cells, of: key) } ?? cells
  }

  /// Whether `cells` may be what a read without a filter finds of the row.
  package func allows(
    _ cells: [TestCell], _ row: RowModel, _ options: ReadOptions, now: Int64
  ) -> Bool {
    var position = 0
    let wanted = row.cells(versions: 0) { selects(options, $0, $1) }
    let columns = Dictionary(grouping: wanted) { [$0.family, $0.qualifier] }
    let limit = options.versions == 0 ? Int.max : options.versions
    for name in columns.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let column = columns[name] else { continue }
      var shown = 0
      for cell in column where shown < limit {
        if position < cells.count, cells[position] == cell {
          if definition.gcOnRead, let rule = rules[cell.family],
            rule.dooms(newerCount: shown, microseconds: cell.time, now: now)
          {
            return false
          }
          position += 1
          shown += 1
        } else if !row.isUncertain(cell) {
          return false
        }
      }
    }
    return position == cells.count
  }

  /// Whether a read without a filter surely finds a cell.
  package func surelyShows(_ row: RowModel, _ options: ReadOptions) -> Bool {
    row.cells(versions: 0) { selects(options, $0, $1) }.contains { !row.isUncertain($0) }
  }
}

/// All tables by name.
package struct ModelStore: Sendable {
  package var tables: [String: ModelTable] = [:]

  package init() {}

  package func table(_ name: String) throws(ModelRefusal) -> ModelTable {
    guard let table = tables[name] else { throw ModelRefusal("unknown_table") }
    return table
  }

  package mutating func create(_ definition: TableDefinition) throws(ModelRefusal) {
    guard tables[definition.name] == nil else { throw ModelRefusal("table_exists") }
    tables[definition.name] = ModelTable(definition)
  }

  package mutating func drop(_ name: String) throws(ModelRefusal) {
    guard tables.removeValue(forKey: name) != nil else { throw ModelRefusal("unknown_table") }
  }

  /// All definitions in name order.
  package var definitions: [TableDefinition] {
    tables.values.map(\.definition).sorted { $0.name < $1.name }
  }
}
