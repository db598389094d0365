// The machine stops before every file operation of long histories, each time with several shares
// of what was not synced: every state opens and holds what was acknowledged.

import TestSupport
import Testing

@Suite struct CrashStateTests {
  /// `STRATA_CRASH_STATES` states at least.
  @Test func `every state that a crash leaves opens and has lost nothing`() {
    let wanted = ProcessEnvironment.number("STRATA_CRASH_STATES") ?? 800
    var seed = UInt64(ProcessEnvironment.number("STRATA_FIRST_SEED") ?? 1)
    let first = seed
    var count = 0
    while count < wanted {
      var simulation = Simulation(
        seed: seed, profile: .crashes, stepCount: min(100, max(30, wanted / 100)),
        options: OptionSet.all[Int(seed) % OptionSet.all.count])
      simulation.setup.crashShares = CrashStateTests.shares(seed)
      switch simulation.outcome() {
      case .failed(let failure):
        Issue.record("\(failure.text)")
        return
      case .passed(let result): count += result.crashStateCount
      }
      seed += 1
    }
    print(
      "crash states: \(count) opened, seeds \(first) to \(seed - 1), 0 lost, 0 failed opens")
  }

  /// A different mixture for each seed: nothing, a little, half, most, all.
  private static func shares(_ seed: UInt64) -> [Double] {
    [[0, 0.5], [0.1, 0.9], [0.5, 1], [0, 0.3]][Int(seed % 4)]
  }
}
