// The workloads, each timed from its first to its last operation.

import Bytes
import Glibc
import LSM
import Runtime
import Synchronization
import VFS

/// Keeps the newest value of a key: rows of this benchmark are only put.
final class PutMerger: ValueMerger {
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

/// Runs workloads on one engine in one directory. Confined to the main thread but for the writers
/// that it starts and joins.
final class WorkloadRunner {
  private let options: BenchmarkOptions
  private let scheduler = ThreadScheduler()
  private let time = SystemTime()
  private let files = PosixFileSystem()
  private let memory: MemoryBudget
  private let cache: BlockCache
  private var engine: Engine

  init(_ options: BenchmarkOptions) throws {
    self.options = options
    memory = MemoryBudget(byteCount: options.memoryMebibytes << 20)
    cache = BlockCache(byteCount: (options.memoryMebibytes << 20) / 2)
    try? files.removeTree(options.directory)
    engine = try WorkloadRunner.open(options, scheduler, files, cache, memory)
  }

  private static func open(
    _ options: BenchmarkOptions, _ scheduler: ThreadScheduler, _ files: PosixFileSystem,
    _ cache: BlockCache, _ memory: MemoryBudget
  ) throws -> Engine {
    let environment = EngineEnvironment(
      fileSystem: files, time: SystemTime(), scheduler: scheduler,
      randomSeed: UInt64.random(in: 0 ... .max), cache: cache, memory: memory)
    return try Engine.open(
      options.directory, environment: environment, options: EngineOptions(), merger: PutMerger())
  }

  private func open() throws {
    engine = try WorkloadRunner.open(options, scheduler, files, cache, memory)
  }

  private func startEmpty() throws {
    try engine.close()
    try files.removeTree(options.directory)
    try open()
  }

  func finish() throws {
    try engine.close()
    try files.removeTree(options.directory)
    scheduler.shutDown()
  }

  func run(_ workload: String) throws {
    switch workload {
    case "fillsync1": try fillSync(threads: 1)
    case "fillsync8": try fillSync(threads: 8)
    case "fillsync32": try fillSync(threads: 32)
    case "fillrandom":
      try startEmpty()
      try fill(workload, batchCount: 1)
    case "fillbatch":
      try startEmpty()
      try fill(workload, batchCount: 16)
    case "overwrite": try fill(workload, batchCount: 16)
    case "readrandom": try read(workload, suffix: nil)
    case "readmiss": try read(workload, suffix: UInt8(ascii: "x"))
    case "scan": try scan()
    default: try recover()
    }
  }

  // MARK: Keys and values

  /// 14 digits of a number that looks like chance, then `:cNN`.
  private static func setKey(_ number: UInt64, _ key: inout [UInt8]) {
    var rest = (number &* 0x9e37_79b9_7f4a_7c15) % 100_000_000_000_000
    for index in stride(from: 13, through: 0, by: -1) {
      key[index] = UInt8(48 + rest % 10)
      rest /= 10
    }
    let column = number % 100
    key[14] = UInt8(ascii: ":")
    key[15] = UInt8(ascii: "c")
    key[16] = UInt8(48 + column / 10)
    key[17] = UInt8(48 + column % 10)
  }

  private static func setValue(_ random: inout Xorshift, _ value: inout [UInt8]) {
    for index in 0..<50 { value[index] = UInt8(truncatingIfNeeded: random.next()) }
  }

  private static func append(
    _ key: [UInt8], _ value: [UInt8], to batch: inout WriteBatch
  ) {
    ByteView.of(key) { key in
      ByteView.of(value) { value in batch.append(.put, key: key, value: value) }
    }
  }

  // MARK: Writing

  /// Unsynced commits by one caller, without waiting for answers beyond what the queue asks.
  private func fill(_ name: String, batchCount: Int) throws {
    var random = Xorshift(seed: 7)
    var key = [UInt8](repeating: 0, count: 18)
    var value = [UInt8](repeating: UInt8(ascii: "v"), count: 100)
    let before = engine.statistics
    let meter = Meter(time)
    var number = 0
    while number < options.count {
      var batch = WriteBatch(capacity: 140 * batchCount)
      for _ in 0..<batchCount {
        WorkloadRunner.setKey(random.next() % UInt64(options.count), &key)
        WorkloadRunner.setValue(&random, &value)
        WorkloadRunner.append(key, value, to: &batch)
      }
      number += batchCount
      let started = time.monotonicNanoseconds
      _ = try engine.commitAndWait(batch, durability: Durability.none)
      meter.add(time.monotonicNanoseconds - started)
    }
    var report = Report(name, count: number, meter)
    let burst = engine.statistics
    let settled = waitUntilSettled()
    report.add(meter)
    report.add("batch", batchCount)
    report.add("longestCommitMs", Double(burst.longestCommitNanoseconds) / 1e6)
    report.add("slowdowns", Int(burst.slowdowns - before.slowdowns))
    report.add("settleSeconds", Double(settled) / 1e9)
    addAmplification(&report, before)
    report.emit()
  }

  private func addAmplification(_ report: inout Report, _ before: EngineStatistics) {
    let after = engine.statistics
    let committed = Double(after.bytesCommitted - before.bytesCommitted)
    let tables = Double(
      after.bytesFlushed - before.bytesFlushed + after.bytesCompacted - before.bytesCompacted)
    report.add("tableWriteAmplification", tables / committed)
    let size = after.levels.reduce(0) { $0 + $1.byteCount }
    report.add("tableMiB", Double(size) / 1_048_576)
    report.add("files", after.levels.map { "\($0.fileCount)" }.joined(separator: " "))
  }

