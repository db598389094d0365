// A service in a simulated world: files in memory, the catalog's among them, a clock that stands
// still, no threads.

internal import Bytes
package import DataModel
internal import LSM
package import Tablets
internal import VFS

/// Everything around one service.
package final class ServiceWorld {
  package var files = SimulatedFileSystem()
  package let clock = ManualClock()
  package let scheduler: ManualScheduler
  package var options = TableServiceOptions()
  package let seed: UInt64
  package let directory = "/data"
  /// A service that the test itself does not name.
  package private(set) var kept: TableService?

  package init(seed: UInt64 = 1) {
    self.seed = seed
    scheduler = ManualScheduler(clock: clock, seed: seed)
    options.engine.memtableByteCount = 64 << 10
    options.engine.tableFileByteCount = 64 << 10
    options.engine.baseLevelByteCount = 256 << 10
    options.engine.logFileByteCount = 256 << 10
    options.collectionIntervalNanoseconds = 0
    options.memoryByteCount = 64 << 20
  }

  package func open() throws(TableServiceError) -> TableService {
    try ServiceWorld.open(
      files, clock: clock, scheduler: scheduler, seed: seed, options: options)
  }

  /// Opens the service that lies in `files`, its catalog too, unless the options name another.
  package static func open(
    _ files: SimulatedFileSystem, clock: ManualClock, scheduler: ManualScheduler, seed: UInt64,
    options: TableServiceOptions
  ) throws(TableServiceError) -> TableService {
    var options = options
    options.catalogPath = options.catalogPath ?? files.pathForSQLite("/data/catalog.sqlite")
    return try TableService.open(
      "/data", fileSystem: files, time: clock, scheduler: scheduler, randomSeed: seed,
      options: options)
  }

  /// A service with one table "t".
  package func open(_ families: [FamilyDefinition], gcOnRead: Bool = false) throws -> Table {
    let service = try open()
    kept = service
    try service.createTable(
      TableDefinition(name: "t", families: families, gcOnRead: gcOnRead))
    return try service.find("t")
  }

  /// The machine loses power; the next service finds what was synced, and of the rest a share.
  package func crash(keeping share: Double = 0, seed: UInt64 = 0) {
    kept = nil
    files = files.crashClone(keeping: share, seed: seed)
    scheduler.dropAll()
  }

  /// Waits for an answer by letting work run.
  package func wait<Value>(
    _ start: (@escaping @Sendable (Result<Value, TableServiceError>) -> Void) -> Void
  ) throws -> Value where Value: Sendable {
    let answer = Answer<Value>()
    start { answer.result = $0 }
    letRun { answer.result != nil }
    guard let result = answer.result else { throw Unanswered() }
    return try result.get()
  }

  /// Lets work run, then time pass, until `isDone`; gives up after a minute of simulated time.
  package func letRun(until isDone: () -> Bool) {
    while !isDone(), scheduler.runOne() {}
    // Held back for a moment: let it pass.
    for _ in 0..<60_000 {
      if isDone() { return }
      scheduler.run(forNanoseconds: 1_000_000)
    }
  }

  /// Applies mutations of one row; throws when the row is refused.
  package func apply(_ table: Table, _ key: String, _ mutations: [TestMutation]) throws {
    let receipt = try wait { done in
      table.mutate(.of(key, mutations), completion: done)
    }
    if let refusal = receipt.rejected.first { throw refusal.error }
  }
}

/// A request that nobody has answered within a minute of simulated time.
package struct Unanswered: Error {}

/// An answer as it comes. `@unchecked`: the manual scheduler runs on the test's thread.
private final class Answer<Value: Sendable>: @unchecked Sendable {
  var result: Result<Value, TableServiceError>?
}

extension TableService {
  package func find(_ name: String) throws(TableServiceError) -> Table {
    try ByteView.of(name) { (view) throws(TableServiceError) in try table(view) }
  }
}

extension Table {
  /// The row's cells; empty when it has none.
  package func cells(
    _ key: String, _ options: ReadOptions = ReadOptions(versions: 0)
  ) throws -> [TestCell] {
    let row = RowBuffer()
    let found = try ByteView.of(key) { (key) throws(TableServiceError) in
      try read(key, options, wait: .allowed, into: row)
    }
    precondition(found == !row.cells.isEmpty, "the answer fits the cells")
    return row.testCells
  }

  /// All rows of a scan.
  package func rows(_ request: ScanRequest) throws -> [TestRow] {
    let scan = try scan(request)
    let row = RowBuffer()
    var rows: [TestRow] = []
    while true {
      switch try scan.next(into: row, wait: .allowed) {
      case .end: return rows
      case .pause: continue
      case .row:
        rows.append(
          TestRow(key: String(decoding: row.key.array, as: UTF8.self), cells: row.testCells))
      }
    }
  }
}
