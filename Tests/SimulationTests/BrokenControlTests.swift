// The simulation finds what is broken: disks that lie, a store that forgets, runs that are not
// decided by their seed. Without these, a simulation that checks nothing would pass as well.

import LSM
import TestSupport
import Testing
import VFS

@Suite struct BrokenControlTests {
  /// Failures of the first seeds under this setup.
  private func failures(
    _ seeds: ClosedRange<UInt64>, stepCount: Int = 60, shrinkingFor limit: Duration = .zero,
    _ change: (inout RunSetup) -> Void
  ) -> [Simulation.Failure] {
    seeds.compactMap { seed in
      var simulation = Simulation(seed: seed, profile: .crashes, stepCount: stepCount)
      change(&simulation.setup)
      return simulation.outcome(shrinkingFor: limit).failure
    }
  }

  @Test func `a disk that acknowledges syncs without doing them loses writes`() {
    let failures = failures(1...10) { $0.ignoredSyncs = [.sync] }
    #expect(failures.count >= 7)
  }

  @Test func `a disk that forgets names loses files`() {
    let failures = failures(1...10) { $0.ignoredSyncs = [.syncDirectory] }
    #expect(failures.count >= 7)
  }

  @Test func `a store that forgets deletions is found, in a history of a few steps`() throws {
    let failures = failures(1...6, shrinkingFor: .seconds(10)) { setup in
      setup.tamper = { request in
        var changed = request
        for index in changed.rows.indices where changed.rows[index].mutations.count > 1 {
          changed.rows[index].mutations.removeAll { mutation in
            guard case .deleteColumn = mutation else { return false }
            return true
          }
        }
        return changed
      }
    }
    let shortest = try #require(failures.min { $0.steps.count < $1.steps.count })
    #expect(shortest.steps.count <= 4, "\(shortest.text)")
    #expect(shortest.text.contains("KEPT="))
    #expect(shortest.text.contains(".deleteColumn("))
  }

  @Test func `other dice give another trace and the same answers`() throws {
    var simulation = Simulation(seed: 5, profile: .plain, stepCount: 80)
    let first = try simulation.run()
    #expect(try simulation.run() == first)
    simulation.setup.dice = 1
    let other = try simulation.run()
    #expect(other.trace != first.trace)
    #expect(other.answers == first.answers)
  }
}
