// Changes of a table's families, applied to its catalog row: all or none.

internal import DataModel
internal import LSM

extension CatalogTable {
  /// - Parameter sequence: The table's newest commit when the changes were asked for.
  /// - Throws: Why one of the changes cannot be; the row is then of no use.
  mutating func apply(
    _ changes: [TableChange], after sequence: SequenceNumber
  ) throws(TableServiceError) {
    // What came before is not younger than now, whatever a crash or an older format left.
    gcSince = gcSince.mapValues { min($0, sequence) }
    var definition = schema.definition
    var ids: [String: UInt32] = [:]
    for (family, id) in zip(definition.families, schema.familyIDs) { ids[family.name] = id }
    for change in changes {
      switch change {
      case .createFamily(let family):
        guard ids[family.name] == nil else {
          throw .conflict(
            code: "family_exists",
            message: "table \"\(definition.name)\" has a family \"\(family.name)\" already")
        }
        definition.families.append(family)
        ids[family.name] = nextFamilyID
        nextFamilyID += 1
      case .updateFamily(let family):
        guard let index = definition.families.firstIndex(where: { $0.name == family.name }) else {
          throw .unknownFamily(family.name, table: definition.name)
        }
        guard definition.families[index].aggregate == family.aggregate else {
          throw .invalid(
            code: "immutable_aggregate",
            message: "whether family \"\(family.name)\" is an aggregate, and of what kind, cannot "
              + "change")
        }
        if let id = ids[family.name], definition.families[index].gc != family.gc {
          gcSince[id] = sequence
        }
        definition.families[index] = family
      case .dropFamily(let name):
        guard ids[name] != nil else { throw .unknownFamily(name, table: definition.name) }
        definition.families.removeAll { $0.name == name }
        if let id = ids.removeValue(forKey: name) { gcSince[id] = nil }
      case .setGCOnRead(let collects):
        definition.gcOnRead = collects
      case .setProtection(let isProtected):
        definition.settings.isProtected = isProtected
      }
    }
    definition = TableDefinition(
      name: definition.name, families: definition.families, gcOnRead: definition.gcOnRead,
      settings: definition.settings)
    do throws(DataModelError) { try definition.validate() } catch {
      throw TableServiceError(error)
    }
    schema = TableSchema(
      definition: definition, familyIDs: definition.families.map { ids[$0.name] ?? 0 },
      version: schema.version + 1)
  }

  /// Replaces what the Bigtable API says of the table beyond its families.
  mutating func set(_ settings: TableSettings) {
    var definition = schema.definition
    definition.settings = settings
    schema = TableSchema(
      definition: definition, familyIDs: schema.familyIDs, version: schema.version + 1)
  }
}

extension TableChange {
  /// May make cells garbage that were none.
  var mayFreeSpace: Bool {
    switch self {
    case .dropFamily: true
    case .updateFamily(let family): family.gc != nil
    case .createFamily, .setGCOnRead, .setProtection: false
    }
  }
}
