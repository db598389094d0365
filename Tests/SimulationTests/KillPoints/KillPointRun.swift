// Lives of an engine that crash before and after every durability step: at each, the disk is cloned
// as a power cut or a kill would leave it, opened, and compared with what was acknowledged.

import Bytes
import LSM
import Synchronization
import TestSupport
import VFS

/// One crash state of a step.
struct CrashKind: Hashable {
  let isAfter: Bool
  /// Of what was not synced: how much survives. All of it is what a kill leaves.
  let share: Double

  static let all = [false, true].flatMap { isAfter in
    [0, 0.5, 1].map { CrashKind(isAfter: isAfter, share: $0) }
  }
}

/// Counts crash states and losses, over many lives. `@unchecked`: lives run on one thread.
final class KillPointRun: @unchecked Sendable {
  /// Crash states looked at, by step and kind.
  private(set) var hits: [String: [CrashKind: Int]] = [:]
  private(set) var losses: [String] = []
  /// Crash states wanted of each step and kind.
  private let quota: Int
  /// What the disk pretends to do.
  private let lie: @Sendable (FileCall) -> Bool

  init(quota: Int, lie: @escaping @Sendable (FileCall) -> Bool = { _ in false }) {
    self.quota = quota
    self.lie = lie
  }

  func hitCount(_ step: String) -> Int { hits[step]?.values.reduce(0, +) ?? 0 }
  func isDone(_ steps: [String]) -> Bool {
    steps.allSatisfy { step in CrashKind.all.allSatisfy { hits[step]?[$0] ?? 0 >= quota } }
  }

  /// One life from one seed: three openings, each with writes, flushes, compactions and rotations.
  func live(seed: UInt64) throws {
    let world = try EngineWorld(seed: seed)
    var random = SeededGenerator(seed: seed)
    KillPointRun.configure(&world.options, &random)
    let life = Life(world)
    let names = DurabilityStepNames()
    let step = Box<String?>(nil)
    world.disk = InterceptedFileSystem(world.files) { call in
      step.value = names.name(call)
      self.crash(step.value, isAfter: false, life)
      let changes = call.operation == .sync || call.operation == .syncDirectory
      return changes && self.lie(call) ? .lie : .proceed
    } after: { _ in
      self.crash(step.value, isAfter: true, life)
    }
    for _ in 0..<3 {
      let engine = try world.open()
      try life.write(to: engine, count: 14, &random)
      if random.chance(0.5) { try engine.compactAll() }
      if random.chance(0.5) {
        try engine.close()
        if random.chance(0.5) { world.scheduler.runReady() }
      }
      world.scheduler.dropAll()
    }
  }

  private static func configure(
    _ options: inout EngineOptions, _ random: inout SeededGenerator
  ) {
    options.memtableByteCount = 1 << 10
    options.tableFileByteCount = 1 << 10
    options.baseLevelByteCount = 4 << 10
    options.levelZeroTrigger = 2
    options.logFileByteCount = [1 << 10, 4 << 10].randomElement(using: &random) ?? 1_024
    options.manifestByteCount = 1 << 10
  }

  /// Looks at what a crash now would leave, if such states are still wanted.
  private func crash(_ step: String?, isAfter: Bool, _ life: Life) {
    guard let step else { return }
    for kind in CrashKind.all where kind.isAfter == isAfter {
      let count = hits[step, default: [:]][kind, default: 0]
      guard count < quota else { continue }
      hits[step, default: [:]][kind] = count + 1
      let seed = life.world.seed &+ UInt64(count)
      if let loss = life.loss(keeping: kind.share, seed: seed) {
        let side = isAfter ? "after" : "before"
        losses.append("seed \(life.world.seed): \(side) \(step), share \(kind.share): \(loss)")
      }
    }
  }
}

/// What one engine was told, and what it acknowledged. `@unchecked`: lives run on one thread.
private final class Life: @unchecked Sendable {
  let world: EngineWorld
  private var model: [String: String] = [:]
  /// What there must be, and what there may be beside it: the commit that is under way.
  private var acknowledged: [String] = []
  private var attempted: [String] = []

  init(_ world: EngineWorld) { self.world = world }

  func write(to engine: Engine, count: Int, _ random: inout SeededGenerator) throws {
    for _ in 0..<count {
      var batch = WriteBatch()
      for _ in 0...Int.random(in: 0...2, using: &random) {
        let key = "k\(Int.random(in: 0..<40, using: &random))"
        let isLong = random.chance(0.004)
        let value = String(
          repeating: "v", count: isLong ? 1_100_000 : Int.random(in: 1...160, using: &random))
        let kind: EntryKind = random.chance(0.2) ? .delete : .put
        model[key] = kind == .delete ? nil : value
        ByteView.of(key) { key in
          ByteView.of(kind == .delete ? "" : value) { batch.append(kind, key: key, value: $0) }
        }
      }
      attempted = pairs
      _ = try engine.commitAndWait(batch)
      acknowledged = attempted
      while random.chance(0.5) { world.scheduler.runOne() }
    }
  }

  private var pairs: [String] {
    model.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { "\($0.key)=\($0.value)" }
  }

  /// What a crash now would have lost, in words; nil when it would have lost nothing.
  func loss(keeping share: Double, seed: UInt64) -> String? {
    do {
      let after = try EngineWorld(seed: seed)
      after.options = world.options
      after.files = world.files.crashClone(keeping: share, seed: seed)
      let engine = try after.open()
      let found = try engine.pairs()
      try engine.close()
      if found == acknowledged || found == attempted { return nil }
      return "\(found.count) keys are not the \(acknowledged.count) that were acknowledged"
    } catch {
      return "cannot be opened: \(error)"
    }
  }
}

/// A value that a judge may change. `@unchecked`: lives run on one thread.
private final class Box<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}
