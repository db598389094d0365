// Our tables over the engine: each row of a wide workload is one row of fifty cells.

import Bytes
import CLinux
import DataModel
import Glibc
import LSM
import Runtime
import Synchronization
import Tablets
import VFS

final class TabletsEngine: MeasuredEngine {
  private static let name = Array("rows".utf8)
  private let service: TableService
  private let table: Table
  private let scheduler: ThreadScheduler

  init(_ settings: EngineSettings) throws {
    strata_configure_malloc()
    scheduler = ThreadScheduler()
    var options = TableServiceOptions()
    options.memoryByteCount = settings.memoryByteCount
    options.durability = settings.isSynced ? .sync : .none
    options.engine = EngineOptions(memoryByteCount: settings.memoryByteCount)
    service = try TableService.open(
      settings.directory, fileSystem: PosixFileSystem(), time: SystemTime(), scheduler: scheduler,
      randomSeed: .random(in: 0 ... .max), options: options)
    let service = service
    func find() throws(TableServiceError) -> Table {
      try ByteView.of(TabletsEngine.name) { name throws(TableServiceError) in
        try service.table(name)
      }
    }
    if let found = try? find() {
      table = found
    } else {
      try service.createTable(
        TableDefinition(
          name: String(decoding: TabletsEngine.name, as: UTF8.self),
          families: [FamilyDefinition(name: "f", gc: .maxVersions(1))]))
      table = try find()
    }
  }

  func makeSession() -> TabletsSession { TabletsSession(table) }
  func flush() throws { try table.flush() }
  var isBusy: Bool { table.statistics.engine.sealedMemtableCount > 0 }

  func close() {
    service.close()
    scheduler.shutDown()
  }
}

/// Keys are a row's 14 digits, `:` and a qualifier of three bytes.
final class TabletsSession: EngineSession, @unchecked Sendable {
  // Completions on other threads touch `refusal` and `answered` only.
  private static let rowByteCount = 14
  private let table: Table
  private let buffer = RowBuffer()
  private let everything = ReadOptions()
  private let refusal = Mutex<TableServiceError?>(nil)
  private let answered = Atomic<Int>(0)
  private var asked = 0
  private var list = MutationList(capacity: 0)

  init(_ table: Table) { self.table = table }

  func put(_ key: ByteView, _ value: ByteView) throws {
    stage(key, value)
    try commit()
  }

  func stage(_ key: ByteView, _ value: ByteView) {
    if list.isEmpty { list = MutationList(capacity: 64 + key.count + value.count) }
    list.beginRow(key.prefix(TabletsSession.rowByteCount))
    let family: StaticString = "f"
    list.setCell(
      family: ByteView(UnsafeRawPointer(family.utf8Start), count: 1),
      qualifier: key.dropFirst(TabletsSession.rowByteCount + 1),
      timestamp: Timestamp(microseconds: 1_000), value: value)
  }

  /// Without a sync this thread commits by itself but where a log begins: that it waits for.
  func commit() throws {
    var full = MutationList(capacity: 0)
    swap(&full, &list)
    asked += 1
    table.mutate(full) { [self] result in
      if case .failure(let error) = result { refusal.withLock { $0 = error } }
      answered.wrappingAdd(1, ordering: .releasing)
    }
    while answered.load(ordering: .acquiring) != asked { sched_yield() }
    if let error = refusal.withLock({ $0 }) { throw error }
  }

  func delete(_ key: ByteView) throws {
    throw EngineFailure("rows are only written and read here")
  }

  func get(_ key: ByteView) throws -> Int? { try row(of: key) ? buffer.cells.count : nil }

  /// The row that `prefix` begins: its cells.
  func scan(from start: ByteView?, prefix: ByteView?, limit: Int) throws -> Int {
    guard let prefix else {
      return try everyRow()
    }
    guard try row(of: prefix) else { return 0 }
    return touchCells()
  }

  private func row(of key: ByteView) throws -> Bool {
    try table.read(
      key.prefix(TabletsSession.rowByteCount), everything, wait: .allowed, into: buffer)
  }

  private func touchCells() -> Int {
    for cell in buffer.cells { _ = cell.value.touched() }
    return buffer.cells.count
  }

  private func everyRow() throws -> Int {
    let scan = try table.scan(ScanRequest())
    var count = 0
    while true {
      switch try scan.next(into: buffer, wait: .allowed) {
      case .row: count += touchCells()
      case .pause: continue
      case .end: return count
      }
    }
  }
}
