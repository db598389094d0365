// A service in a simulated world: files in memory, a clock that stands still, no threads. Only the
// catalog is a file of the machine.

import Bytes
import DataModel
import Glibc
import LSM
import TestSupport
import Testing
import VFS

@testable import Tablets

/// Everything around one service.
final class ServiceWorld {
  var files = SimulatedFileSystem()
  let clock = ManualClock()
  let scheduler: ManualScheduler
  var options = TableServiceOptions()
  let seed: UInt64
  let folder: TemporaryFolder
  /// A service that the test itself does not name.
  private var kept: TableService?

  init(seed: UInt64 = 1) throws {
    self.seed = seed
    scheduler = ManualScheduler(clock: clock, seed: seed)
    folder = try TemporaryFolder()
    options.catalogPath = folder.path + "/catalog.sqlite"
    options.engine.memtableByteCount = 64 << 10
    options.engine.tableFileByteCount = 64 << 10
    options.engine.baseLevelByteCount = 256 << 10
    options.engine.logFileByteCount = 256 << 10
    options.collectionIntervalNanoseconds = 0
    options.memoryByteCount = 64 << 20
  }

  func open() throws(TableServiceError) -> TableService {
    try TableService.open(
      "/data", fileSystem: files, time: clock, scheduler: scheduler, randomSeed: seed,
      options: options)
  }

  /// A service with one table "t".
  func open(_ families: [FamilyDefinition], gcOnRead: Bool = false) throws -> Table {
    let service = try open()
    kept = service
    try service.createTable(
      TableDefinition(name: "t", families: families, gcOnRead: gcOnRead))
    return try service.find("t")
  }

  /// The machine loses power; the next service finds what was synced.
  func crash() {
    files = files.crashClone()
    scheduler.dropAll()
  }

  /// Waits for an answer by letting work run.
  func wait<Value>(
    _ start: (@escaping @Sendable (Result<Value, TableServiceError>) -> Void) -> Void
  ) throws -> Value where Value: Sendable {
    let answer = Answer<Value>()
    start { answer.result = $0 }
    while answer.result == nil, scheduler.runOne() {}
    // Held back for a moment: let it pass.
    for _ in 0..<1_000 where answer.result == nil {
      scheduler.run(forNanoseconds: 1_000_000)
    }
    return try #require(answer.result).get()
  }

  /// Applies mutations of one row; throws when the row is refused.
  func apply(_ table: Table, _ key: String, _ mutations: [TestMutation]) throws {
    let receipt = try wait { done in
      table.mutate(.of(key, mutations), completion: done)
    }
    if let refusal = receipt.rejected.first { throw refusal.error }
  }
}

/// An answer as it comes. `@unchecked`: the manual scheduler runs on the test's thread.
private final class Answer<Value: Sendable>: @unchecked Sendable {
  var result: Result<Value, TableServiceError>?
}

/// A folder of the machine, removed with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/strata-tablets-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw FileError.io(
        path: "/tmp", operation: .createDirectory, errno: errno)
    }
    path = template.withUnsafeBufferPointer {
      String(decoding: $0.dropLast().map(UInt8.init), as: UTF8.self)
    }
  }

  deinit { try? PosixFileSystem().removeTree(path) }
}

extension TableService {
  func find(_ name: String) throws(TableServiceError) -> Table {
    try ByteView.of(name) { (view) throws(TableServiceError) in try table(view) }
  }
}

extension Table {
  /// The row's cells; empty when it has none.
  func cells(_ key: String, _ options: ReadOptions = ReadOptions(versions: 0)) throws -> [TestCell]
  {
    let row = RowBuffer()
    let found = try ByteView.of(key) { (key) throws(TableServiceError) in
      try read(key, options, wait: .allowed, into: row)
    }
    #expect(found == !row.cells.isEmpty)
    return row.testCells
  }

  /// All rows of a scan.
  func rows(_ request: ScanRequest) throws -> [TestRow] {
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

/// A row as a test reads it.
struct TestRow: Equatable {
  var key: String
  var cells: [TestCell]
}
