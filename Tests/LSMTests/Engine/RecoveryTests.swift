// Opening: what is refused, what is tidied up, and every crash between.

import Bytes
import LSM
import Synchronization
import TestSupport
import Testing
import VFS

@Suite struct RecoveryTests {
  private func filledWorld() throws -> EngineWorld {
    let world = try EngineWorld()
    let engine = try world.open()
    for index in 0..<20 { try engine.write(.put, "key\(index)", "value") }
    try engine.close()
    world.scheduler.runReady()
    return world
  }

  private func paths(_ world: EngineWorld, _ part: String) throws -> [String] {
    try world.files.list(world.directory).filter { $0.contains(part) }
      .map { "\(world.directory)/\($0)" }
  }

  @Test func `a directory with other files is refused and left alone`() throws {
    let world = try EngineWorld()
    try world.files.createDirectory(world.directory)
    _ = try world.files.create("\(world.directory)/notes.txt")
    do throws(EngineError) {
      _ = try world.open()
      Issue.record("a foreign directory was opened")
    } catch {
      guard case .invalid = error else { throw error }
    }
    #expect(try world.files.list(world.directory) == ["notes.txt"])
  }

  @Test func `a missing table file is refused with its path`() throws {
    let world = try filledWorld()
    let path = try #require(try paths(world, ".table").first)
    try world.files.remove(path)
    do throws(EngineError) {
      _ = try world.open()
      Issue.record("opened without a table file")
    } catch {
      guard case .corrupt(path, _, _) = error else { throw error }
    }
  }

  @Test func `a missing manifest is refused`() throws {
    let world = try filledWorld()
    for path in try paths(world, "manifest") { try world.files.remove(path) }
    #expect(throws: EngineError.self) { try world.open() }
  }

  @Test func `a newest log that is gone or cut to nothing is refused`() throws {
    for logCount in [1, 3] {
      for isCut in [false, true] {
        let world = try EngineWorld()
        world.options.logFileByteCount = 4 << 10
        let engine = try world.open()
        var index = 0
        while try paths(world, ".log").count < logCount {
          try engine.write(.put, "key\(index)", String(repeating: "v", count: 500))
          index += 1
        }
        try engine.write(.put, "last", "value")
        world.crash()
        let newest = try #require(try paths(world, ".log").max())
        if isCut {
          world.files.setContents(of: newest, to: [])
        } else {
          try world.files.remove(newest)
        }
        #expect(throws: EngineError.self, "\(logCount) logs, cut \(isCut)") { try world.open() }
        let check = EngineCheck(world.directory, fileSystem: world.files)
        #expect(check.problems.count == 1)
      }
    }
  }

  /// Long logs are replayed by several threads, and by way of table files where memory is short.
  @Test(arguments: [64 << 20, 6 << 20])
  func `all of long logs is there in its order`(memoryByteCount: Int) throws {
    let world = try EngineWorld()
    world.options.memtableByteCount = 64 << 20
    world.options.logFileByteCount = 2 << 20
    world.options.durability = .none
    world.memory = MemoryBudget(byteCount: 256 << 20)
    let engine = try world.open()
    let keyCount = 5_000
    for round in 0..<10 {
      for start in stride(from: 0, to: keyCount, by: 50) {
        var batch = WriteBatch()
        for key in start..<start + 50 {
          let text = "round \(round) of \(key) " + String(repeating: "v", count: 160)
          ByteView.of("key-\(key)") { key in
            ByteView.of(text) { batch.append(.put, key: key, value: $0) }
          }
        }
        _ = try engine.commitAndWait(batch)
      }
    }
    #expect(engine.statistics.logByteCount > 8 << 20)
    let sequence = engine.statistics.lastSequence
    world.crash(keeping: 1)
    world.memory = MemoryBudget(byteCount: memoryByteCount)
    world.options.memtableByteCount = 2 << 20
    let again = try world.open()
    #expect(again.statistics.lastSequence == sequence)
    #expect(again.statistics.levels[0].fileCount > 0 || memoryByteCount > 32 << 20)
    #expect(again.statistics.sealedMemtableCount > 2 || memoryByteCount < 32 << 20)
    let pairs = try again.pairs()
    #expect(pairs.count == keyCount)
    #expect(pairs.allSatisfy { $0.contains("=round 9 of ") })
    try again.close()
    #expect(try world.open().pairs() == pairs)
  }

