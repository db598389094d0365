// The engine against a sorted map, over many seeds. `STRATA_SEEDS=1000` runs a thousand; a failure
// names its seed and step, and the seed runs alone as `STRATA_SEED=…`.

import Bytes
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

  /// The broken control: a history that could not find this would find nothing.
  @Test func `a merger that forgets a tombstone is found`() {
    withKnownIssue {
      for seed in 1...10 as ClosedRange<UInt64> {
        try EngineHistory(seed: seed, merger: ForgetfulMerger()).run(steps: 150)
      }
    }
  }
}

/// Merges what came after a deletion as if there had been none, so that older entries come back.
private final class ForgetfulMerger: ValueMerger {
  private let whole = TextMerger()

  func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, newer: NewerEntries,
    into output: inout MergeOutput
  ) -> MergeOutcome {
    let outcome = whole.merge(
      key: key, operands: operands, isOldest: isOldest, newer: newer, into: &output)
    guard operands.count > 1, operands.last?.kind == .delete, !isOldest else { return outcome }
    return .merge
  }
}
