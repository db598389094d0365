// Flush and compaction jobs: whatever is chosen and in whatever order it is installed, reads stay
// the same; and a job that fails leaves nothing behind.

import Bytes
import TestSupport
import Synchronization
import Testing
import VFS

@testable import LSM

@Suite struct JobTests {
  @Test("reads never change while files move down", arguments: 1...8 as ClosedRange<UInt64>)
  func model(seed: UInt64) throws {
    var world = try JobWorld(seed: seed)
    for _ in 0..<14 {
      var sealed: [Memtable] = []
      for _ in 0..<Int.random(in: 1...2, using: &world.random) {
        sealed.insert(world.memtable(entries: .random(in: 1...150, using: &world.random)), at: 0)
      }
      try world.flush(sealed)
      #expect(try world.differences() == [])
      while let choice = world.choose() {
        world.install(try world.run(choice))
        #expect(world.version.brokenInvariant == nil)
        #expect(try world.differences() == [], "after \(choice.summary)")
      }
    }
    while let choice = world.choose({ $0.isIdle = true }) { world.install(try world.run(choice)) }
    #expect(try world.differences() == [])
  }

  @Test func `a flush beside a compaction disturbs neither`() throws {
    for seed in 30...37 as ClosedRange<UInt64> {
      var world = try JobWorld(seed: seed)
      for _ in 0..<25 {
        try world.flush([world.memtable(entries: 120)])
        let compacted = try world.choose().map { try world.run($0) }
        // Newer than all that is compacted, and made for the same version.
        let memtable = world.memtable(entries: 20)
        let flushed = try FlushJob(
          [memtable], version: world.version, newer: .none, environment: world.environment
        ).run()
        for result in [compacted, flushed].compactMap({ $0 }).shuffled(using: &world.random) {
          world.install(result)
        }
        #expect(world.version.brokenInvariant == nil)
        #expect(try world.differences() == [])
      }
    }
  }

  @Test(
    "a full rewrite leaves one put for each live key", arguments: 50...53 as ClosedRange<UInt64>)
  func fullRewrite(seed: UInt64) throws {
    var world = try JobWorld(seed: seed)
    for _ in 0..<10 {
      try world.flush([world.memtable(entries: 150)])
      if let choice = world.choose() { world.install(try world.run(choice)) }
    }
    let request = RewriteRequest(
      filesBefore: world.environment.newFileNumber(), entriesUpTo: SequenceNumber(world.sequence))
    var steps = 0
    while let choice = world.choose({ $0.rewrite = request }) {
      world.install(try world.run(choice))
      steps += 1
      guard steps < 1_000 else { break }
    }
    #expect(request.isSatisfied(by: world.version))
    #expect(try world.differences() == [])
    let levels = world.version.levels
    #expect(levels.dropLast().allSatisfy { $0.files.isEmpty })
    #expect(levels[6].entryCount == UInt64(world.model.count))
    #expect(levels[6].files.allSatisfy { $0.metadata.tombstoneCount + $0.metadata.mergeCount == 0 })
  }

  @Test func `outputs are cut at their length and sorted`() throws {
    var world = try JobWorld(seed: 3)
    for _ in 0..<3 { try world.flush([world.memtable(entries: 1_500, keys: 900)]) }
    let choice = try #require(world.choose())
    let start = world.clock.wallMicroseconds
    let result = try world.run(choice)
    #expect(result.edit.additions.count > 3)
    for table in result.edit.additions.map(\.table).dropLast() {
      #expect(table.byteCount < 4 * 2_048)
      #expect(table.creationMicroseconds == start)
    }
    #expect(result.bytesRead == choice.byteCount)
    #expect(result.bytesWritten == result.edit.additions.reduce(0) { $0 + $1.table.byteCount })
    world.install(result)
    #expect(world.version.brokenInvariant == nil)
  }

  @Test func `a flush of what cancels out adds no file`() throws {
    var world = try JobWorld(seed: 1)
    let table = Memtable(
      memory: MemoryBudget(byteCount: 1 << 20), merger: TextMerger())
    ByteView.of(Array("key1".utf8)) { key in
      ByteView.of([1]) { table.insert(kind: .put, key: key, value: $0, sequence: .init(1)) }
      table.insert(kind: .delete, key: key, value: ByteView(), sequence: .init(2))
    }
    let result = try FlushJob(
      [table], version: world.version, newer: .none, environment: world.environment
    ).run()
    #expect(result.edit.additions.isEmpty)
    #expect(result.edit.lastSequence == SequenceNumber(2))
    // Over an older value the tombstone is needed.
    world.sequence = 2
    try world.flush([world.memtable(entries: 400, keys: 2)])
    let over = Memtable(
      memory: MemoryBudget(byteCount: 1 << 20), merger: TextMerger())
    ByteView.of(Array("key1".utf8)) { key in
      over.insert(kind: .delete, key: key, value: ByteView(), sequence: .init(1_000))
    }
    let kept = try FlushJob(
      [over], version: world.version, newer: .none, environment: world.environment
    ).run()
    #expect(kept.edit.additions.first?.table.tombstoneCount == 1)
    #expect(try world.strayFiles().count == 1)
  }

