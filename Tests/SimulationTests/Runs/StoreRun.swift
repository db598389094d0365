// Runs a history against a real store in a simulated world and compares every answer with the
// model's.

import Bytes
import DataModel
import LSM
import TestSupport
import Tablets
import VFS

/// What a run came to, if it went well.
struct RunResult: Equatable {
  /// Hash of all answers that the model decides: equal under all options.
  var answers: UInt64 = 0
  /// Hash of all file operations.
  var trace: UInt64 = 0
  var stepCount = 0
  var crashStateCount = 0
  var failedOperationCount = 0
}

/// How histories are run.
struct RunSetup {
  var options = OptionSet.all[0]
  var seed: UInt64 = 1
  /// The state of the store is cloned before every file operation, once for each of these shares,
  /// opened and compared; empty for none.
  var crashShares: [Double] = []
  /// Another number gives another order of background work, and must give the same answers.
  var dice: UInt64 = 0
  /// Disks that acknowledge syncs and do not do them, for broken controls.
  var ignoredSyncs: Set<FileOperation> = []
  /// A bug planted in what the store is asked, for broken controls: changes a request on its way.
  var tamper: (@Sendable (MutationRequest) -> MutationRequest)?
}

/// One store, one model, one history.
final class StoreRun {
  let setup: RunSetup
  let world: ServiceWorld
  var service: TableService?
  /// The store as it must be, with what a crash could do to it.
  var expected = StoreExpectation()
  var result = RunResult()
  /// Microseconds on the wall clock.
  var now: Int64 = 0
  /// What the step under way may leave behind if the machine stops in it.
  var underWay = StoreExpectation()
  /// Since the last opening some operation failed, or the disk was full.
  var hasSeenFaults = false
  /// The operations are kept as text, for `traceLines`.
  var keepsTraceText = false
  private(set) var traceLines: [String] = []
  private var failedBefore = 0
  private let clones = CrashClones()

  init(_ setup: RunSetup) {
    self.setup = setup
    world = ServiceWorld(seed: setup.seed)
    world.options = setup.options.options
  }

  /// Runs the steps.
  ///
  /// - Throws: `Difference` at the first wrong answer.
  @discardableResult
  func run(_ steps: [StoreStep]) throws -> RunResult {
    if let first = steps.first { begin(first) }
    watch()
    service = try openSurely()
    for step in steps { try run(step) }
    service?.close()
    endDisk()
    return result
  }

  /// The disk is about to be left for what a crash makes of it.
  private func endDisk() {
    result.failedOperationCount += world.files.failedOperationCount
    result.trace = (result.trace ^ world.files.traceHash) &* 0x100_0000_01b3
    traceLines += world.files.traceLines
    world.files.fault = nil
  }

  private func begin(_ step: StoreStep) {
    now = step.wall
    world.clock.holdWall(microseconds: now)
    world.scheduler.reseed(step.seed ^ setup.dice)
  }

  private func run(_ step: StoreStep) throws {
    begin(step)
    underWay = expected
    do {
      try perform(step)
      noteFaults()
      try checkClones()
    } catch let difference as Difference {
      throw Difference("step \(step.index): \(difference.text)")
    } catch {
      throw Difference("step \(step.index): unexpected \(error)")
    }
    expected.prune()
    result.stepCount += 1
  }

  private func perform(_ step: StoreStep) throws {
    switch step.action {
    case .mutate(let request): try mutate([request])
    case .mutateTogether(let requests): try mutate(requests)
    case .checkAndMutate(let table, let key, let predicate, let matched, let otherwise):
      try checkAndMutate(table, key, predicate, matched, otherwise)
    case .readModifyWrite(let table, let key, let rules):
      try readModifyWrite(table, key, rules)
    case .read(let table, let key, let options): try read(table, key, options)
    case .scan(let table, let request): try scan(table, request)
    case .statistics: try statistics()
    case .createTable(let definition): try create(definition)
    case .dropTable(let name): try drop(name)
    case .alterTable(let name, let changes): try alter(name, changes)
    case .flush(let name): try tidy(name) { table throws(TableServiceError) in try table.flush() }
    case .compact(let name):
      try tidy(name) { table throws(TableServiceError) in try table.compact() }
    case .work(let count): for _ in 0..<count { world.scheduler.runOne() }
    case .pass(let milliseconds): pass(milliseconds)
    case .reopen(let finishesWork): try reopen(finishesWork: finishesWork)
    case .crash(let share): try crash(share, seed: step.seed)
    case .fillDisk(let slack):
      world.files.byteCapacity = world.files.usedByteCount + slack
      hasSeenFaults = true
    case .fault(let plan): world.files.plan = plan
    case .heal: heal()
    }
  }

