// Opens the engine of a table with everything that hangs on it: merger, observer, events.

internal import DataModel
internal import LSM
internal import Runtime
internal import VFS

/// What all tables of a service share.
struct TableOpener: Sendable {
  let directory: DataDirectory
  let time: any TimeSource
  let scheduler: any Scheduler
  let randomSeed: UInt64
  private let environment: EngineEnvironment
  private let options: EngineOptions
  private let rowByteCount: Int
  private let encoders = EncoderPool()

  init(
    directory: DataDirectory, fileSystem: any FileSystem, time: any TimeSource,
    scheduler: any Scheduler, randomSeed: UInt64, options: TableServiceOptions,
    events: @escaping @Sendable (EngineEvent) -> Void
  ) {
    self.directory = directory
    self.time = time
    self.scheduler = scheduler
    self.randomSeed = randomSeed
    let memory = MemoryBudget(byteCount: options.memoryByteCount)
    let rows = RowCache(
      byteCount: memory.rowCacheByteCount, borrowing: memory, scheduler: scheduler)
    environment = EngineEnvironment(
      fileSystem: fileSystem, time: time, scheduler: scheduler, randomSeed: randomSeed,
      cache: BlockCache(byteCount: memory.blockCacheByteCount), memory: memory,
      rows: rows, events: events)
    var engine = options.engine
    engine.durability = options.durability
    self.options = engine
    rowByteCount = options.rowByteCount
  }

  /// Makes directory and engine of a table that the catalog does not name yet.
  func create(_ row: CatalogTable) throws(TableServiceError) -> Table {
    do throws(TableServiceError) {
      return try open(row, mayCreate: true)
    } catch {
      // What stays goes when the data directory is next opened.
      try? directory.removeTable(row.id)
      throw error
    }
  }

  /// Opens the engine of a table that the catalog names.
  ///
  /// - Throws: `.corruptData` also where directory or files are gone.
  func open(_ row: CatalogTable) throws(TableServiceError) -> Table {
    try open(row, mayCreate: false)
  }

  private func open(
    _ row: CatalogTable, mayCreate: Bool
  ) throws(TableServiceError) -> Table {
    let rules = CurrentRules(RowRules(row.schema, gcSince: row.gcSince))
    let merger = RowMerger(
      rules: rules, time: time, sizes: RowSizes(rowByteCount: rowByteCount))
    let changes = RangeChanges()
    let counters = TableCounters(row.totals)
    // No two openings may share an epoch: what a crash took back may have had the same numbers.
    let opening =
      randomSeed &+ UInt64(bitPattern: time.wallMicroseconds) &* 0x9e37_79b9_7f4a_7c15
      &+ UInt64(bitPattern: row.id)
    let epoch = TableEpoch(opening: opening)
    var environment = environment
    let report = environment.events
    environment.events = { event in
      if case .collected = event {
        epoch.noteCollection()
        changes.fireAll()
      }
      report(event)
    }
    environment.randomSeed = randomSeed &+ UInt64(bitPattern: row.id)
    let engine: Engine
    do throws(EngineError) {
      engine = try Engine.open(
        directory.tablePath(row.id), environment: environment, options: options, merger: merger,
        mayCreate: mayCreate, observer: changes)
    } catch {
      throw TableServiceError(error)
    }
    let newest = engine.snapshot().sequence
    changes.begin(after: newest)
    // Rules are older than what comes now, whatever a crash or an older format left.
    let gcSince = row.gcSince.mapValues { min($0, newest) }
    rules.replace(by: RowRules(row.schema, gcSince: gcSince))
    return Table(
      id: row.id, name: row.schema.definition.name, engine: engine,
      parts: TableParts(
        rules: rules, merger: merger, changes: changes, counters: counters, epoch: epoch),
      encoders: encoders, time: time)
  }
}
