// The engine when files fail: a full disk heals, a failed sync ends writing for good, and nothing
// that was not acknowledged is shown.

import Bytes
import LSM
import Synchronization
import TestSupport
import Testing
import VFS

@Suite struct EngineFaultTests {
  private static let noSpace: Int32 = 28
  private static let ioError: Int32 = 5

  @Test func `a full disk refuses commits, serves reads, and heals`() throws {
    let world = try EngineWorld()
    world.options.logFileByteCount = 8 << 10
    let engine = try world.open()
    let value = String(repeating: "v", count: 500)
    for index in 0..<8 { try engine.write(.put, "before\(index)", value) }
    world.files.byteCapacity = world.files.usedByteCount
    var written = 0
    var refused = 0
    for index in 0..<40 {
      do throws(EngineError) {
        try engine.write(.put, "during\(index)", value)
        written += 1
      } catch {
        guard case .full = error else { throw error }
        refused += 1
        #expect(try engine.text(of: "during\(index)") == nil)
      }
    }
    #expect(refused > 0)
    #expect(try engine.text(of: "before3") == value)
    world.files.byteCapacity = .max
    try engine.write(.put, "after", value)
    #expect(try engine.text(of: "after") == value)
    #expect(!engine.statistics.isReadOnly)
    try engine.close()
    let again = try world.open()
    #expect(try again.pairs().count == 8 + written + 1)
    try again.close()
  }

  @Test func `a flush that finds no space is tried again`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    let isFull = Mutex(true)
    world.files.fault = { operation, path, _ in
      let fails = isFull.withLock { $0 } && operation == .write && path.hasSuffix(".table")
      return fails ? EngineFaultTests.noSpace : nil
    }
    #expect(throws: EngineError.self) { try engine.flush() }
    #expect(try engine.text(of: "a") == "1")
    #expect(engine.statistics.sealedMemtableCount == 1)
    #expect(try world.files.list(world.directory).allSatisfy { !$0.hasSuffix(".table") })
    isFull.withLock { $0 = false }
    world.scheduler.run(forNanoseconds: 10_000_000_000)
    #expect(engine.statistics.sealedMemtableCount == 0)
    #expect(try engine.text(of: "a") == "1")
    try engine.close()
  }

  @Test func `a failed log sync ends writing, and publishes nothing of its group`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    world.files.fault = { operation, path, _ in
      operation == .sync && path.hasSuffix(".log") ? EngineFaultTests.ioError : nil
    }
    #expect(throws: EngineError.self) { try engine.write(.put, "b", "2") }
    world.files.fault = nil
    #expect(try engine.text(of: "b") == nil)
    #expect(engine.snapshot().sequence == SequenceNumber(1))
    #expect(try engine.pairs() == ["a=1"])
    do throws(EngineError) {
      try engine.write(.put, "c", "3")
      Issue.record("a commit after a failed sync")
    } catch {
      guard case .readOnly = error else { throw error }
    }
    #expect(engine.statistics.isReadOnly)
    #expect(throws: EngineError.self) { try engine.flush() }
    try engine.close()
    let again = try world.open()
    #expect(try again.text(of: "a") == "1")
    try again.close()
  }

  /// The page cache still shows what the failed sync has lost for the disk.
  @Test func `what a failed sync left in the page cache is safe once it is replayed`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    let start = world.files.operationCount
    world.files.fault = { operation, path, index in
      operation == .sync && path.hasSuffix(".log") && index >= start
        ? EngineFaultTests.ioError : nil
    }
    #expect(throws: EngineError.self) { try engine.write(.put, "b", "2") }
    world.files.fault = nil
    try engine.close()
    world.scheduler.dropAll()
    let again = try world.open()
    #expect(try again.pairs() == ["a=1", "b=2"])
    try again.write(.put, "c", "3")
    world.crash()
    let last = try world.open()
    #expect(try last.pairs() == ["a=1", "b=2", "c=3"])
    try last.close()
  }

  @Test func `a failed manifest sync ends writing, and reads go on`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    world.files.fault = { operation, path, _ in
      operation == .sync && path.contains("manifest-") ? EngineFaultTests.ioError : nil
    }
    #expect(throws: EngineError.self) { try engine.flush() }
    world.files.fault = nil
    #expect(try engine.text(of: "a") == "1")
    #expect(engine.statistics.isReadOnly)
    #expect(throws: EngineError.self) { try engine.write(.put, "b", "2") }
    world.crash()
    let again = try world.open()
    #expect(try again.text(of: "a") == "1")
    try again.close()
  }

  /// Every operation in turn fails once, of a short life of an engine.
  @Test(arguments: [EngineFaultTests.noSpace, EngineFaultTests.ioError])
  func `whichever file operation fails, nothing acknowledged is lost`(errno: Int32) throws {
    var failing = 0
    while true {
      let world = try EngineWorld()
      world.options.memtableByteCount = 2 << 10
      world.options.logFileByteCount = 4 << 10
      let start = world.files.operationCount
      let target = start + failing
      let hit = Mutex(false)
      world.files.fault = { _, _, index in
        guard index == target else { return nil }
        hit.withLock { $0 = true }
        return errno
      }
      let acknowledged = EngineFaultTests.shortLife(world)
      guard hit.withLock({ $0 }) else { break }
      world.files.fault = nil
      world.crash(keeping: 0)
      let engine = try world.open()
      for key in acknowledged {
        #expect(try engine.text(of: key) != nil, "operation \(failing) lost \(key)")
      }
      try engine.close()
      failing += 1
    }
    #expect(failing > 50)
  }

  /// Opens, writes, flushes and compacts as far as it goes.
  private static func shortLife(_ world: EngineWorld) -> [String] {
    var acknowledged: [String] = []
    guard let engine = try? world.open() else { return [] }
    for index in 0..<12 {
      let key = "key\(index)"
      if (try? engine.write(.put, key, String(repeating: "v", count: 300))) != nil {
        acknowledged.append(key)
      }
      if index % 4 == 3 { world.scheduler.runReady() }
    }
    try? engine.compactAll()
    try? engine.close()
    return acknowledged
  }
}
