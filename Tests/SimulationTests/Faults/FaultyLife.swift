// An engine's life on a disk that fails: openings, writes, flushes, compactions, closings, each
// judged by what was acknowledged.

import Bytes
import LSM
import TestSupport
import Testing
import VFS

/// What went wrong in a life, or in many; of a value that changed both the old and the new count.
struct FaultTally {
  var lost = 0
  var invented = 0
  /// Calls that took longer than anybody would wait.
  var overlong = 0

  /// Compares what was found with what should be there.
  mutating func count(_ found: [String], against expected: [String]) {
    let (found, expected) = (Set(found), Set(expected))
    lost += expected.subtracting(found).count
    invented += found.subtracting(expected).count
  }

  static func += (left: inout Self, right: Self) {
    left.lost += right.lost
    left.invented += right.invented
    left.overlong += right.overlong
  }
}

/// One life with one planted fault.
final class FaultyLife {
  private static let longestNanoseconds: UInt64 = 5_000_000_000

  let world: EngineWorld
  private let fault: PlantedFault
  private var random: SeededGenerator
  private var acknowledged: [String: String] = [:]
  /// The commit whose outcome nobody knows; there is at most one until the next opening.
  private var uncertain: (key: String, value: String)?
  private(set) var wasReadOnly = false
  private(set) var tally = FaultTally()
  private var writeCount = 0

  init(seed: UInt64, fault: PlantedFault, durability: Durability = .sync) throws {
    world = try EngineWorld(seed: seed)
    random = SeededGenerator(seed: seed)
    self.fault = fault
    world.options.durability = durability
    world.options.memtableByteCount = 2 << 10
    world.options.logFileByteCount = 4 << 10
    world.options.tableFileByteCount = 2 << 10
    world.options.levelZeroTrigger = 2
    world.options.manifestByteCount = 1 << 10
    world.disk = InterceptedFileSystem(world.files) { fault.verdict($0) }
  }

  /// Goes on whatever fails.
  func run() throws {
    for _ in 0..<2 {
      guard let engine = timed({ try? world.open() }) else { continue }
      try reopened(engine)
      for _ in 0..<12 {
        try write(to: engine)
        while random.chance(0.4) { world.scheduler.runOne() }
      }
      timed { try? engine.flush() }
      try write(to: engine)
      timed { try? engine.compactAll() }
      world.scheduler.run(forNanoseconds: 10_000_000_000)
      try write(to: engine)
      checkAnswers(of: engine)
      fault.lifted { checkState(of: engine) }
      try write(to: engine)
      if random.chance(0.5) { timed { try? engine.close() } }
      world.scheduler.dropAll()
    }
  }

  /// Nothing may take longer than anybody would wait, on the clock of the simulation.
  @discardableResult
  private func timed<Result>(_ body: () -> Result) -> Result {
    let start = world.clock.monotonicNanoseconds
    let result = body()
    let passed = world.clock.monotonicNanoseconds - start
    if passed > Self.longestNanoseconds { tally.overlong += 1 }
    #expect(passed <= Self.longestNanoseconds, "a call took \(passed / 1_000_000) ms")
    return result
  }

  private func write(to engine: Engine) throws {
    writeCount += 1
    let key = "key\(Int.random(in: 0..<30, using: &random))"
    let value = "\(writeCount)" + String(repeating: "v", count: 300)
    do throws(EngineError) {
      _ = try timed {
        Result { () throws(EngineError) in try engine.write(.put, key, value) }
      }.get()
      acknowledged[key] = value
    } catch {
      switch error {
      case .full: break
      case .readOnly where wasReadOnly: break
      default:
        if uncertain == nil { uncertain = (key, value) }
        wasReadOnly = wasReadOnly || engine.statistics.isReadOnly
      }
    }
    checkAnswers(of: engine)
  }

  /// What can be read is what was acknowledged, no more and no less.
  private func checkAnswers(of engine: Engine) {
    guard let found = try? engine.pairs() else { return }
    tally.count(found, against: Self.pairs(acknowledged))
    #expect(found == Self.pairs(acknowledged), "an open engine shows what it did not acknowledge")
  }

  /// Works, or says why not.
  private func checkState(of engine: Engine) {
    do throws(EngineError) {
      try engine.write(.put, "after", "\(writeCount)")
      acknowledged["after"] = "\(writeCount)"
      #expect(!engine.statistics.isReadOnly)
    } catch {
      guard case .readOnly(let cause) = error else {
        Issue.record("neither working nor read-only: \(error)")
        return
      }
      wasReadOnly = true
      #expect(cause.contains(world.directory), "a reason that names no file: \(cause)")
    }
  }

  /// After an opening the uncertain commit is there or not, and that stays so.
  private func reopened(_ engine: Engine) throws {
    let found = try? engine.pairs()
    guard let found else { return }
    if let uncertain, found != Self.pairs(acknowledged) {
      acknowledged[uncertain.key] = uncertain.value
    }
    uncertain = nil
    tally.count(found, against: Self.pairs(acknowledged))
    #expect(found == Self.pairs(acknowledged), "after opening")
  }

  /// The disk is well again: power cuts of every kind, and what is found.
  func checkWhatIsLeft() throws {
    for share in [0, 0.5, 1] {
      #expect(
        try isWhole(keeping: share),
        "seed \(world.seed), \(fault), share \(share): not what was acknowledged")
    }
  }

  func isWhole(keeping share: Double) throws -> Bool {
    let after = try EngineWorld(seed: world.seed)
    after.options = world.options
    after.files = world.files.crashClone(keeping: share, seed: world.seed)
    let engine = try after.open()
    let found = try engine.pairs()
    try engine.write(.put, "afterwards", "1")
    try engine.close()
    if found == Self.pairs(acknowledged) { return true }
    if let uncertain {
      var possible = acknowledged
      possible[uncertain.key] = uncertain.value
      if found == Self.pairs(possible) { return true }
    }
    tally.count(found, against: Self.pairs(acknowledged))
    return false
  }

  private static func pairs(_ model: [String: String]) -> [String] {
    model.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { "\($0.key)=\($0.value)" }
  }
}
