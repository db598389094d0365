// Several logs as one: order, gaps, lives of files.

import Bytes
import LSM
import TestSupport
import Testing
import VFS

@Suite struct LogChainTests {
  /// Three logs of two records each.
  private func threeLogs() throws -> LogWorld {
    let world = try LogWorld()
    var previous: LogEnd?
    for number in 1...3 {
      let writer = try world.writer(
        slot: number, number: UInt64(number), previous: previous, capacity: 512)
      for index in 0..<2 {
        try writer.write([UInt8(number), UInt8(index)], at: UInt64(number * 2 + index))
      }
      previous = try writer.finish()
    }
    return world
  }

  @Test func `logs are replayed in the order of their numbers`() throws {
    let replay = try threeLogs().replay([3, 1, 2])
    #expect(replay.payloads == [[1, 0], [1, 1], [2, 0], [2, 1], [3, 0], [3, 1]])
    #expect(replay.firstSequences == [2, 3, 4, 5, 6, 7])
  }

  @Test func `dead logs are spare and are not replayed`() throws {
    let world = try threeLogs()
    #expect(try world.replay([1, 2, 3], oldestLive: 3).payloads == [[3, 0], [3, 1]])
    #expect(try world.replay([3], oldestLive: 3).payloads == [[3, 0], [3, 1]])
    let opened = try (1...3).map { try world.files.openForReading(LogWorld.path($0)) }
    let chain = try LogChain(opened, oldestLive: LogNumber(3), in: "/db")
    #expect(chain.sparePaths.sorted() == [LogWorld.path(1), LogWorld.path(2)])
    #expect(chain.livePaths == [LogWorld.path(3)])
    #expect(chain.highestNumber == LogNumber(3))
    #expect(chain.newestNumber == LogNumber(3))
    while try chain.next() != nil {}
    #expect(chain.end?.number == LogNumber(3))
    #expect(chain.recordCount == 2)
  }

  @Test func `a missing log is refused`() throws {
    let world = try threeLogs()
    #expect(throws: EngineError.self) { try world.replay([1, 3]) }
    #expect(throws: EngineError.self) { try world.replay([2, 3]) }
    #expect(throws: EngineError.self) { try world.replay([3], oldestLive: 2) }
  }

  @Test func `a sealed log must be followed by the log it names`() throws {
    let world = try LogWorld()
    let writer = try world.writer(capacity: 128)
    let end = try writer.write([1], at: 1)
    _ = try world.writer(slot: 2, number: 2, previous: try writer.finish())
    try writer.seal(by: LogNumber(2))
    #expect(try world.replay([1, 2]).payloads == [[1]])
    let error = #expect(throws: EngineError.self) { try world.replay([1]) }
    #expect(
      error?.explanation
        == "/db/1.log, offset \(end): log 2, which goes on where this one ends, is missing")
    // What began and holds nothing is gone, or cut to nothing.
    world.setBytes([], 2)
    #expect(throws: EngineError.self) { try world.replay([1, 2]) }
    // The seal proves the record before it.
    var bytes = try world.bytes(1)
    bytes[56 + 41] ^= 1
    world.setBytes(bytes, 1)
    #expect(throws: EngineError.self) { try world.replay([1]) }
  }

  @Test func `a log that the manifest knows to have begun must be there`() throws {
    let world = try threeLogs()
    let opened = try (1...3).map { try world.files.openForReading(LogWorld.path($0)) }
    func chain(_ count: Int, oldestLive: UInt64, begun: UInt64) throws -> LogChain {
      try LogChain(
        Array(opened.prefix(count)), oldestLive: LogNumber(oldestLive), begun: LogNumber(begun),
        in: "/db")
    }
    _ = try chain(3, oldestLive: 1, begun: 3)
    _ = try chain(0, oldestLive: 4, begun: 3)
    #expect(throws: EngineError.self) { try chain(2, oldestLive: 1, begun: 3) }
    #expect(throws: EngineError.self) { try chain(0, oldestLive: 3, begun: 3) }
  }

  @Test func `a doubled log is refused`() throws {
    let world = try threeLogs()
    world.setBytes(try world.bytes(2), 4)
    #expect(throws: EngineError.self) { try world.replay([1, 2, 3, 4]) }
  }

  @Test func `sequence numbers that go back are refused`() throws {
    let world = try LogWorld()
    let writer = try world.writer()
    try writer.write([1], at: 5)
    try writer.write([2], at: 5)
    #expect(throws: EngineError.self) { try world.replay() }
  }

  @Test func `a lost header is refused where a live record follows`() throws {
    let world = try threeLogs()
    var bytes = try world.bytes(3)
    for offset in 0..<56 { bytes[offset] = 0 }
    world.setBytes(bytes, 3)
    #expect(throws: EngineError.self) { try world.replay([1, 2, 3]) }
    // The first record is gone too: the second still tells.
    for offset in 56..<104 { bytes[offset] = 0 }
    world.setBytes(bytes, 3)
    #expect(throws: EngineError.self) { try world.replay([1, 2, 3]) }
    // Records of a dead log behind a torn header: the file was being recycled.
    #expect(try world.replay([3], oldestLive: 4) == Replay())
  }

  @Test("a crash at every operation of a log's birth leaves the older logs whole", arguments: 0..<8)
  func birth(operation: Int) throws {
    for isRecycled in [false, true] {
      let world = try threeLogs()
      let end = LogEnd(number: LogNumber(3), byteCount: 56 + 96)
      let start = world.files.operationCount
      world.files.fault = { _, _, index in index - start == operation ? 5 : nil }
      let writer = try? world.writer(
        slot: isRecycled ? 1 : 4, number: 4, previous: end, capacity: 512, salt: 9)
      world.files.fault = nil
      _ = writer
      for share in [0, 0.5, 1] {
        let after = LogWorld(world.files.crashClone(keeping: share, seed: UInt64(operation)))
        var slots = [2, 3]
        for slot in [1, 4] where try after.files.exists(LogWorld.path(slot)) { slots.append(slot) }
        let replay = try after.replay(slots, oldestLive: 2)
        #expect(replay.payloads == [[2, 0], [2, 1], [3, 0], [3, 1]])
      }
    }
  }

  @Test func `a newer format is refused by its number`() throws {
    let world = try LogWorld()
    _ = try world.writer()
    var bytes = try world.bytes()
    bytes[8] = 3
    let sum = ByteView.of(bytes) { view in
      CRC32C.checksum(view[16..<56], seed: CRC32C.checksum(view[0..<12]))
    }
    for index in 0..<4 { bytes[12 + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index))) }
    world.setBytes(bytes)
    let error = #expect(throws: EngineError.self) { try world.replay() }
    guard case .unsupportedVersion(_, let found, let known) = error else {
      Issue.record("\(String(describing: error)) is not about the version")
      return
    }
    #expect(found == 3)
    #expect(known == 2)
  }
}
