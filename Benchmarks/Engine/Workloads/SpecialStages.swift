// Stages about one question each: rows of many columns, opening after a kill, deleted rows.

import Bytes
import Glibc
import Runtime

extension StageRunner {
  private static var columns: Int { 50 }

  // MARK: - Wide rows

  /// Columns arrive one after the other for all rows, as scores that are streamed in at different
  /// times; then whole rows are read.
  func runWideRows() throws {
    let directory = directory("wide")
    try remove(directory)
    var settings = try settings(directory)
    settings.isWide = true
    let rows = UInt64(max(plan.entryCount / Self.columns, 1))
    let engine = try E(settings)
    let before = ProcessFigures.now()
    let pace = Pace(steps: rows * UInt64(Self.columns))
    let result = try drive(engine, pace, values: values) { session, worker, number in
      let key = worker.text.key(RowNumber.present(number % rows), column: Int(number / rows))
      // Scattered: else a row's cells would be alike.
      try session.put(key, worker.values.value(RowNumber.present(number)))
    }
    let filled = try finish(result, .wideFill, engine, in: directory, since: before)
    if wants(.wideFill) { try emit(filled) }
    try engine.close()
    if wants(.wideRead) { try readWideRows(settings, rows) }
    try remove(directory)
  }

  private func readWideRows(_ settings: EngineSettings, _ rows: UInt64) throws {
    let engine = try E(settings)
    let columns = Self.columns
    _ = try engine.makeSession().scan(from: nil, prefix: nil, limit: .max)
    func read(_ seconds: Double) throws -> DriveResult {
      try drive(engine, Pace(seconds: seconds), values: values) { session, worker, _ in
        let prefix = worker.text.prefix(RowNumber.present(worker.draw(Int(rows))))
        guard try session.scan(from: prefix, prefix: prefix, limit: .max) == columns else {
          throw EngineFailure("a row lacks columns")
        }
      }
    }
    _ = try read(plan.seconds / 2)
    try emit(measurement(read(plan.seconds), .wideRead))
    try engine.close()
  }

  // MARK: - Opening after a kill

  /// Entries of the log that is recovered: 256 MiB, less where a third of that many is asked for.
  private var loggedCount: UInt64 {
    UInt64(max(min(plan.entryCount * 3, (256 << 20) / StagePlan.entryByteCount), 1))
  }

  private var logDirectory: String { directory("log") }

  /// Writes a log, nothing of which is flushed, and dies.
  func loadLog() throws {
    try remove(logDirectory)
    var settings = try settings(logDirectory)
    settings.keepsLog = true
    let engine = try E(settings)
    _ = try drive(engine, Pace(steps: loggedCount), values: values) { session, worker, number in
      try session.put(worker.text.key(RowNumber.present(number)), worker.values.value(number))
    }
    kill(getpid(), SIGKILL)
  }

  /// Opens what `loadLog` left, with ordinary settings.
  func recover() throws {
    let before = ProcessFigures.now()
    let started = SystemTime().monotonicNanoseconds
    let engine = try E(settings(logDirectory))
    let session = try engine.makeSession()
    let worker = Worker(values: values)
    guard try session.get(worker.text.key(RowNumber.present(loggedCount - 1))) != nil else {
      throw EngineFailure.missed
    }
    var measurement = Measurement(engine: plan.engine.rawValue, workload: Workload.recover.rawValue)
    measurement.operations = loggedCount
    measurement.seconds = Double(SystemTime().monotonicNanoseconds - started) / 1e9
    measurement.cpuMicrosecondsPerOperation =
      (ProcessFigures.now().cpuSeconds - before.cpuSeconds) * 1e6 / Double(loggedCount)
    measurement.peakBytes = ProcessFigures.peakByteCount
    try emit(measurement)
    try engine.close()
    try remove(logDirectory)
  }

  // MARK: - Deleted rows

  /// Rows before and behind the deleted ones.
  private static var margin: UInt64 { 1_000 }

  /// Seeks to the first of many deleted rows: the next live one is far behind it.
  func seekOverDeleted() throws {
    let directory = directory("deleted")
    try remove(directory)
    let engine = try E(settings(directory))
    let deleted = UInt64(min(100_000, plan.entryCount / 2))
    let margin = Self.margin
    try write(engine, rows: deleted + 2 * margin)
    _ = try settle(engine)
    _ = try drive(engine, Pace(steps: deleted), values: values) { session, worker, number in
      try session.delete(worker.text.key(margin + number))
    }
    func seek(_ workload: Workload) throws {
      let result = try drive(engine, Pace(seconds: plan.seconds), values: values) {
        session, worker, _ in
        guard try session.scan(from: worker.text.key(margin), prefix: nil, limit: 1) == 1 else {
          throw EngineFailure.missed
        }
      }
      if wants(workload) { try emit(measurement(result, workload)) }
    }
    try seek(.deleted)
    _ = try settle(engine)
    try seek(.deletedSettled)
    try engine.close()
    try remove(directory)
  }

  private func write(_ engine: E, rows: UInt64) throws {
    _ = try drive(engine, Pace(steps: rows), values: values) { session, worker, number in
      try session.put(worker.text.key(number), worker.values.value(number))
    }
  }
}
