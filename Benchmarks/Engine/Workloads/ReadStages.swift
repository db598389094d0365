// Stages that read single rows: from memory, beside a writer, and from the device.

import Bytes
import Glibc
import Histogram
import Runtime
import Synchronization

extension StageRunner {
  func readWarm() throws {
    let engine = try E(settings(mainDirectory))
    try warm(engine)
    try readPoints(engine, .read, threads: 1)
    try readPoints(engine, .read2, threads: 2)
    try readHot(engine)
    try readAbsent(engine)
    try scanAll(engine, .scan)
    try seek(engine, .seek10, count: 10)
    try seek(engine, .seek100, count: 100)
    // Last: it changes what there is to read.
    if wants(.readWhileWriting) || wants(.pacedWriter) { try readBesideWriter(engine) }
    try engine.close()
  }

  /// The same rows with memory for a quarter of them, past the page cache.
  func readCold() throws {
    var settings = try settings(mainDirectory)
    settings.memoryByteCount = max(plan.userByteCount / 4, 16 << 20)
    settings.readsDirectly = true
    let engine = try E(settings)
    try readPoints(engine, .coldRead, threads: 1)
    try seek(engine, .coldSeek, count: 100)
    try scanAll(engine, .coldScan)
    try engine.close()
  }

  /// All blocks once, then rows for long enough that a cache of rows is full too.
  private func warm(_ engine: E) throws {
    guard
      try engine.makeSession().scan(from: nil, prefix: nil, limit: .max) == plan.entryCount
    else { throw EngineFailure("a scan did not see every row") }
    let pace = Pace(threads: 2, seconds: plan.seconds * 3)
    let entryCount = plan.entryCount
    _ = try drive(engine, pace, values: values) { session, worker, _ in
      _ = try session.get(worker.text.key(RowNumber.present(worker.draw(entryCount))))
    }
  }

  private func readPoints(_ engine: E, _ workload: Workload, threads: Int) throws {
    guard wants(workload) else { return }
    let pace = Pace(threads: threads, seconds: plan.seconds)
    let entryCount = plan.entryCount
    let result = try driveWarm(engine, pace) { session, worker, _ in
      let row = RowNumber.present(worker.draw(entryCount))
      guard try session.get(worker.text.key(row)) != nil else { throw EngineFailure.missed }
    }
    try emit(measurement(result, workload, threads: threads))
  }

  /// Half as long as it is measured unmeasured: caches then hold what such a load makes them hold,
  /// not what ran before.
  private func driveWarm(
    _ engine: E, _ pace: Pace,
    step: @escaping @Sendable (E.Session, Worker, UInt64) throws -> Void
  ) throws -> DriveResult {
    var warming = pace
    warming.seconds /= 2
    _ = try drive(engine, warming, values: values, step: step)
    return try drive(engine, pace, values: values, step: step)
  }

  private func readHot(_ engine: E) throws {
    guard wants(.hot) else { return }
    let rows = HotRows(entryCount: plan.entryCount)
    let result = try driveWarm(engine, Pace(seconds: plan.seconds)) {
      session, worker, number in
      let row = RowNumber.present(rows.row(number))
      guard try session.get(worker.text.key(row)) != nil else { throw EngineFailure.missed }
    }
    try emit(measurement(result, .hot))
  }

  private func readAbsent(_ engine: E) throws {
    guard wants(.miss) else { return }
    let entryCount = plan.entryCount
    let result = try driveWarm(engine, Pace(seconds: plan.seconds)) {
      session, worker, _ in
      let row = RowNumber.absent(worker.draw(entryCount))
      guard try session.get(worker.text.key(row)) == nil else {
        throw EngineFailure("a row was found that nobody wrote")
      }
    }
    try emit(measurement(result, .miss))
  }