  // MARK: Faults

  func noteFaults() {
    if world.files.failedOperationCount > failedBefore { hasSeenFaults = true }
  }

  private func heal() {
    world.files.plan = nil
    world.files.byteCapacity = .max
  }

  /// An error that a fault explains passes; any other is a difference.
  func tolerate(_ error: TableServiceError, _ what: String) throws {
    noteFaults()
    guard hasSeenFaults else { throw Difference("\(what): \(error)") }
    switch error {
    case .full, .retryLater, .readOnly: return
    case .conflict(let code, _) where code == "no_permission": return
    case .invalid, .notFound, .conflict, .wouldBlock, .corruptData, .closed:
      throw Difference("\(what): \(error)")
    }
  }

  // MARK: Time and restarts

  private func pass(_ milliseconds: Int) {
    world.scheduler.run(forNanoseconds: UInt64(milliseconds) * 1_000_000)
    now += Int64(milliseconds) * 1_000
    world.clock.holdWall(microseconds: now)
    noteFaults()
    if milliseconds >= 200, !hasSeenFaults, setup.options.options.durability == .interval {
      expected.intervalHasPassed()
    }
  }

  private func reopen(finishesWork: Bool) throws {
    service?.close()
    service = nil
    noteFaults()
    if !hasSeenFaults {
      for name in expected.store.tables.keys { expected.everythingIsDurable(in: name) }
    }
    if finishesWork { world.scheduler.runReady() } else { world.scheduler.dropAll() }
    try openAgain(isPowerCut: false)
  }

  private func crash(_ share: Double, seed: UInt64) throws {
    service = nil
    if share >= 1 {
      // The machine lives on, and so does what it has not synced yet.
      world.scheduler.dropAll()
      return try openAgain(isPowerCut: false)
    }
    endDisk()
    world.crash(keeping: share, seed: seed)
    underWay.powerHasGone()
    watch()
    try openAgain(isPowerCut: true)
  }

  /// Opens with the faults that are planted; if they forbid it, without.
  private func openAgain(isPowerCut: Bool) throws {
    failedBefore = world.files.failedOperationCount
    do {
      service = try world.open()
    } catch {
      try tolerate(error, "opening")
      heal()
      world.scheduler.dropAll()
      service = try openSurely()
    }
    hasSeenFaults = world.files.byteCapacity < .max
    noteFaults()
    guard let service else { return }
    let planned = world.files.plan
    world.files.plan = nil
    defer { world.files.plan = planned }
    try expected.settle(service, isPowerCut: isPowerCut, now: now)
    for name in expected.store.tables.keys { expected.everythingIsDurable(in: name) }
  }

  private func openSurely() throws -> TableService {
    do throws(TableServiceError) { return try world.open() } catch {
      throw Difference("the store does not open: \(error)")
    }
  }

  // MARK: Crash states

  /// From now on the state before every operation is kept until the step ends.
  private func watch() {
    let clock = world.clock
    world.files.onSlowOperation = { clock.advance(nanoseconds: $0) }
    world.files.ignoredSyncs = setup.ignoredSyncs
    world.files.keepsTraceText = keepsTraceText
    guard !setup.crashShares.isEmpty else { return }
    let (clones, shares, files) = (clones, setup.crashShares, world.files)
    world.files.fault = { [unowned files] _, _, index in
      for share in shares {
        clones.add(share, files.crashClone(keeping: share, seed: UInt64(index)))
      }
      return nil
    }
  }

  /// Opens every state that the step could have been stopped in.
  private func checkClones() throws {
    for (index, clone) in clones.take().enumerated() {
      var possible = underWay
      let clock = ManualClock()
      clock.holdWall(microseconds: now)
      let scheduler = ManualScheduler(clock: clock, seed: UInt64(index))
      do {
        let service = try ServiceWorld.open(
          clone.files, clock: clock, scheduler: scheduler, seed: setup.seed,
          options: world.options)
        try possible.settle(service, isPowerCut: clone.share < 1, now: now)
      } catch {
        throw Difference("crash state \(index) with share \(clone.share): \(error)")
      }
      result.crashStateCount += 1
    }
  }
}

/// States that a crash could have left, waiting to be looked at. `@unchecked`: the manual scheduler
/// runs everything on one thread.
private final class CrashClones: @unchecked Sendable {
  private var waiting: [(share: Double, files: SimulatedFileSystem)] = []

  func add(_ share: Double, _ files: SimulatedFileSystem) { waiting.append((share, files)) }

  func take() -> [(share: Double, files: SimulatedFileSystem)] {
    defer { waiting = [] }
    return waiting
  }
}
