// The engine against a sorted map, over many seeds. `STRATA_SEEDS=1000` runs a thousand; a failure
// names its seed and step, and the seed runs alone as `STRATA_SEED=…`.

import Foundation
import LSM
import TestSupport
import Testing

@Suite struct EngineModelTests {
  static var seeds: [UInt64] {
    let variables = ProcessInfo.processInfo.environment
    if let one = variables["STRATA_SEED"].flatMap({ UInt64($0) }) { return [one] }
    return Array(1...(variables["STRATA_SEEDS"].flatMap { UInt64($0) } ?? 100))
  }

  @Test(
    "the engine equals a sorted map under any history", arguments: EngineModelTests.seeds)
  func history(seed: UInt64) throws {
    do {
      try EngineHistory(seed: seed).run(steps: 150)
    } catch {
      Issue.record("seed \(seed): \(error)")
    }
  }
}