  private func scanAll(_ engine: E, _ workload: Workload) throws {
    guard wants(workload) else { return }
    let entryCount = plan.entryCount
    var result = try drive(
      engine, Pace(steps: 1, operationsPerStep: UInt64(entryCount)), values: values
    ) { session, _, _ in
      guard try session.scan(from: nil, prefix: nil, limit: .max) == entryCount else {
        throw EngineFailure("a scan did not see every row")
      }
    }
    // One scan is no distribution.
    result.latencies = .empty
    try emit(measurement(result, workload))
  }

  private func seek(_ engine: E, _ workload: Workload, count: Int) throws {
    guard wants(workload) else { return }
    let entryCount = plan.entryCount
    let result = try driveWarm(engine, Pace(seconds: plan.seconds)) {
      session, worker, _ in
      let row = RowNumber.present(worker.draw(entryCount))
      let seen = try session.scan(from: worker.text.key(row), prefix: nil, limit: count)
      guard seen > 0 else { throw EngineFailure.missed }
    }
    try emit(measurement(result, workload))
  }

  private func readBesideWriter(_ engine: E) throws {
    let writer = PacedWriter(engine, entryCount: plan.entryCount, values: values)
    let thread = WorkerThread(name: "writer") { writer.run() }
    guard let thread else { throw EngineFailure("the system has no thread left") }
    let pace = Pace(threads: 2, seconds: plan.seconds * 2)
    let entryCount = plan.entryCount
    let result: DriveResult
    do {
      result = try drive(engine, pace, values: values) { session, worker, _ in
        let row = RowNumber.present(worker.draw(entryCount))
        guard try session.get(worker.text.key(row)) != nil else { throw EngineFailure.missed }
      }
    } catch {
      writer.stop()
      thread.join()
      throw error
    }
    writer.stop()
    thread.join()
    if wants(.readWhileWriting) { try emit(measurement(result, .readWhileWriting, threads: 2)) }
    var written = try writer.outcome()
    written.seconds = result.seconds
    var measurement = measurement(written, .pacedWriter)
    measurement.cpuMicrosecondsPerOperation = nil
    if wants(.pacedWriter) { try emit(measurement) }
  }
}

extension EngineFailure {
  static let missed = EngineFailure("a row that was written is not there")
}

/// Puts rows at a steady rate until it is told to stop.
private final class PacedWriter<E: MeasuredEngine>: Sendable {
  private static var rate: UInt64 { 50_000 }
  private static var burst: UInt64 { 50 }
  private let engine: E
  private let entryCount: Int
  private let values: ValuePool
  private let isStopped = Atomic<Bool>(false)
  private let result = Mutex<Result<DriveResult, any Error>>(.success(DriveResult()))

  init(_ engine: E, entryCount: Int, values: ValuePool) {
    self.engine = engine
    self.entryCount = entryCount
    self.values = values
  }

  func stop() { isStopped.store(true, ordering: .relaxed) }
  func outcome() throws -> DriveResult { try result.withLock { try $0.get() } }

  func run() {
    do {
      let done = try write()
      result.withLock { $0 = .success(done) }
    } catch {
      result.withLock { $0 = .failure(error) }
    }
  }

  private func write() throws -> DriveResult {
    let time = SystemTime()
    let session = try engine.makeSession()
    let worker = Worker(values: values)
    let started = time.monotonicNanoseconds
    var done = DriveResult()
    while !isStopped.load(ordering: .relaxed) {
      let due = started + done.operations * 1_000_000_000 / PacedWriter.rate
      let now = time.monotonicNanoseconds
      if now < due {
        usleep(UInt32((due - now) / 1_000 + 1))
        continue
      }
      for _ in 0..<PacedWriter.burst {
        let row = RowNumber.present(worker.draw(entryCount))
        let before = time.monotonicNanoseconds
        try session.put(worker.text.key(row), worker.values.value(row))
        let taken = time.monotonicNanoseconds - before
        _ = done.latencies.record(min(taken, Latencies.longest), count: 1)
        done.operations += 1
      }
    }
    return done
  }
}
