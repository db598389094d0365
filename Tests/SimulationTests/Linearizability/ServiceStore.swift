// The store in this process, with real threads, as recorded clients use it: it is closed and opened
// again, and its simulated machine loses power, while they work.

import Bytes
import DataModel
import Foundation
import LSM
import Runtime
import Synchronization
import Tablets
import TestSupport
import VFS

/// One opening of the store.
private final class Opening: Sendable {
  let files: SimulatedFileSystem
  let scheduler = ThreadScheduler()
  let service: TableService
  let table: Table
  /// New operations wait for the next opening.
  let isEnding = Atomic<Bool>(false)
  /// The power is gone: what is answered from now on was answered by no machine.
  let isCut = Atomic<Bool>(false)

  init(_ files: SimulatedFileSystem, _ options: TableServiceOptions) throws {
    self.files = files
    service = try TableService.open(
      "/data", fileSystem: files, time: SystemTime(), scheduler: scheduler, randomSeed: 1,
      options: options)
    if service.definitions().isEmpty { try service.createTable(RegisterTable.definition()) }
    let opened = service
    table = try ByteView.of(RegisterTable.name) { (name) throws(TableServiceError) in
      try opened.table(name)
    }
  }

  func close() {
    service.close()
    scheduler.shutDown()
  }
}

/// The store that clients share; restarted from one thread.
final class ServiceUnderTest: Sendable {
  private let opening: Mutex<Opening>
  private let options: TableServiceOptions
  private let folder: URL

  init(durability: Durability = .sync) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "strata-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var options = TableServiceOptions()
    // The catalog is a file of the machine and outlives the simulated one.
    options.catalogPath = folder.appending(path: "catalog.sqlite").path
    options.durability = durability
    options.engine.durability = durability
    options.engine.memtableByteCount = 16 << 10
    options.engine.tableFileByteCount = 16 << 10
    options.engine.baseLevelByteCount = 64 << 10
    options.engine.logFileByteCount = 64 << 10
    options.memoryByteCount = 64 << 20
    self.options = options
    opening = Mutex(try Opening(SimulatedFileSystem(), options))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// The store as it is open now; waits while it is not.
  fileprivate var current: Opening {
    while true {
      let opening = opening.withLock { $0 }
      if !opening.isEnding.load(ordering: .sequentiallyConsistent) { return opening }
      usleep(100)
    }
  }

  /// Closes and opens it again.
  func restart() throws {
    let old = current
    old.isEnding.store(true, ordering: .sequentiallyConsistent)
    old.close()
    let new = try Opening(old.files, options)
    opening.withLock { $0 = new }
  }

  /// Takes the power away under whatever is going on, and opens what is left.
  func cutPower(keeping share: Double, seed: UInt64) throws {
    let old = current
    // In this order: an answer given before the flag was given before the cut.
    old.isCut.store(true, ordering: .sequentiallyConsistent)
    let files = old.files.crashClone(keeping: share, seed: seed)
    old.isEnding.store(true, ordering: .sequentiallyConsistent)
    let new = try Opening(files, options)
    opening.withLock { $0 = new }
    old.close()
  }

  func close() { current.close() }
}

/// One client's access.
final class ServiceStore: RowStore {
  private let service: ServiceUnderTest

  init(_ service: ServiceUnderTest) { self.service = service }

  func perform(_ operation: RowOperation, row: Int) -> RowAnswer {
    let opening = service.current
    let table = opening.table
    let key = RegisterTable.key(row)
    let answer: RowOutcome?
    if let condition = RegisterTable.condition(operation) {
      answer = wait({
        table.checkAndMutate(
          key, predicate: condition.predicate,
          ifMatched: RegisterTable.list(condition.matched, row: row),
          otherwise: RegisterTable.list(condition.otherwise, row: row), completion: $0)
      }) { .matched($0) }
    } else if case .increment(let amount) = operation {
      answer = wait({
        table.readModifyWrite(key, rules: [RegisterTable.rule(amount)], completion: $0)
      }) { buffer in ServiceStore.state(buffer)?.counter.map { .counter($0) } }
    } else {
      answer = wait({
        table.mutate(RegisterTable.list(operation, row: row), completion: $0)
      }) { receipt in receipt.rejected.isEmpty ? .done : nil }
    }
    guard let answer, !opening.isCut.load(ordering: .sequentiallyConsistent) else {
      return .unknown
    }
    return .known(answer)
  }

  func read(rows: [Int]) -> [RowState]? {
    let opening = service.current
    let buffer = RowBuffer()
    var states: [RowState] = []
    for row in rows {
      let found: Bool? = try? ByteView.of(RegisterTable.key(row)) { key in
        try opening.table.read(key, ReadOptions(), wait: .allowed, into: buffer)
      }
      guard let found, let state = found ? ServiceStore.state(buffer) : .empty else { return nil }
      states.append(state)
    }
    return opening.isCut.load(ordering: .sequentiallyConsistent) ? nil : states
  }

  /// Waits for the answer to `start`; nil for an error, which says nothing of what was done.
  private func wait<Value: Sendable>(
    _ start: (@escaping @Sendable (Result<Value, TableServiceError>) -> Void) -> Void,
    _ outcome: (Value) -> RowOutcome?
  ) -> RowOutcome? {
    let box = AnswerBox<Value>()
    start { box.put($0) }
    return box.wait().flatMap(outcome)
  }

  private static func state(_ row: RowBuffer) -> RowState? {
    RegisterTable.state(row.cells.map { (qualifier: $0.qualifier.array, value: $0.value.array) })
  }
}

/// An answer on its way from another thread.
private final class AnswerBox<Value: Sendable>: Sendable {
  private let latch = Latch()
  private let value = Mutex<Value?>(nil)

  func put(_ result: Result<Value, TableServiceError>) {
    value.withLock { $0 = try? result.get() }
    latch.open()
  }

  func wait() -> Value? {
    latch.wait()
    return value.withLock { $0 }
  }
}
