// A full disk: reads are served, writes are refused at once and say why, and when there is space
// again writes go on by themselves.

import LSM
import TestSupport
import Testing
import VFS

@Suite struct DiskFullTests {
  private static let second: UInt64 = 1_000_000_000

  private func world() throws -> EngineWorld {
    let world = try EngineWorld()
    world.options.memtableByteCount = 8 << 10
    world.options.logFileByteCount = 8 << 10
    world.options.tableFileByteCount = 4 << 10
    return world
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `for a minute reads go on, writes are refused, and then all heals`(seed: UInt64) throws {
    let world = try world()
    var random = SeededGenerator(seed: seed)
    let engine = try world.open()
    var model: [String: String] = [:]
    for index in 0..<40 {
      let count = Int.random(in: 1...500, using: &random)
      model["before\(index)"] = String(repeating: "v", count: count)
      try engine.write(.put, "before\(index)", model["before\(index)"] ?? "")
      if random.chance(0.5) { world.scheduler.runOne() }
    }
    world.files.byteCapacity = world.files.usedByteCount
    let start = world.clock.monotonicNanoseconds
    var refused = 0
    var count = 0
    while world.clock.monotonicNanoseconds - start < 60 * Self.second {
      count += 1
      let key = "during\(count)"
      let value = String(repeating: "w", count: 300)
      let began = world.clock.monotonicNanoseconds
      do throws(EngineError) {
        try engine.write(.put, key, value)
        model[key] = value
      } catch {
        guard case .full = error else { throw error }
        refused += 1
        #expect(world.clock.monotonicNanoseconds - began < Self.second, "refused too late")
      }
      for key in model.keys.shuffled(using: &random).prefix(5) {
        #expect(try engine.text(of: key) == model[key], "a read while the disk was full")
      }
      world.scheduler.run(forNanoseconds: Self.second / 2)
    }
    #expect(refused > 20, "only \(refused) of \(count) writes were refused")
    #expect(try engine.pairs().count == model.count)

    world.files.byteCapacity = .max
    let freed = world.clock.monotonicNanoseconds
    while (try? engine.write(.put, "after", "1")) == nil {
      world.scheduler.run(forNanoseconds: Self.second / 10)
      try #require(world.clock.monotonicNanoseconds - freed < 10 * Self.second, "does not heal")
    }
    model["after"] = "1"
    world.scheduler.run(forNanoseconds: 10 * Self.second)
    #expect(engine.statistics.sealedMemtableCount == 0, "the flush did not heal")
    try engine.close()
    world.crash()
    let again = try world.open()
    #expect(try again.pairs().count == model.count)
    for (key, value) in model { #expect(try again.text(of: key) == value) }
    try again.close()
  }

  @Test func `a start on a full disk is refused, loses nothing and works with space`() throws {
    let world = try world()
    let engine = try world.open()
    let value = String(repeating: "v", count: 200)
    for index in 0..<30 { try engine.write(.put, "key\(index)", value) }
    world.crash(keeping: 1)
    world.files.byteCapacity = world.files.usedByteCount
    let error = #expect(throws: EngineError.self) { try world.open() }
    guard case .full = error else {
      Issue.record("\(String(describing: error)) does not say that the disk is full")
      return
    }
    world.files.byteCapacity = .max
    let again = try world.open()
    #expect(try again.pairs().count == 30)
    try again.close()
  }
}
