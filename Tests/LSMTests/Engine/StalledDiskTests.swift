// An engine on a disk that does not answer: reads are served from memory, what waits to be
// committed is bounded, and beyond the bound a commit is told to come again.

import Bytes
import LSM
import Runtime
import Synchronization
import TestSupport
import Testing
import VFS

@Suite struct StalledDiskTests {
  @Test func `while a sync hangs, memory is bounded and reads go on`() throws {
    let world = try StalledWorld()
    defer { world.scheduler.shutDown() }
    let engine = world.engine
    world.stall()

    let outcomes = Mutex<(written: Int, later: Int)>((0, 0))
    let value = [UInt8](repeating: 7, count: 4 << 20)
    let count = 48
    for index in 0..<count {
      var batch = WriteBatch()
      ByteView.of("big\(index)") { key in
        ByteView.of(value) { batch.append(.put, key: key, value: $0) }
      }
      engine.commit(
        CommitRequest(batch, durability: nil) { result in
          outcomes.withLock { outcomes in
            switch result {
            case .success: outcomes.written += 1
            case .failure(.retryLater): outcomes.later += 1
            case .failure(let error): Issue.record("\(error)")
            }
          }
        })
    }
    // 128 MiB wait, and one group is on its way to the disk.
    let later = outcomes.withLock { $0.later }
    #expect(later >= count - 34 && later < count, "\(later) of \(count) were told to come again")
    #expect(outcomes.withLock { $0.written } == 0)
    #expect(try engine.text(of: "key") == "value")

    world.release()
    try engine.close()
    #expect(outcomes.withLock { $0.written } == count - later)
  }

  @Test func `when the queue stands, who would rather not wait is told at once`() throws {
    var options = EngineOptions()
    options.shedNanoseconds = 20_000_000
    let world = try StalledWorld(options)
    defer { world.scheduler.shutDown() }
    let (engine, scheduler) = (world.engine, world.scheduler)
    world.stall()

    let outcomes = Mutex<(written: Int, refused: Int)>((0, 0))
    func commit(_ index: Int, isPatient: Bool) {
      var batch = WriteBatch()
      ByteView.of("key\(index)") { key in
        ByteView.of("value") { batch.append(.put, key: key, value: $0) }
      }
      engine.commit(
        CommitRequest(batch, isPatient: isPatient) { result in
          outcomes.withLock { outcomes in
            switch result {
            case .success: outcomes.written += 1
            case .failure(.retryLater): outcomes.refused += 1
            case .failure(let error): Issue.record("\(error)")
            }
          }
        })
    }
    // The first hangs in its sync; the queue behind it stands from 20 ms on, and 100 ms later that
    // is certain.
    for index in 0..<40 {
      commit(index, isPatient: false)
      scheduler.pause(nanoseconds: 10_000_000)
    }
    let refused = outcomes.withLock { $0.refused }
    #expect(refused > 0 && refused < 38, "\(refused) of 40 were refused")
    commit(40, isPatient: true)
    #expect(outcomes.withLock { $0.refused } == refused)
    world.release()
    for _ in 0..<1_000 where outcomes.withLock({ $0.written + $0.refused }) < 41 {
      scheduler.pause(nanoseconds: 10_000_000)
    }
    // The queue is short again: so is the wait.
    commit(41, isPatient: false)
    try engine.close()
    #expect(outcomes.withLock { $0.written } == 42 - refused)
  }
}

/// An engine that holds one key, on a disk whose syncs can be made to hang.
private final class StalledWorld: Sendable {
  let engine: Engine
  let scheduler: ThreadScheduler
  private let disk = Stall()

  /// What the disk's interception shares with the test.
  private final class Stall: Sendable {
    let isOn = Mutex(false)
    let end = Latch()
  }

  init(_ options: EngineOptions = EngineOptions()) throws {
    let simulated = SimulatedFileSystem()
    try simulated.createDirectory("/data")
    let files = InterceptedFileSystem(simulated) { [disk] call in
      if call.operation == .sync, disk.isOn.withLock({ $0 }) { disk.end.wait() }
      return .proceed
    }
    scheduler = ThreadScheduler()
    let environment = EngineEnvironment(
      fileSystem: files, time: SystemTime(), scheduler: scheduler, randomSeed: 1,
      cache: BlockCache(byteCount: 1 << 20), memory: MemoryBudget(byteCount: 512 << 20))
    engine = try Engine.open(
      "/data/engine", environment: environment, options: options, merger: TextMerger())
    try engine.write(.put, "key", "value")
  }

  func stall() { disk.isOn.withLock { $0 = true } }

  /// For good.
  func release() {
    disk.isOn.withLock { $0 = false }
    disk.end.open()
  }
}
