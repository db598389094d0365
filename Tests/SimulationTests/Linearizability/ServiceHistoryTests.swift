// Histories of the store in this process, over restarts and power cuts, have an order; those of
// stores that are wrong on purpose have none. STRATA_HISTORIES and STRATA_HISTORY_OPERATIONS set
// how many and how long.

import Foundation
import LSM
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct ServiceHistoryTests {
  private static func setting(_ name: String, _ standard: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
  }

  static let historyCount = setting("STRATA_HISTORIES", 3)
  static let operationCount = setting("STRATA_HISTORY_OPERATIONS", 3_000)
  static let seed = UInt64(setting("STRATA_SEED", 2025))

  @Test func `histories over restarts and power cuts are linearizable`() throws {
    var total = 0
    var unknown = 0
    var violations = 0
    for number in 0..<Self.historyCount {
      let seed = Self.seed &+ UInt64(number)
      var plan = HistoryPlan(seed: seed)
      plan.operationCount = Self.operationCount
      plan.clientCount = 8
      let service = try ServiceUnderTest()
      let failures = Mutex<[String]>([])
      let recorded = plan
      let history = HistoryRecorder.record(
        plan, makeStore: { _ in ServiceStore(service) },
        disturb: { progress in
          Self.disturb(service, progress, recorded) { text in failures.withLock { $0.append(text) }
          }
        })
      service.close()
      #expect(failures.withLock { $0 }.isEmpty)
      total += history.count
      unknown += history.count { $0.outcome == nil }
      if !isLinearizable(history, "seed \(seed)") { violations += 1 }
    }
    #expect(unknown > 0, "power was cut while nobody waited: nothing was tested")
    print(
      "linearizability, in process: \(Self.historyCount) histories, \(total) operations, "
        + "\(unknown) without an answer, \(violations) violations, seed \(Self.seed)")
  }

  /// Four restarts of either kind at random moments.
  private static func disturb(
    _ service: ServiceUnderTest, _ progress: HistoryProgress, _ plan: HistoryPlan,
    failed: (String) -> Void
  ) {
    var random = SeededGenerator(seed: plan.seed)
    let moments = (0..<4).map { _ in Int.random(in: 1..<plan.operationCount, using: &random) }
    for moment in moments.sorted() {
      progress.wait(for: moment)
      do {
        if random.chance(0.3) {
          try service.restart()
        } else {
          try service.cutPower(keeping: random.chance(0.5) ? 0 : 0.5, seed: random.next())
        }
      } catch {
        failed("seed \(plan.seed): \(error)")
      }
    }
  }

  /// False, and recorded as an issue, where the history has no order that is found.
  private func isLinearizable(_ history: [RecordedOperation], _ name: String) -> Bool {
    switch LinearizabilityChecker.check(history) {
    case .linearizable: return true
    case .violation(let violation): Issue.record("\(name): \(violation)")
    case .undecided(let row, let reason): Issue.record("\(name): row \(row): \(reason)")
    }
    return false
  }

  // MARK: - Stores that are wrong on purpose

  /// The violation found in a history of clients that use `wrap`ped stores.
  private func violation(
    seed: UInt64, rows: Int, resetsRows: Bool = true,
    _ wrap: @escaping @Sendable (Int, ServiceStore) -> any RowStore
  ) throws -> LinearizabilityViolation? {
    var plan = HistoryPlan(seed: seed)
    plan.operationCount = 1_500
    plan.clientCount = 6
    plan.rowCount = rows
    plan.resetsRows = resetsRows
    let service = try ServiceUnderTest(durability: .none)
    let history = HistoryRecorder.record(
      plan, makeStore: { client in wrap(client, ServiceStore(service)) })
    service.close()
    guard case .violation(let violation) = LinearizabilityChecker.check(history) else {
      return nil
    }
    return violation
  }

  @Test func `one stale read is found`() throws {
    let found = try violation(seed: Self.seed, rows: 8) { client, store in
      client == 0 ? StaleReadStore(store) as any RowStore : store
    }
    let stale = try #require(found)
    #expect(stale.operation.operation == .read)
    #expect(stale.operation.client == 0)
    #expect(stale.window.count < 40, "\(stale)")
  }

  @Test func `one lost update is found`() throws {
    let found = try violation(seed: Self.seed, rows: 8, resetsRows: false) { client, store in
      client == 0 ? LostUpdateStore(store) as any RowStore : store
    }
    #expect(found != nil)
  }

  @Test("operations that are not atomic are found", arguments: SplitStore.Split.allCases)
  func split(_ split: SplitStore.Split) throws {
    let found = try violation(seed: Self.seed, rows: 2) { _, store in SplitStore(store, split) }
    #expect(found != nil)
  }

  @Test func `an acknowledgement before the sync is found after a power cut`() throws {
    var caught = 0
    for seed in 1...6 as ClosedRange<UInt64> {
      var plan = HistoryPlan(seed: seed)
      plan.operationCount = 600
      plan.clientCount = 4
      let service = try ServiceUnderTest(durability: .none)
      let history = HistoryRecorder.record(
        plan, makeStore: { _ in ServiceStore(service) },
        disturb: { progress in
          progress.wait(for: 300)
          try? service.cutPower(keeping: 0, seed: seed)
        })
      service.close()
      if case .violation = LinearizabilityChecker.check(history) { caught += 1 }
    }
    #expect(caught >= 3, "losses were found in \(caught) of 6 histories")
  }
}
