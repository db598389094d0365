// What happens beside reads and writes: files that wait for their readers, idle engines that tidy
// up, memory that is shared, commits that are held back.

import Bytes
import LSM
import Synchronization
import TestSupport
import Testing
import VFS

@Suite struct BackgroundTests {
  private func tableCount(_ world: EngineWorld) throws -> Int {
    try world.files.list(world.directory).filter { $0.hasSuffix(".table") }.count
  }

  @Test func `a replaced file stays while a snapshot needs it`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    try engine.write(.put, "a", "old")
    try engine.flush()
    var snapshot: Snapshot? = engine.snapshot()
    try engine.write(.put, "a", "new")
    try engine.compactAll()
    world.scheduler.runReady()
    #expect(try tableCount(world) == 2)
    #expect(try engine.text(of: "a", at: snapshot) == "old")
    snapshot = nil
    world.scheduler.runReady()
    #expect(try tableCount(world) == 1)
    #expect(try engine.text(of: "a") == "new")
    try engine.close()
  }

  @Test func `deleted keys leave nothing behind`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    for index in 0..<50 { try engine.write(.put, "key\(index)", "value") }
    try engine.flush()
    for index in 0..<50 { try engine.write(.delete, "key\(index)") }
    try engine.compactAll()
    world.scheduler.runReady()
    #expect(try tableCount(world) == 0)
    #expect(engine.statistics.levels.allSatisfy { $0.entryCount == 0 })
    try engine.close()
  }

  @Test func `an idle engine writes its memory out and settles`() throws {
    let world = try EngineWorld()
    world.options.memtableByteCount = 8 << 10
    let engine = try world.open()
    for round in 0..<5 {
      for index in 0..<100 { try engine.write(.put, "key\(index)", "value \(round) \(index)") }
    }
    world.scheduler.run(forNanoseconds: 20_000_000_000)
    let statistics = engine.statistics
    let total = statistics.levels.reduce(0) { $0 + $1.byteCount }
    let deepest = try #require(statistics.levels.last { $0.byteCount > 0 }?.byteCount)
    #expect(Double(total) <= 1.11 * Double(deepest))
    #expect(statistics.sealedMemtableCount == 0)
    #expect(statistics.compactionDebtByteCount == 0)
    #expect(try tableCount(world) == statistics.levels.reduce(0) { $0 + $1.fileCount })
    #expect(try engine.pairs().count == 100)
    try engine.close()
  }

  @Test(arguments: [true, false])
  func `an idle engine leaves the log it has filled`(isFlushed: Bool) throws {
    let world = try EngineWorld()
    world.options.durability = .interval
    world.options.logFileByteCount = 256 << 10
    let engine = try world.open()
    let value = String(repeating: "v", count: 2_000)
    for index in 0..<90 { try engine.write(.put, "key\(index)", value) }
    world.scheduler.runReady()
    if isFlushed { try engine.flush() }
    #expect(engine.statistics.logByteCount > 64 << 10)
    world.scheduler.run(forNanoseconds: 20_000_000_000)
    #expect(try world.files.list(world.directory).filter { $0.hasSuffix(".log") }.count == 1)
    #expect(engine.statistics.logByteCount < 1 << 10)
    // It goes on there, through a power cut.
    for index in 90..<95 { try engine.write(.put, "key\(index)", value) }
    world.scheduler.run(forNanoseconds: world.options.syncIntervalNanoseconds)
    world.crash()
    let again = try world.open()
    #expect(try again.pairs().count == 95)
    try again.close()
  }

  @Test func `when memory is short the largest memtable goes first`() throws {
    let memory = MemoryBudget(byteCount: 3 << 20)
    let small = try EngineWorld(seed: 1)
    let large = try EngineWorld(seed: 2)
    small.memory = memory
    large.memory = memory
    let smallEngine = try small.open()
    let largeEngine = try large.open()
    let value = String(repeating: "v", count: 10_000)
    for index in 0..<20 { try largeEngine.write(.put, "large\(index)", value) }
    for index in 0..<60 { try smallEngine.write(.put, "small\(index % 5)", "v") }
    for index in 20..<60 { try largeEngine.write(.put, "large\(index)", value) }
    large.scheduler.runReady()
    small.scheduler.runReady()
    #expect(largeEngine.statistics.flushes > 0)
    #expect(smallEngine.statistics.flushes == 0)
    try smallEngine.close()
    try largeEngine.close()
    #expect(memory.memtableBytesInUse < 1 << 20)
  }

  @Test func `commits are answered in order, and the observer sees them before`() throws {
    final class Recorder: CommitObserver {
      let seen = Mutex<[String]>([])
      func committed(_ batch: borrowing WriteBatch, first: SequenceNumber) {
        let count = batch.count
        seen.withLock { $0.append("observed \(first.rawValue)+\(count)") }
      }
    }
    let world = try EngineWorld()
    let recorder = Recorder()
    let engine = try world.open(observer: recorder)
    for number in 1...3 {
      var batch = WriteBatch()
      for _ in 0..<number {
        ByteView.of("k\(number)") { batch.append(.put, key: $0, value: ByteView()) }
      }
      engine.commit(
        CommitRequest(batch) { result in
          let last = (try? result.get().rawValue) ?? 0
          recorder.seen.withLock { $0.append("answered \(last)") }
        })
    }
    world.scheduler.runReady()
    #expect(
      recorder.seen.withLock { $0 } == [
        "observed 1+1", "observed 2+2", "observed 4+3", "answered 1", "answered 3", "answered 6",
      ])
    #expect(engine.statistics.commitGroups == 1)
    try engine.close()
  }

  @Test func `a decision that throws changes nothing and says why`() throws {
    struct Refusal: Error {}
    let world = try EngineWorld()
    let engine = try world.open()
    let answer = Mutex<EngineError?>(nil)
    engine.commit(
      CommitRequest(
        deciding: { _, batch in
          ByteView.of("k") { batch.append(.put, key: $0, value: ByteView()) }
          throw Refusal()
        },
        completion: { result in
          if case .failure(let error) = result { answer.withLock { $0 = error } }
        }))
    world.scheduler.runReady()
    guard case .rejected(let reason) = answer.withLock({ $0 }) else {
      Issue.record("not rejected")
      return
    }
    #expect(reason is Refusal)
    #expect(try engine.pairs() == [])
    try engine.close()
    #expect(throws: EngineError.self) { try engine.write(.put, "k", "v") }
  }

  @Test func `a read that may not wait says so, and succeeds when it may`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    try engine.flush()
    let list = OperandList()
    // What was written a moment ago is there.
    world.files.readsWouldBlock = true
    let found = try ByteView.of("a") {
      try engine.get($0, at: engine.snapshot(), wait: .forbidden, into: list)
    }
    #expect(found == .found)
    list.clear()
    world.cache.byteCountLimit = 0
    let refused = #expect(throws: EngineError.self) {
      try ByteView.of("a") {
        try engine.get($0, at: engine.snapshot(), wait: .forbidden, into: list)
      }
    }
    guard case .wouldBlock = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
    #expect(try engine.text(of: "a") == "1")
    try engine.close()
  }

  @Test func `newest sequence bounds a range, and other ranges do not move it`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    try engine.write(.put, "m", "1")
    let low = engine.newestSequence(from: nil, to: Array("k".utf8))
    #expect(low == SequenceNumber(1))
    try engine.write(.put, "n", "1")
    #expect(engine.newestSequence(from: nil, to: Array("k".utf8)) == low)
    #expect(engine.newestSequence(from: Array("m".utf8), to: nil) == SequenceNumber(3))
    #expect(engine.newestSequence(from: Array("x".utf8), to: nil) == .zero)
    try engine.close()
  }
}