  /// A kill leaves all bytes in the page cache, and none of them need be on the disk.
  @Test func `two logs that a killed process left are durable once they are read`() throws {
    let world = try EngineWorld()
    world.options.durability = .none
    world.options.logFileByteCount = 4 << 10
    let engine = try world.open()
    var count = 0
    while try paths(world, ".log").count < 2 {
      try engine.write(.put, "key\(count)", String(repeating: "v", count: 500))
      count += 1
    }
    try engine.write(.put, "key\(count)", "in the second log")
    #expect(try engine.pairs().count == count + 1)
    world.scheduler.dropAll()
    let again = try world.open()
    #expect(try again.pairs().count == count + 1)
    world.crash(keeping: 0)
    #expect(try world.open().pairs().count == count + 1)
  }

  @Test func `a directory that an earlier attempt made is durable before it is used`() throws {
    let world = try EngineWorld()
    let isFailing = Mutex(true)
    world.files.fault = { operation, path, _ in
      guard operation == .syncDirectory, path == "/data", isFailing.withLock({ $0 }) else {
        return nil
      }
      isFailing.withLock { $0 = false }
      return 5
    }
    #expect(throws: EngineError.self) { try world.open() }
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    world.crash()
    #expect(try world.open().text(of: "a") == "1")
  }

  @Test func `left-over files go`() throws {
    let world = try filledWorld()
    _ = try world.files.create("\(world.directory)/000999.table")
    let engine = try world.open()
    #expect(try paths(world, "000999").isEmpty)
    #expect(try paths(world, "manifest").count == 1)
    #expect(try engine.pairs().count == 20)
    try engine.close()
  }

  @Test func `a half-made newer manifest does not count`() throws {
    let world = try filledWorld()
    let newest = try #require(try paths(world, "manifest").max())
    let bytes = try #require(world.files.contents(of: newest))
    let name = "\(world.directory)/manifest-000900"
    _ = try world.files.create(name)
    world.files.setContents(of: name, to: Array(bytes[..<10]))
    let engine = try world.open()
    #expect(try engine.pairs().count == 20)
    try engine.close()
  }

  @Test func `damage in a log's middle is refused, a torn tail dropped`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    for index in 0..<20 { try engine.write(.put, "key\(index)", "value") }
    world.crash()
    let path = try #require(
      try paths(world, ".log").max { left, right in
        (world.files.contents(of: left)?.count ?? 0)
          < (world.files.contents(of: right)?.count ?? 0)
      })
    let bytes = try #require(world.files.contents(of: path))
    var damaged = bytes
    damaged[200] ^= 1
    world.files.setContents(of: path, to: damaged)
    #expect(throws: EngineError.self) { try world.open() }
    let end = try #require(bytes.lastIndex { $0 != 0 })
    damaged = bytes
    damaged[end] ^= 1
    world.files.setContents(of: path, to: damaged)
    let again = try world.open()
    #expect(try again.pairs().count == 19)
    try again.close()
  }

  /// The machine stops at each file operation of a short life in turn; whatever was acknowledged
  /// by then must be there, whatever part of the unsynced bytes survives.
  @Test(arguments: [0.0, 0.5, 1.0])
  func `a power cut at any file operation loses nothing acknowledged`(share: Double) throws {
    let world = try EngineWorld()
    world.options.memtableByteCount = 2 << 10
    world.options.logFileByteCount = 4 << 10
    world.options.tableFileByteCount = 2 << 10
    world.options.levelZeroTrigger = 2
    let acknowledged = Mutex(0)
    let clones = Mutex<[(files: SimulatedFileSystem, acknowledged: Int)]>([])
    let files = world.files
    files.fault = { _, _, index in
      let count = acknowledged.withLock { $0 }
      let clone = files.crashClone(keeping: share, seed: UInt64(index))
      clones.withLock { $0.append((clone, count)) }
      return nil
    }
    let engine = try world.open()
    for index in 0..<16 {
      try engine.write(.put, "key\(index)", String(repeating: "v", count: 300))
      acknowledged.withLock { $0 = index + 1 }
      if index % 4 == 3 { world.scheduler.runReady() }
    }
    try engine.compactAll()
    try engine.close()
    files.fault = nil
    let states = clones.withLock { $0 }
    #expect(states.count > 100)
    for (index, state) in states.enumerated() {
      world.files = state.files
      world.scheduler.dropAll()
      let recovered = try world.open()
      let count = try recovered.pairs().count
      #expect(
        count >= state.acknowledged && count <= 16,
        "operation \(index): \(count) of \(state.acknowledged)")
      try recovered.close()
    }
  }
}