  @Test func `a job that fails at any operation leaves no file and can be repeated`() throws {
    var world = try JobWorld(seed: 9)
    for _ in 0..<3 { try world.flush([world.memtable(entries: 300)]) }
    let choice = try #require(world.choose())
    let memtable = world.memtable(entries: 300)
    for operation in 0..<200 {
      let start = world.files.operationCount
      world.files.fault = { kind, _, index in
        index - start == operation && kind != .remove ? 28 : nil
      }
      let compacted = try? world.run(choice)
      let flushed = try? FlushJob(
        [memtable], version: world.version, newer: .none, environment: world.environment
      )
      .run()
      world.files.fault = nil
      if compacted != nil, flushed != nil {
        #expect(operation > 8)
        if let compacted, let flushed {
          world.install(flushed)
          world.install(compacted)
        }
        #expect(try world.strayFiles().count == choice.files.count || operation > 0)
        #expect(try world.differences() == [])
        return
      }
      for result in [compacted, flushed] {
        for addition in result?.edit.additions ?? [] {
          try world.files.remove(world.store.path(of: addition.table.number))
        }
      }
      #expect(try world.strayFiles() == [], "operation \(operation)")
    }
    Issue.record("more operations than expected")
  }

  @Test func `a job told to stop stops and leaves no file`() throws {
    var world = try JobWorld(seed: 4)
    for _ in 0..<3 { try world.flush([world.memtable(entries: 900, keys: 900)]) }
    let choice = try #require(world.choose())
    for checks in 0..<3 {
      world.stop.set(after: checks)
      let error = #expect(throws: EngineError.self) { _ = try world.run(choice) }
      guard case .closed = error else {
        Issue.record("\(String(describing: error)) instead of closed")
        return
      }
      #expect(try world.strayFiles() == [])
    }
    world.stop.set(after: .max)
    world.install(try world.run(choice))
    #expect(try world.differences(keys: 900) == [])
  }

  /// What a merge has written is read without a look at the disk as far as what it has read was.
  @Test func `what was in memory stays so over a compaction`() throws {
    for isHot in [true, false] {
      var world = try JobWorld(seed: 77)
      for _ in 0..<3 { try world.flush([world.memtable(entries: 400, keys: 900)]) }
      if isHot { for _ in 0..<3 { #expect(try world.differences(keys: 900) == []) } }
      let choice = try #require(world.choose())
      if !isHot { for file in choice.files { world.store.forget(file.number) } }
      world.install(try world.run(choice))
      let before = world.cache.statistics.misses
      #expect(try world.differences(keys: 900) == [])
      let missed = world.cache.statistics.misses - before
      #expect(isHot ? missed == 0 : missed > 10, "\(missed) blocks were read")
    }
  }

  @Test func `a budget without debt holds a job to its rate, and an urgent one does not`() {
    let clock = ManualClock()
    let isWanted = Atomic(false)
    let budget = IOBudget(time: clock, for: .compaction) { isWanted.load(ordering: .relaxed) }
    func seconds(writing mebibytes: Int) -> Double {
      let start = clock.monotonicNanoseconds
      for _ in 0..<mebibytes {
        var pause = budget.pauseNanoseconds(afterWriting: 1 << 20)
        while pause > 0 {
          #expect(pause <= 50_000_000)
          clock.advance(nanoseconds: pause)
          pause = budget.pauseNanoseconds(afterWriting: 0)
        }
      }
      return Double(clock.monotonicNanoseconds - start) / 1e9
    }
    budget.hurrying { #expect(seconds(writing: 640) == 0) }
    isWanted.store(true, ordering: .relaxed)
    #expect(seconds(writing: 640) == 0)
    isWanted.store(false, ordering: .relaxed)
    let idle = seconds(writing: 640)
    #expect(idle > 9 && idle < 11)
    budget.setDebt(byteCount: 20 * 64 << 20, isUrgent: false)
    let indebted = seconds(writing: 640)
    #expect(indebted > 4.5 && indebted < 5.5)
    budget.setDebt(byteCount: 20 * 64 << 20, isUrgent: true)
    #expect(seconds(writing: 640) == 0)
    budget.setDebt(byteCount: 0, isUrgent: false)
    for _ in 0..<100 {
      budget.received(byteCount: 1 << 20)
      clock.advance(nanoseconds: 100_000_000)
      _ = budget.pauseNanoseconds(afterWriting: 0)
    }
    // 10 MiB a second in, twelve times that out, and the floor of a busy engine.
    #expect(budget.bytesPerSecond > 120e6 && budget.bytesPerSecond < 180e6)
  }
}
