// Flushes and compactions over real table files in memory, beside a sorted map that knows what
// every key should be.

import Bytes
import Runtime
import Synchronization
import TestSupport
import VFS

@testable import LSM

/// Runs work at once and counts the time it was asked to pause.
final class InlineScheduler: Scheduler {
  private let paused = Atomic<UInt64>(0)
  let clock: ManualClock
  init(_ clock: ManualClock) { self.clock = clock }
  var pausedNanoseconds: UInt64 { paused.load(ordering: .relaxed) }
  func submit(to lane: WorkLane, _ work: @escaping @Sendable () -> Void) { work() }
  func submit(
    to lane: WorkLane, afterNanoseconds delayNanoseconds: UInt64,
    _ work: @escaping @Sendable () -> Void
  ) { work() }
  func pause(nanoseconds: UInt64) {
    paused.wrappingAdd(nanoseconds, ordering: .relaxed)
    clock.advance(nanoseconds: nanoseconds)
  }
}

/// A store made of memtable, version and jobs, without an engine.
struct JobWorld {
  let files = SimulatedFileSystem()
  let clock = ManualClock()
  let scheduler: InlineScheduler
  let store: TableStore
  let cache = BlockCache(byteCount: 1 << 20)
  let budget: IOBudget
  var options = EngineOptions()
  var version = Version.empty
  /// Lists as `TextMerger` makes them.
  var model: [[UInt8]: [UInt8]] = [:]
  var random: SeededGenerator
  var sequence: UInt64 = 0
  let stop = StopFlag()
  private let numbers = Numbers()

  final class StopFlag: Sendable {
    private let flag = Atomic<Int>(.max)
    /// Counts down each time it is asked; stops at zero.
    func set(after checks: Int) { flag.store(checks, ordering: .relaxed) }
    var isSet: Bool { flag.wrappingSubtract(1, ordering: .relaxed).newValue < 0 }
  }

  final class Numbers: Sendable {
    private let next = Atomic<UInt64>(1)
    func new() -> FileNumber { FileNumber(next.wrappingAdd(1, ordering: .relaxed).oldValue) }
  }

  init(seed: UInt64) throws {
    random = SeededGenerator(seed: seed)
    scheduler = InlineScheduler(clock)
    budget = IOBudget(time: clock, for: .compaction)
    try files.createDirectory("/db")
    try files.syncDirectory("/")
    store = TableStore(
      directory: "/db", fileSystem: files, scheduler: scheduler,
      cache: cache, removalFailed: { _ in })
    options.blockByteCount = 256
    options.tableFileByteCount = 2_048
    options.baseLevelByteCount = 4_096
    options.levelMultiplier = 4
    options.levelZeroTrigger = 3
  }

  var environment: JobEnvironment {
    JobEnvironment(
      directory: "/db", fileSystem: files, tables: store, time: clock, scheduler: scheduler,
      options: options, merger: TextMerger(),
      budget: budget, flushBudget: IOBudget(time: clock, for: .flush),
      newFileNumber: { [numbers] in numbers.new() },
      shouldStop: { [stop] in stop.isSet })
  }

  /// A sealed memtable of random entries, which the model learns too.
  mutating func memtable(entries: Int, keys: Int = 200) -> Memtable {
    let table = Memtable(
      memory: MemoryBudget(byteCount: 1 << 30), merger: TextMerger())
    for _ in 0..<entries {
      sequence += 1
      let key = Array("key\(Int.random(in: 0..<keys, using: &random))".utf8)
      let kind: EntryKind = random.chance(0.6) ? .merge : random.chance(0.5) ? .put : .delete
      let value: [UInt8] =
        kind == .delete
        ? []
        : (0..<Int.random(in: 1...9, using: &random)).map { _ in
          .random(in: 0...255, using: &random)
        }
      ByteView.of(key) { key in
        ByteView.of(value) { value in
          table.insert(kind: kind, key: key, value: value, sequence: SequenceNumber(sequence))
        }
      }
      switch kind {
      case .put: model[key] = value
      case .delete: model[key] = nil
      case .merge: model[key, default: []] += value
      }
    }
    return table
  }

  mutating func flush(_ memtables: [Memtable]) throws {
    install(try FlushJob(memtables, version: version, newer: .none, environment: environment).run())
  }

  func choose(_ change: (inout CompactionSituation) -> Void = { _ in }) -> CompactionChoice? {
    var situation = CompactionSituation(version: version, options: options)
    change(&situation)
    return LeveledPolicy().choose(situation)
  }

  func run(_ choice: CompactionChoice) throws(EngineError) -> JobResult {
    try CompactionJob(choice, version: version, newer: .none, environment: environment).run()
  }

  mutating func install(_ result: JobResult) {
    let store = store
    version = version.applying(result.edit) { TableFile($0, in: store) }
  }

  /// Keys whose state differs from the model's.
  func differences(keys: Int = 200) throws -> [String] {
    var wrong: [String] = []
    for index in 0..<keys {
      let key = Array("key\(index)".utf8)
      let list = OperandList()
      try collect(key, into: list)
      if TextMerger.value(of: list.operands) != model[key] { wrong.append("key\(index)") }
    }
    return wrong
  }

  private func collect(_ key: [UInt8], into list: OperandList) throws {
    try ByteView.of(key) { (key) throws(EngineError) in
      for content in version.levels {
        for file in content.files where file.metadata.covers(key) {
          let reader = try file.handle.reader(wait: .allowed)
          _ = try reader.get(key, hash: key.persistedHash, wait: .allowed, into: list)
          if list.isComplete { return }
        }
      }
    }
  }

  /// Table files on the disk that the version does not name.
  func strayFiles() throws -> [String] {
    var known: Set<String> = []
    version.forEachFile { known.insert(FileName.table($1.number).name) }
    return try files.list("/db").filter { !known.contains($0) }
  }
}
