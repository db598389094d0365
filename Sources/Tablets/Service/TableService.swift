// Every operation the fronts offer begins here: all tables of one data directory, by name.
//
// Schema changes run one at a time and are durable in the catalog before anybody sees them. A look
// for a table takes a short lock and no memory. A table whose files are damaged keeps its name and
// definition; everything but dropping it is refused with what is wrong.

package import Bytes
package import DataModel
package import LSM
package import Runtime
internal import Synchronization
package import VFS

/// A table that the catalog names and whose files cannot be opened.
package struct DamagedTable: Sendable {
  let id: Int64
  let definition: TableDefinition
  package let error: TableServiceError
  package var name: String { definition.name }
}

/// All tables of one data directory. Safe for concurrent use.
package final class TableService: Sendable {
  private struct State {
    /// By name.
    var tables: [Table]
    /// Tables that could not be opened.
    var damaged: [DamagedTable]
    var isClosed = false
    /// Given back when the service is closed.
    var lock: (any DirectoryLock)?
  }

  private let opener: TableOpener
  private let catalog: Catalog
  private let state: Mutex<State>
  /// Held by the schema change that is under way, catalog rows by table id.
  private let schemas: Mutex<[Int64: CatalogTable]>
  private let collector: GCPass

  /// Opens or creates the data directory. Refuses one in use, one of a newer version and a
  /// non-empty one that is not ours, each with its clear error. Tables that are damaged are in
  /// `damagedTables`; any other failure to open one is thrown.
  package static func open(
    _ directory: String, fileSystem: any FileSystem, time: any TimeSource,
    scheduler: any Scheduler, randomSeed: UInt64, options: TableServiceOptions,
    events: @escaping @Sendable (EngineEvent) -> Void = { _ in }
  ) throws(TableServiceError) -> TableService {
    let (place, lock) = try DataDirectory.open(directory, fileSystem)
    let catalog = try Catalog(path: options.catalogPath ?? place.catalogPath)
    try place.sync()
    let known = try catalog.load()
    try place.removeTables(except: Set(known.map(\.id)), givenUpTo: try catalog.highestID())
    let opener = TableOpener(
      directory: place, fileSystem: fileSystem, time: time, scheduler: scheduler,
      randomSeed: randomSeed, options: options, events: events)
    var tables: [Table] = []
    var damaged: [DamagedTable] = []
    for row in known {
      do throws(TableServiceError) {
        tables.append(try opener.open(row))
      } catch {
        guard error.isDamage else {
          for table in tables { try? table.engine.close() }
          throw error
        }
        damaged.append(
          DamagedTable(id: row.id, definition: row.schema.definition, error: error))
      }
    }
    let service = TableService(lock, opener, catalog, known, tables, damaged)
    service.collector.start(service, intervalNanoseconds: options.collectionIntervalNanoseconds)
    return service
  }

  private init(
    _ lock: any DirectoryLock, _ opener: TableOpener, _ catalog: Catalog,
    _ known: [CatalogTable], _ tables: [Table], _ damaged: [DamagedTable]
  ) {
    self.opener = opener
    self.catalog = catalog
    state = Mutex(
      State(
        tables: tables.sorted { $0.nameBytes.lexicographicallyPrecedes($1.nameBytes) },
        damaged: damaged, lock: lock))
    schemas = Mutex(
      Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
    collector = GCPass(
      time: opener.time, scheduler: opener.scheduler, randomSeed: opener.randomSeed)
  }

  /// The table, or `.notFound`. Cheap: a lookup under a short lock.
  package func table(_ name: ByteView) throws(TableServiceError) -> Table {
    let found = try state.withLock { (state) throws(TableServiceError) -> Table? in
      if state.isClosed { throw .closed }
      let index = Self.place(of: name, in: state.tables)
      if index < state.tables.count,
        ByteView.of(state.tables[index].nameBytes, { $0 == name })
      {
        return state.tables[index]
      }
      for damaged in state.damaged where ByteView.of(damaged.name, { $0 == name }) {
        throw damaged.error
      }
      return nil
    }
    guard let found else { throw .unknownTable(name.description) }
    return found
  }

  /// Index of the first table whose name is not before `name`.
  private static func place(of name: ByteView, in tables: [Table]) -> Int {
    var low = 0
    var high = tables.count
    while low < high {
      let middle = (low + high) / 2
      if ByteView.of(tables[middle].nameBytes, { $0 < name }) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  var tables: [Table] { state.withLock { $0.tables } }

  /// Tables that could not be opened and why, by id.
  package var damagedTables: [DamagedTable] { state.withLock { $0.damaged } }

  /// All definitions in name order.
  package func definitions() -> [TableDefinition] {
    let (tables, damaged) = state.withLock { ($0.tables, $0.damaged) }
    return (tables.map { $0.schema.definition } + damaged.map(\.definition))
      .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  package func statistics() -> [TableStatistics] { tables.map(\.statistics) }

  // MARK: - Schema changes: they wait for the disk, call them on the `.blocking` lane

  package func createTable(_ definition: TableDefinition) throws(TableServiceError) {
    do throws(DataModelError) { try definition.validate() } catch {
      throw TableServiceError(error)
    }
    try schemas.withLock { (schemas) throws(TableServiceError) in
      let names = try openTables().map(\.name) + damagedTables.map(\.name)
      guard !names.contains(definition.name) else {
        throw .conflict(
          code: "table_exists", message: "table \"\(definition.name)\" exists already")
      }
      guard names.count < DataModelLimits.tableCount else {
        throw .invalid(
          code: "too_many_tables", message: "there are \(names.count) tables; that is the limit")
      }
      let row = try catalog.reserve(definition)
      let table = try opener.create(row)
      do throws(TableServiceError) {
        try catalog.insert(row)
      } catch {
        // Not there after all; what the directory holds goes at the next open.
        try? table.engine.close()
        throw error
      }
      schemas[row.id] = row
      state.withLock { state in
        let index = ByteView.of(table.nameBytes) { Self.place(of: $0, in: state.tables) }
        state.tables.insert(table, at: index)
      }
    }
  }

  /// Applies all changes or none; returns the new definition.
  package func alterTable(
    _ name: String, _ changes: [TableChange]
  ) throws(TableServiceError) -> TableDefinition {
    try schemas.withLock { (schemas) throws(TableServiceError) -> TableDefinition in
      let table = try named(name)
      guard var row = schemas[table.id] else { throw .unknownTable(name) }
      if changes.isEmpty { return row.schema.definition }
      try row.apply(changes, after: table.engine.snapshot().sequence)
      try catalog.update(row)
      schemas[table.id] = row
      table.install(RowRules(row.schema, gcSince: row.gcSince))
      // Dropped families and stricter rules: their space is given back now, not in ten minutes.
      if changes.contains(where: \.mayFreeSpace) {
        table.engine.requestFullCompaction()
        table.counters.collected()
      }
      return row.schema.definition
    }
  }

  /// Changes what the Bigtable API says of a table beyond its families, as `change` does; nothing
  /// when that throws.
  package func changeSettings(
    of name: String, _ change: (inout TableSettings) throws(TableServiceError) -> Void
  ) throws(TableServiceError) -> TableDefinition {
    try schemas.withLock { (schemas) throws(TableServiceError) -> TableDefinition in
      let table = try named(name)
      guard var row = schemas[table.id] else { throw .unknownTable(name) }
      var settings = row.schema.definition.settings
      try change(&settings)
      row.set(settings)
      try catalog.update(row)
      schemas[table.id] = row
      table.install(RowRules(row.schema, gcSince: row.gcSince))
      return row.schema.definition
    }
  }

  /// The data is gone for good and its space given back. Refused where the table is protected.
  package func dropTable(_ name: String) throws(TableServiceError) {
    try schemas.withLock { (schemas) throws(TableServiceError) in
      try refuseIfProtected(name)
      if let damaged = damagedTables.first(where: { $0.name == name }) {
        try catalog.drop(damaged.id)
        schemas[damaged.id] = nil
        state.withLock { state in state.damaged.removeAll { $0.id == damaged.id } }
        try? opener.directory.removeTable(damaged.id)
        return
      }
      let table = try named(name)
      try catalog.drop(table.id)
      schemas[table.id] = nil
      state.withLock { state in state.tables.removeAll { $0 === table } }
      table.markDropped()
      // Whatever goes wrong now costs only space, until the next open.
      try? table.engine.close()
      try? opener.directory.removeTable(table.id)
    }
  }

  private func refuseIfProtected(_ name: String) throws(TableServiceError) {
    guard let definition = definitions().first(where: { $0.name == name }) else { return }
    let views = definition.settings.views.filter(\.isProtected)
    guard definition.settings.isProtected || !views.isEmpty else { return }
    let what = definition.settings.isProtected ? "it" : "its view \"\(views[0].name)\""
    throw .conflict(
      code: "deletion_protected",
      message: "table \"\(name)\" cannot be dropped: \(what) is protected against deletion")
  }

  /// Takes all rows of a range away, and waits.
  package func dropRows(of name: String, in range: RowRange) throws(TableServiceError) {
    try named(name).dropRows(in: range)
  }

  // MARK: - Application profiles: kept as they are given

  package func appProfiles() throws(TableServiceError) -> [(name: String, message: [UInt8])] {
    try catalog.appProfiles()
  }

  /// - Parameter message: nil removes it.
  package func setAppProfile(_ name: String, _ message: [UInt8]?) throws(TableServiceError) {
    try catalog.setAppProfile(name, message)
  }

  private func openTables() throws(TableServiceError) -> [Table] {
    try state.withLock { (state) throws(TableServiceError) in
      if state.isClosed { throw .closed }
      return state.tables
    }
  }

  private func named(_ name: String) throws(TableServiceError) -> Table {
    if let table = try openTables().first(where: { $0.name == name }) { return table }
    if let damaged = damagedTables.first(where: { $0.name == name }) { throw damaged.error }
    throw .unknownTable(name)
  }

  // MARK: - Life

  /// Saves the totals of all tables.
  func saveTotals() throws(TableServiceError) {
    try schemas.withLock { (schemas) throws(TableServiceError) in
      let totals = tables.filter { schemas[$0.id] != nil }.map {
        (id: $0.id, totals: $0.counters.value)
      }
      try catalog.save(totals)
    }
  }

  /// Finishes what is queued, flushes, closes.
  package func close() {
    collector.stop()
    let isFirst = state.withLock { state in
      let isFirst = !state.isClosed
      state.isClosed = true
      return isFirst
    }
    guard isFirst else { return }
    // Nothing that fails here loses an acknowledged write: the logs have it.
    for table in tables {
      table.changes.fireAll()
      try? table.engine.close()
    }
    try? saveTotals()
    state.withLock { $0.lock = nil }
  }
}
