// The background look for garbage: tables, or the files of them, whose rules may have doomed cells
// since they were last rewritten are rewritten, idle ones too, at the pace of background work.

internal import DataModel
internal import LSM
internal import Runtime
internal import Synchronization

/// The timer of one service.
final class GCPass: Sendable {
  /// What a table needs.
  enum Due: Equatable {
    case nothing
    /// Files written before this, microseconds since 1970.
    case files(writtenBefore: Int64)
    case everything
  }

  /// A table is worth rewriting when this share of its entries is new since the last time …
  private static let newShare = 10
  /// … and a file, for rules that depend on time, when this share of the shortest age has passed
  /// since it was written: then at most about a tenth of what is kept is garbage.
  private static let ageShare: Int64 = 10

  private let time: any TimeSource
  private let scheduler: any Scheduler
  private let isStopped = Atomic<Bool>(false)
  private let jitter: Atomic<UInt64>

  init(time: any TimeSource, scheduler: any Scheduler, randomSeed: UInt64) {
    self.time = time
    self.scheduler = scheduler
    jitter = Atomic(randomSeed)
  }

  func start(_ service: TableService, intervalNanoseconds: UInt64) {
    if intervalNanoseconds == 0 { return }
    // Up to a quarter later, so that servers started together do not compact together.
    let random = jitter.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
    let delay = intervalNanoseconds + (random >> 16) % (intervalNanoseconds / 4 + 1)
    scheduler.submit(to: .compaction, afterNanoseconds: delay) { [weak self, weak service] in
      guard let self, let service, !isStopped.load(ordering: .acquiring) else { return }
      run(service)
      start(service, intervalNanoseconds: intervalNanoseconds)
    }
  }

  func stop() { isStopped.store(true, ordering: .releasing) }

  /// One look at every table.
  func run(_ service: TableService) {
    for table in service.tables {
      switch GCPass.due(table, now: time.wallMicroseconds) {
      case .nothing: break
      case .files(let writtenBefore):
        table.engine.requestCompaction(ofFilesWrittenBefore: writtenBefore)
      case .everything:
        table.engine.requestFullCompaction()
        table.counters.collected()
      }
    }
    // Totals are for people; the next pass saves them if this one cannot.
    try? service.saveTotals()
  }

  /// What of the table is worth rewriting: likely to free something.
  static func due(_ table: Table, now: Int64) -> Due {
    let rules = table.rules.value
    guard rules.hasGarbageRules else { return .nothing }
    let statistics = table.engine.statistics
    let entries = statistics.levels.reduce(0) { $0 + $1.entryCount }
    let new = table.counters.uncollectedEntries
    if new > 0, new >= entries / UInt64(newShare) { return .everything }
    guard let age = rules.families.compactMap({ $0.gc?.shortestAge }).min(),
      let oldest = statistics.oldestFileMicroseconds
    else { return .nothing }
    let time = now - age / ageShare
    return oldest < time ? .files(writtenBefore: time) : .nothing
  }
}
