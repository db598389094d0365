// One stage on one engine, in a process of its own.

import Bytes
import Foundation
import Histogram
import Runtime
import VFS

/// What a process is asked to measure.
struct StagePlan: Sendable {
  var engine: EngineName
  var stage: Stage
  /// Those to tell of; others of the stage are done where later ones stand on them.
  var workloads: Set<Workload>
  var directory: String
  var entryCount: Int
  /// Of each timed workload.
  var seconds: Double
  var memoryByteCount: Int

  /// Of keys and values.
  var userByteCount: Int { entryCount * StagePlan.entryByteCount }
  static let entryByteCount = KeyText.byteCount + ValuePool.byteCount
}

struct StageRunner<E: MeasuredEngine> {
  let plan: StagePlan
  let values = ValuePool()
  let emit: (Measurement) throws -> Void

  func run() throws {
    switch plan.stage {
    case .fill: try fill()
    case .cold: try readCold()
    case .read: try readWarm()
    case .overwrite: try overwrite()
    case .fillBatches: try fillBatches()
    case .sync: try fillSynced()
    case .wide: try runWideRows()
    case .load: try loadLog()
    case .recover: try recover()
    case .deleted: try seekOverDeleted()
    }
  }

  func wants(_ workload: Workload) -> Bool { plan.workloads.contains(workload) }

  // MARK: - Directories

  /// The directory of the rows that `fill` writes.
  var mainDirectory: String { directory("main") }

  func directory(_ name: String) -> String { "\(plan.directory)/\(plan.engine.rawValue)-\(name)" }

  func settings(_ directory: String) throws -> EngineSettings {
    try PosixFileSystem().createDirectory(directory)
    return EngineSettings(directory: directory, memoryByteCount: plan.memoryByteCount)
  }

  func remove(_ directory: String) throws {
    let files = PosixFileSystem()
    if try files.exists(directory) { try files.removeTree(directory) }
  }

  // MARK: - What runs need in common

  /// Waits until flushes and compactions are done: little processor time and little written for
  /// long enough that nothing delayed is still to come.
  ///
  /// - Returns: Seconds until it was quiet.
  func settle(_ engine: E) throws -> Double {
    let time = SystemTime()
    let started = time.monotonicNanoseconds
    try engine.flush()
    // Our engine tidies up when it was idle for two seconds.
    let quietSeconds = min(2.4, plan.seconds * 2)
    let poll = 0.1
    var quiet = 0.0
    while quiet < quietSeconds, time.monotonicNanoseconds - started < 300_000_000_000 {
      let before = ProcessFigures.now()
      usleep(UInt32(poll * 1e6))
      let after = ProcessFigures.now()
      let isQuiet =
        !engine.isBusy && after.cpuSeconds - before.cpuSeconds < poll / 10
        && after.writtenByteCount - before.writtenByteCount < 256 << 10
      quiet = isQuiet ? quiet + poll : 0
    }
    return max(0, Double(time.monotonicNanoseconds - started) / 1e9 - quiet)
  }

  /// A measurement of writes with what they left to the background: settled, its processor time
  /// and bytes counted, closed.
  func finish(
    _ result: DriveResult, _ workload: Workload, _ engine: E, in directory: String,
    since before: ProcessFigures
  ) throws -> Measurement {
    var measurement = measurement(result, workload)
    measurement.settleSeconds = try settle(engine)
    let after = ProcessFigures.now()
    let operations = Double(max(result.operations, 1))
    measurement.cpuMicrosecondsPerOperation =
      (after.cpuSeconds - before.cpuSeconds) * 1e6 / operations
    // A memory map that nobody syncs is written whenever the system likes.
    if plan.engine != .lmdb, after.writtenByteCount >= 0 {
      measurement.writeAmplification =
        Double(after.writtenByteCount - before.writtenByteCount)
        / (operations * Double(StagePlan.entryByteCount))
    }
    measurement.diskBytes = ProcessFigures.diskByteCount(of: directory)
    measurement.peakBytes = ProcessFigures.peakByteCount
    return measurement
  }

  func measurement(_ result: DriveResult, _ workload: Workload, threads: Int = 1) -> Measurement {
    result.measurement(plan.engine.rawValue, workload, threads: threads)
  }
}
