// Operation k of a data directory's life fails, once or for ever, for every k: marker, catalog,
// directories of tables and engines. Every change that was acknowledged is there, every other one
// whole or not at all, and the directory opens when the disk is well. A test run takes a slice;
// STRATA_FAULTS=all takes all of them, over STRATA_SEEDS lives (make fault-sweep).

import Foundation
import Glibc
import TestSupport
import Testing
import VFS

@Suite struct ServiceFaultSweepTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let isWhole = environment["STRATA_FAULTS"] == "all"
  private static let seed = environment["STRATA_SEED"].flatMap { UInt64($0) } ?? 1
  private static let lifeCount =
    isWhole ? environment["STRATA_SEEDS"].flatMap { UInt64($0) } ?? 4 : 1

  private func rule(
    _ kind: PlantedFault.Kind, isForEver: Bool, target: Int
  ) -> FaultPlan.Rule {
    let (effect, operations): (FaultPlan.Effect, Set<FileOperation>?) =
      switch kind {
      case .ioError: (.partly(share: 0, errno: EIO), nil)
      case .noSpace: (.fail(errno: ENOSPC), [.write, .preallocate, .create, .createDirectory])
      case .shortWrite: (.partly(share: 0.5, errno: EIO), [.write])
      }
    return FaultPlan.Rule(
      effect, operations: operations, skip: target, count: isForEver ? nil : 1)
  }

  @Test(arguments: PlantedFault.Kind.allCases, [false, true])
  func `whichever operation fails, every schema change is whole or not there`(
    kind: PlantedFault.Kind, isForEver: Bool
  ) {
    var count = 0
    var problemCount = 0
    for seed in Self.seed..<Self.seed + Self.lifeCount {
      let step = Self.isWhole ? 1 : kind == .ioError ? 37 : 17
      var target = Self.isWhole ? 0 : Int(seed) % step
      while true {
        let rule = rule(kind, isForEver: isForEver, target: target)
        let life = FaultyServiceLife(seed: seed, fault: rule)
        life.run()
        guard life.hitCount > 0 else { break }
        life.checkWhatIsLeft()
        count += 1
        problemCount += life.problems.count
        for problem in life.problems { Issue.record("seed \(seed), \(rule): \(problem)") }
        target += step
      }
    }
    print(
      "fault sweep of schema changes: \(kind.rawValue) \(isForEver ? "for ever" : "once"): "
        + "\(count) operations failed, \(problemCount) problems, seeds from \(Self.seed)")
    #expect(count > 10)
  }

  /// The control: a disk that acknowledges syncs without doing them must lose something under the
  /// same sweep.
  @Test func `a sweep over a disk that syncs nothing finds losses`() {
    var problemCount = 0
    for target in stride(from: 300, to: 900, by: 100) {
      let life = FaultyServiceLife(
        seed: Self.seed, fault: rule(.ioError, isForEver: true, target: target))
      life.world.files.ignoredSyncs = [.sync]
      life.run()
      life.checkWhatIsLeft()
      problemCount += life.problems.count
    }
    #expect(problemCount > 3, "only \(problemCount) problems")
  }
}
