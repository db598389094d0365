// Whole stores under every history: equal to the model, whatever crashes and fails, and the same
// twice. The slices that run in CI take seconds; the environment makes campaigns of them.

import TestSupport
import Testing

@Suite struct SimulationTests {
  /// `STRATA_SIMULATION_SEEDS` histories from `STRATA_FIRST_SEED` on, each run twice.
  @Test func `faults and crashes lose nothing, and a seed gives one run`() {
    let first = UInt64(ProcessEnvironment.number("STRATA_FIRST_SEED") ?? 1)
    let count = UInt64(ProcessEnvironment.number("STRATA_SIMULATION_SEEDS") ?? 20)
    var total = RunResult()
    var traces: UInt64 = 0
    for seed in first..<first + count {
      let simulation = Simulation(
        seed: seed, profile: seed % 4 == 0 ? .crashes : .faults,
        options: OptionSet.all[Int(seed) % OptionSet.all.count])
      switch simulation.outcome() {
      case .failed(let failure):
        Issue.record("\(failure.text)")
        return
      case .passed(let result):
        guard let again = try? simulation.run(), again == result else {
          Issue.record("seed \(seed): a second run differs; compare traces with make replay")
          return
        }
        total.stepCount += result.stepCount
        total.failedOperationCount += result.failedOperationCount
        traces = traces &* 31 &+ result.trace
      }
    }
    #expect(total.failedOperationCount > 0)
    print(
      "simulation: \(count) seeds from \(first), each twice with the same trace, "
        + "\(total.stepCount) steps, \(total.failedOperationCount) operations failed, "
        + "0 differences; traces \(String(traces, radix: 16))")
  }

  /// `STRATA_MODEL_OPERATIONS` operations under each of the option sets.
  @Test func `every option set gives the answers of the model, and the same ones`() {
    let operations = ProcessEnvironment.number("STRATA_MODEL_OPERATIONS") ?? 150
    let first = UInt64(ProcessEnvironment.number("STRATA_FIRST_SEED") ?? 1)
    let length = min(operations, 5_000)
    let histories = max(1, operations / length)
    for seed in first..<first + UInt64(histories) {
      var answers: [(set: OptionSet, hash: UInt64)] = []
      for set in OptionSet.all {
        let simulation = Simulation(
          seed: seed, profile: .plain, stepCount: length, options: set)
        switch simulation.outcome() {
        case .failed(let failure):
          Issue.record("\(failure.text)")
          return
        case .passed(let result): answers.append((set, result.answers))
        }
      }
      guard Set(answers.map(\.hash)).count == 1 else {
        Issue.record("seed \(seed): answers differ under \(answers)")
        return
      }
    }
    print(
      "model: \(histories * length) operations under each of \(OptionSet.all.count) option sets, "
        + "seeds \(first) to \(first + UInt64(histories) - 1), 0 differences")
  }

  /// One history as `make replay` asks for it, twice, with the operation at which the runs part, if
  /// they do.
  @Test(.enabled(if: ProcessEnvironment.number("STRATA_REPLAY_SEED") != nil))
  func `a given history`() throws {
    let seed = UInt64(ProcessEnvironment.number("STRATA_REPLAY_SEED") ?? 1)
    let profile = ProcessEnvironment.text("STRATA_REPLAY_PROFILE") ?? ""
    let options = ProcessEnvironment.text("STRATA_REPLAY_OPTIONS") ?? ""
    var simulation = Simulation(
      seed: seed, profile: HistoryProfile(rawValue: profile) ?? .faults,
      stepCount: ProcessEnvironment.number("STRATA_REPLAY_STEPS") ?? 120,
      options: OptionSet.named(options) ?? OptionSet.all[Int(seed) % OptionSet.all.count])
    simulation.setup.crashShares =
      (ProcessEnvironment.text("STRATA_REPLAY_SHARES") ?? "").split(separator: ",")
      .compactMap { Double($0) }
    let kept = ProcessEnvironment.text("STRATA_REPLAY_KEPT") ?? ""
    if !kept.isEmpty { simulation.kept = Set(kept.split(separator: ",").compactMap { Int($0) }) }
    let runs = [StoreRun(simulation.setup), StoreRun(simulation.setup)]
    for run in runs {
      run.keepsTraceText = true
      print("replay: \(try run.run(simulation.steps))")
    }
    let lines = zip(runs[0].traceLines, runs[1].traceLines)
    if let (one, other) = lines.first(where: { $0 != $1 }) {
      Issue.record("the runs part at \(one) against \(other)")
    }
  }
}
