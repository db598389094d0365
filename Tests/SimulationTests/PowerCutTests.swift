// Cuts the power of a simulated disk at a random operation and looks at what is left: every
// acknowledged write must be there. The same test over commits that are acknowledged without a
// sync must find losses, or it could not find any.

import Foundation
import LSM
import TestSupport
import Testing

@Suite struct PowerCutTests {
  /// What was asked of each key, in order, and how far it was acknowledged.
  struct Oracle {
    private var attempts: [String: [String?]] = [:]
    private var acknowledged: [String: Int] = [:]

    mutating func attempt(_ key: String, _ value: String?) {
      attempts[key, default: []].append(value)
    }

    mutating func acknowledge(_ key: String) {
      acknowledged[key] = (attempts[key]?.count ?? 0) - 1
    }

    /// Keys whose value is older than the last acknowledged one, or was never asked for.
    func losses(in store: (String) throws -> String?) rethrows -> [String] {
      try attempts.keys.sorted().filter { key in
        let found = try store(key)
        let first = acknowledged[key] ?? -1
        let possible = (attempts[key] ?? []).dropFirst(max(0, first))
        return !(possible.contains(found) || (first < 0 && found == nil))
      }
    }
  }

  static let seedCount =
    ProcessInfo.processInfo.environment["STRATA_SEEDS"].flatMap { UInt64($0) } ?? 150

  /// Runs a history until the power goes, restarts, and names what is lost.
  private func lossesAfterCut(seed: UInt64, durability: Durability) throws -> [String] {
    var random = SeededGenerator(seed: seed)
    let world = try EngineWorld(seed: seed)
    world.options.durability = durability
    world.options.memtableByteCount = 2 << 10
    world.options.tableFileByteCount = 4 << 10
    world.options.baseLevelByteCount = 16 << 10
    world.options.logFileByteCount = 8 << 10
    var oracle = Oracle()
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let engine = try world.open()
      let lastOperation =
        world.files.operationCount + Int.random(in: 1...400, using: &random)
      let files = world.files
      files.fault = { _, _, index in index > lastOperation ? EIO : nil }
      run(engine, world, &oracle, &random)
      world.crash(keeping: Bool.random(using: &random) ? 0 : 0.5, seed: random.next())
      let reopened = try world.open()
      let lost = try oracle.losses { try reopened.text(of: $0) }
      if !lost.isEmpty { return lost }
      world.crash(keeping: 1)
    }
    return []
  }

  /// Writes, deletes and lets the background work until the disk is gone.
  private func run(
    _ engine: Engine, _ world: EngineWorld, _ oracle: inout Oracle,
    _ random: inout SeededGenerator
  ) {
    for step in 0..<2_000 {
      let key = "key-\(Int.random(in: 0..<200, using: &random))"
      let value =
        random.chance(0.2)
        ? nil : String(repeating: "v", count: Int.random(in: 1...60, using: &random)) + "\(step)"
      oracle.attempt(key, value)
      do {
        try engine.write(value == nil ? .delete : .put, key, value ?? "")
      } catch {
        return
      }
      oracle.acknowledge(key)
      while random.chance(0.4) { world.scheduler.runOne() }
    }
  }

  @Test func `no power cut loses an acknowledged write`() throws {
    for seed in 1...Self.seedCount {
      let lost = try lossesAfterCut(seed: seed, durability: .sync)
      #expect(lost.isEmpty, "seed \(seed) lost \(lost)")
    }
  }

  @Test func `acknowledging before the sync would be noticed`() throws {
    var caught = 0
    for seed in 1...30 as ClosedRange<UInt64> {
      if try !lossesAfterCut(seed: seed, durability: .none).isEmpty { caught += 1 }
    }
    #expect(caught >= 15, "the broken control lost writes in \(caught) of 30 runs")
  }
}