  private func waitUntilSettled() -> UInt64 {
    let started = time.monotonicNanoseconds
    var last = engine.statistics
    var quiet = 0
    while quiet < 12, time.monotonicNanoseconds - started < 120_000_000_000 {
      usleep(250_000)
      let now = engine.statistics
      let isSame = now.bytesCompacted == last.bytesCompacted && now.flushes == last.flushes
      quiet = isSame && now.sealedMemtableCount == 0 ? quiet + 1 : 0
      last = now
    }
    return time.monotonicNanoseconds - started - 3_000_000_000
  }

  /// Synced commits of one entry, each caller waiting for its answer.
  private func fillSync(threads: Int) throws {
    let perThread = max(20, min(options.count / 100, 20_000) / threads)
    let meters = Mutex<[Meter]>([])
    let engine = engine
    let time = time
    let all = Meter(time)
    var handles: [WorkerThread] = []
    for index in 0..<threads {
      let thread = WorkerThread(name: "writer-\(index)") {
        var random = Xorshift(seed: UInt64(index) + 99)
        var key = [UInt8](repeating: 0, count: 18)
        var value = [UInt8](repeating: UInt8(ascii: "v"), count: 100)
        let meter = Meter(time)
        for _ in 0..<perThread {
          WorkloadRunner.setKey(random.next() % 1_000_000, &key)
          WorkloadRunner.setValue(&random, &value)
          var batch = WriteBatch()
          WorkloadRunner.append(key, value, to: &batch)
          let started = time.monotonicNanoseconds
          _ = try? engine.commitAndWait(batch, durability: .sync)
          meter.add(time.monotonicNanoseconds - started)
        }
        meters.withLock { $0.append(meter) }
      }
      if let thread { handles.append(thread) }
    }
    for handle in handles { handle.join() }
    var report = Report("fillsync", count: perThread * threads, all)
    let merged = Meter(time)
    for meter in meters.withLock({ $0 }) { merged.add(meter) }
    report.add(merged)
    report.add("threads", threads)
    report.emit()
  }

  // MARK: Reading

  private func read(_ name: String, suffix: UInt8?) throws {
    var random = Xorshift(seed: 11)
    var key = [UInt8](repeating: 0, count: 18)
    let list = OperandList()
    let count = min(options.count, 1_000_000)
    // Once to fill the cache, once to measure.
    for isMeasured in [false, true] {
      let meter = Meter(time)
      var found = 0
      for _ in 0..<count {
        WorkloadRunner.setKey(random.next() % UInt64(options.count), &key)
        if let suffix { key[17] = suffix }
        let lookup = try ByteView.of(key) {
          try engine.get($0, at: engine.snapshot(), wait: .allowed, into: list)
        }
        if lookup == .found { found += 1 }
      }
      guard isMeasured else { continue }
      var report = Report(name, count: count, meter)
      report.add("found", found)
      report.emit()
    }
  }

  private func scan() throws {
    for isMeasured in [false, true] {
      let meter = Meter(time)
      let cursor = engine.cursor(from: nil, to: nil, at: engine.snapshot())
      var count = 0
      var byteCount = 0
      try cursor.seekToFirst()
      while cursor.isValid {
        count += 1
        byteCount += cursor.key.count + (cursor.operands.first?.value.count ?? 0)
        try cursor.next()
      }
      guard isMeasured else { continue }
      var report = Report("scan", count: count, meter)
      report.add("MiB", Double(byteCount) / 1_048_576)
      report.emit()
    }
  }

  // MARK: Recovering

  /// Opens a copy of the directory as a killed process would leave it: logs not written out.
  private func recover() throws {
    try startEmpty()
    var random = Xorshift(seed: 5)
    var key = [UInt8](repeating: 0, count: 18)
    var value = [UInt8](repeating: UInt8(ascii: "v"), count: 100)
    for _ in 0..<min(options.count, 200_000) / 16 {
      var batch = WriteBatch(capacity: 140 * 16)
      for _ in 0..<16 {
        WorkloadRunner.setKey(random.next(), &key)
        WorkloadRunner.setValue(&random, &value)
        WorkloadRunner.append(key, value, to: &batch)
      }
      _ = try engine.commitAndWait(batch, durability: Durability.none)
    }
    let logByteCount = engine.statistics.logByteCount
    let copy = options.directory + "-copy"
    try? files.removeTree(copy)
    try files.createDirectory(copy)
    for name in try files.list(options.directory) {
      let source = try files.openForReading("\(options.directory)/\(name)")
      var buffer = ByteBuffer(capacity: Int(source.byteCount))
      _ = try buffer.append(capacity: Int(source.byteCount)) { room in
        try source.read(into: room, at: 0, wait: .allowed) ?? 0
      }
      let target = try files.create("\(copy)/\(name)")
      try target.write(buffer.view.buffer, at: 0)
      try target.close()
    }
    let meter = Meter(time)
    var copyOptions = options
    copyOptions.directory = copy
    let opened = try WorkloadRunner.open(copyOptions, scheduler, files, cache, memory)
    var report = Report("recover", count: min(options.count, 200_000), meter)
    report.add("logMiB", Double(logByteCount) / 1_048_576)
    report.add("milliseconds", Double(meter.elapsed) / 1e6)
    report.emit()
    try opened.close()
    try files.removeTree(copy)
  }
}
