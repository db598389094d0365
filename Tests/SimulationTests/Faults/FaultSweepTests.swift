// Operation k of a life fails, once or for ever, for every k: whatever was acknowledged is there,
// nothing else is, nobody waits, and the engine afterwards works or says why it does not. A test
// run takes every fifth k; STRATA_FAULTS=all takes all of them, over STRATA_SEEDS lives (make
// fault-sweep).

import Foundation
import LSM
import TestSupport
import Testing
import VFS

@Suite struct FaultSweepTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let isWhole = environment["STRATA_FAULTS"] == "all"
  private static let seed = environment["STRATA_SEED"].flatMap { UInt64($0) } ?? 1
  private static let lifeCount =
    isWhole ? environment["STRATA_SEEDS"].flatMap { UInt64($0) } ?? 4 : 1

  @Test(arguments: PlantedFault.Kind.allCases, [false, true])
  func `whichever operation fails, nothing is lost and nobody waits`(
    kind: PlantedFault.Kind, isForEver: Bool
  ) throws {
    var count = 0
    var readOnly = 0
    var tally = FaultTally()
    for seed in Self.seed..<Self.seed + Self.lifeCount {
      // Fewer operations can lack space or end half way than can fail.
      let step = Self.isWhole ? 1 : kind == .ioError ? 5 : 2
      var target = Self.isWhole ? 0 : Int(seed) % step
      while true {
        let fault = PlantedFault(kind: kind, isForEver: isForEver, target: target)
        let life = try FaultyLife(seed: seed, fault: fault)
        try life.run()
        guard fault.hitCount > 0 else { break }
        try life.checkWhatIsLeft()
        count += 1
        tally += life.tally
        if life.wasReadOnly { readOnly += 1 }
        target += step
      }
    }
    let often = isForEver ? "for ever" : "once"
    print(
      "fault sweep: \(kind.rawValue) \(often): \(count) operations failed, read-only after "
        + "\(readOnly), \(tally.lost) lost, \(tally.invented) invented, \(tally.overlong) over "
        + "5 s, seeds from \(Self.seed)")
    #expect(count > 30)
  }

  /// The control: an engine that syncs nothing must lose something under the same sweep.
  @Test func `a sweep over commits that are not synced finds losses`() throws {
    var lost = 0
    var tally = FaultTally()
    for target in stride(from: 60, to: 300, by: 8) {
      let fault = PlantedFault(kind: .ioError, isForEver: true, target: target)
      let life = try FaultyLife(seed: Self.seed, fault: fault, durability: .none)
      try life.run()
      if try !life.isWhole(keeping: 0) { lost += 1 }
      tally += life.tally
    }
    #expect(lost > 3, "only \(lost) lives lost something")
    #expect(tally.lost >= lost, "\(lost) lives lost something, and \(tally.lost) losses are told")
  }
}
