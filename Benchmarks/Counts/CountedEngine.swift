// An engine with twenty thousand rows, merged into one level, and the operations on it.

import Bytes
import LSM
import Runtime
import VFS

final class CountedEngine {
  private static let rowCount: UInt64 = 20_000
  private static let batchCount = 16
  private static let keyByteCount = 18
  private static let valueByteCount = 100
  private static let memoryByteCount = 64 << 20

  private let directory: String
  private let files = PosixFileSystem()
  private let scheduler = ThreadScheduler()
  private let engine: Engine
  private let list = OperandList()
  /// A key, then a value.
  private let text = UnsafeMutableRawPointer.allocate(
    byteCount: keyByteCount + valueByteCount, alignment: 16)
  private var random = SplitMix64(seed: 1)

  init(_ directory: String) throws {
    self.directory = directory
    try files.createDirectory(directory)
    var options = EngineOptions(memoryByteCount: CountedEngine.memoryByteCount)
    options.durability = .none
    // Nothing tidies up by itself meanwhile.
    options.idleNanoseconds = .max
    let memory = MemoryBudget(byteCount: CountedEngine.memoryByteCount)
    engine = try Engine.open(
      directory,
      environment: EngineEnvironment(
        fileSystem: files, time: SystemTime(), scheduler: scheduler, randomSeed: 1,
        cache: BlockCache(byteCount: 32 << 20), memory: memory,
        rows: RowCache(byteCount: 16 << 20, borrowing: memory)),
      options: options, merger: NewestWins())
    text.initializeMemory(
      as: UInt8.self, repeating: 0x30,
      count: CountedEngine.keyByteCount + CountedEngine.valueByteCount)
    for row in 0..<CountedEngine.rowCount { try put(row) }
    try engine.flush()
    try engine.compactAll()
    for row in 0..<CountedEngine.rowCount { _ = try read(row * 2) }
  }

  func close() throws {
    try engine.close()
    scheduler.shutDown()
  }

  deinit { text.deallocate() }

  func remove() { try? files.removeTree(directory) }

  /// Does what an operation stands on.
  func prepare(_ operation: Operation, _ count: Int) throws {
    guard operation == .flush else { return }
    for row in 0..<UInt64(count) { try put(row) }
  }

  /// Runs an operation so many times.
  ///
  /// - Returns: How many units of it that were.
  func run(_ operation: Operation, _ count: Int) throws -> Int {
    switch operation {
    case .hit: for _ in 0..<count { expect(try read(drawn() * 2) == .found) }
    case .get:
      let snapshot = engine.snapshot()
      for _ in 0..<count {
        let found = try engine.get(key(drawn() * 2), at: snapshot, wait: .allowed, into: list)
        expect(found == .found)
      }
      list.clear()
    case .miss: for _ in 0..<count { expect(try read(drawn() * 2 + 1) == .absent) }
    case .seek: for _ in 0..<count { expect(try scan(from: drawn() * 2, limit: 10) > 0) }
    case .next:
      var seen = 0
      while seen < count { seen += try scan(from: 0, limit: .max) }
      return seen
    case .put: for _ in 0..<count { try put(drawn()) }
    case .batch:
      let batches = max(count / CountedEngine.batchCount, 1)
      for _ in 0..<batches { try putBatch() }
      return batches * CountedEngine.batchCount
    case .flush: try engine.flush()
    }
    return count
  }

  private func read(_ number: UInt64) throws -> Lookup {
    try engine.read(key(number), wait: .allowed, into: list)
  }

  private func scan(from number: UInt64, limit: Int) throws -> Int {
    let cursor = engine.cursor(from: nil, to: nil, at: engine.snapshot())
    try cursor.seek(to: key(number))
    var count = 0
    while count < limit, cursor.isValid {
      count += 1
      if count < limit { try cursor.next() }
    }
    return count
  }

  private func put(_ row: UInt64) throws {
    var batch = WriteBatch(capacity: 160)
    batch.append(.put, key: key(row * 2), value: value)
    _ = try engine.commitAndWait(batch)
  }

  private func putBatch() throws {
    var batch = WriteBatch(capacity: 160 * CountedEngine.batchCount)
    for _ in 0..<CountedEngine.batchCount {
      batch.append(.put, key: key(drawn() * 2), value: value)
    }
    _ = try engine.commitAndWait(batch)
  }

  private func expect(_ isRight: Bool) {
    precondition(isRight, "an operation finds what is there, and nothing else")
  }

  private func drawn() -> UInt64 { random.next() % CountedEngine.rowCount }

  /// Digits, valid until the next key.
  private func key(_ number: UInt64) -> ByteView {
    var rest = number
    for place in (0..<CountedEngine.keyByteCount).reversed() {
      text.storeBytes(of: UInt8(0x30 + rest % 10), toByteOffset: place, as: UInt8.self)
      rest /= 10
    }
    return ByteView(UnsafeRawPointer(text), count: CountedEngine.keyByteCount)
  }

  private var value: ByteView {
    ByteView(
      UnsafeRawPointer(text + CountedEngine.keyByteCount), count: CountedEngine.valueByteCount)
  }
}

/// Entries here are puts; the newest says it all.
private final class NewestWins: ValueMerger {
  func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, newer: NewerEntries,
    into output: inout MergeOutput
  ) -> MergeOutcome {
    guard operands.count > 1, let newest = operands.first else { return .unchanged }
    output.bytes.append(newest.value)
    return .put
  }
}
