// Our engine, opened as kvserver opens it.

import Bytes
import CLinux
import LSM
import Runtime
import VFS

final class StrataEngine: MeasuredEngine {
  private let engine: Engine
  private let scheduler: ThreadScheduler

  init(_ settings: EngineSettings) throws {
    strata_configure_malloc()
    scheduler = ThreadScheduler()
    var options = EngineOptions(memoryByteCount: settings.memoryByteCount)
    options.durability = settings.isSynced ? .sync : .none
    var memory = MemoryBudget(byteCount: settings.memoryByteCount)
    let (rowByteCount, blockByteCount) = (memory.rowCacheByteCount, memory.blockCacheByteCount)
    if settings.keepsLog {
      options.memtableByteCount = EngineSettings.endlessMemtableByteCount
      options.idleNanoseconds = .max
      memory = MemoryBudget(byteCount: 6 * EngineSettings.endlessMemtableByteCount)
    }
    let files: any FileSystem =
      settings.readsDirectly ? DirectFileSystem() : PosixFileSystem()
    let environment = EngineEnvironment(
      fileSystem: files, time: SystemTime(), scheduler: scheduler,
      randomSeed: .random(in: 0 ... .max),
      cache: BlockCache(byteCount: blockByteCount), memory: memory,
      rows: RowCache(
        byteCount: rowByteCount, borrowing: settings.keepsLog ? nil : memory,
        scheduler: scheduler))
    engine = try Engine.open(
      settings.directory, environment: environment, options: options, merger: NewestWins())
  }

  func makeSession() -> StrataSession { StrataSession(engine) }

  func flush() throws { try engine.flush() }

  var isBusy: Bool { engine.statistics.sealedMemtableCount > 0 }

  func close() throws {
    try engine.close()
    scheduler.shutDown()
  }
}

/// Entries here are puts and deletes; the newest says it all.
private final class NewestWins: ValueMerger {
  func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, newer: NewerEntries,
    into output: inout MergeOutput
  ) -> MergeOutcome {
    if operands.first?.kind == .delete { return isOldest ? .nothing : .delete }
    guard operands.count > 1, let newest = operands.first else { return .unchanged }
    output.bytes.append(newest.value)
    return .put
  }
}

final class StrataSession: EngineSession {
  private let engine: Engine
  private let operands = OperandList()
  private var batch = WriteBatch(capacity: 0)

  init(_ engine: Engine) { self.engine = engine }

  func put(_ key: ByteView, _ value: ByteView) throws {
    var single = WriteBatch(capacity: 21 + key.count + value.count)
    single.append(.put, key: key, value: value)
    _ = try engine.commitAndWait(single)
  }

  func stage(_ key: ByteView, _ value: ByteView) {
    if batch.isEmpty { batch = WriteBatch(capacity: 16 * (21 + key.count + value.count)) }
    batch.append(.put, key: key, value: value)
  }

  func commit() throws {
    var full = WriteBatch(capacity: 0)
    swap(&full, &batch)
    _ = try engine.commitAndWait(full)
  }

  func delete(_ key: ByteView) throws {
    var single = WriteBatch(capacity: 21 + key.count)
    single.append(.delete, key: key, value: ByteView())
    _ = try engine.commitAndWait(single)
  }

  func get(_ key: ByteView) throws -> Int? {
    guard try engine.read(key, wait: .allowed, into: operands) == .found else { return nil }
    return operands.operands.first?.value.touched()
  }

  func scan(from start: ByteView?, prefix: ByteView?, limit: Int) throws -> Int {
    let cursor = engine.cursor(from: nil, to: nil, at: engine.snapshot())
    if let start { try cursor.seek(to: start) } else { try cursor.seekToFirst() }
    var count = 0
    while count < limit, cursor.isValid {
      if let prefix, !cursor.key.hasPrefix(prefix) { break }
      _ = cursor.single?.value.touched()
      count += 1
      if count < limit { try cursor.next() }
    }
    return count
  }
}
