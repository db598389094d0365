// A log that goes on before the end of the one before it is durable: what a crash leaves of both.

import LSM
import TestSupport
import Testing
import VFS

@Suite struct LogSuccessionTests {
  @Test func `what is synced behind an unsynced log brings that log to the disk`() throws {
    let world = try LogWorld()
    let first = try world.writer()
    try first.write([1], at: 1)
    let second = try world.next(first, slot: 2)
    #expect(second.syncedByteCount == 0)
    try second.write([2], at: 2)
    #expect(try LogWorld(world.files.crashClone()).replay([1, 2]) == Replay())
    try second.sync()
    #expect(second.syncedByteCount == second.byteCount)
    let after = LogWorld(world.files.crashClone())
    #expect(try after.replay([1, 2]).payloads == [[1], [2]])
  }

  @Test func `a sync of nothing new makes the log before durable`() throws {
    let world = try LogWorld()
    let first = try world.writer()
    try first.write([1], at: 1)
    let second = try world.next(first, slot: 2)
    try second.sync()
    #expect(try LogWorld(world.files.crashClone()).replay([1, 2]).payloads == [[1]])
    #expect(second.syncedByteCount == 56)
  }

  @Test(arguments: [FileOperation.sync, .close])
  func `a log whose predecessor's end is lost takes no more`(operation: FileOperation) throws {
    let world = try LogWorld()
    let first = try world.writer()
    try first.write([1], at: 1)
    let second = try world.next(first, slot: 2)
    world.files.fault = { done, path, _ in
      done == operation && path == LogWorld.path(1) ? 5 : nil
    }
    try second.write([2], at: 2)
    #expect(throws: FileError.self) { try second.sync() }
    world.files.fault = nil
    #expect(throws: FileError.self) { try second.sync() }
    #expect(throws: FileError.self) { try second.write([3], at: 3) }
    #expect(throws: FileError.self) { try second.syncPredecessor() }
    #expect(second.syncedByteCount == 0)
  }

  @Test func `a log that was made ready and not begun does not count`() throws {
    let world = try LogWorld()
    let first = try world.writer()
    try first.write([1], at: 1)
    try first.sync()
    _ = try world.next(first, slot: 2, isBegun: false)
    #expect(try world.replay([1, 2]).payloads == [[1]])
    let chain = try LogChain(
      try [1, 2].map { try world.files.openForReading(LogWorld.path($0)) },
      oldestLive: LogNumber(1), in: "/db")
    while try chain.next() != nil {}
    #expect(chain.sparePaths == [LogWorld.path(2)])
    #expect(chain.livePaths == [LogWorld.path(1)])
    #expect(chain.highestNumber == LogNumber(2))
    #expect(chain.end == LogEnd(number: LogNumber(1), byteCount: first.byteCount))
    // Its file may stay when the next start has gone on.
    let third = try world.writer(slot: 3, number: 3, previous: try first.finish())
    try third.write([3], at: 2)
    #expect(try world.replay([1, 2, 3]).payloads == [[1], [3]])
    #expect(try world.replay([1, 3]).payloads == [[1], [3]])
  }

  /// Two logs of two records each, the second begun behind the first.
  private func pair(isVouched: Bool) throws -> (LogWorld, firstEnd: Int) {
    let world = try LogWorld()
    let first = try world.writer()
    try first.write([1], at: 1)
    try first.write([2], at: 2)
    let second = try world.next(first, slot: 2)
    try second.write([3], at: 3)
    if isVouched { try second.sync() }
    try second.write([4], at: 4)
    return (world, Int(first.byteCount) - 48)
  }

  @Test func `a torn log hides what was written behind it`() throws {
    let (world, end) = try pair(isVouched: false)
    let whole = try world.bytes(1)
    #expect(try world.replay([1, 2]).payloads == [[1], [2], [3], [4]])
    for offset in 104..<end + 48 where offset != 145 {
      var torn = whole
      torn[offset] ^= 0x11
      world.setBytes(torn, 1)
      let replay = try world.replay([1, 2])
      // Padding says nothing.
      if replay.payloads.count == 4 { continue }
      #expect(replay.payloads == (offset < end ? [[1]] : [[1], [2]]), "flip at \(offset)")
    }
    // A start makes it so: what the second log holds stays forgotten, the file there or not.
    world.setBytes(whole, 1)
    let third = try world.writer(
      slot: 3, number: 3, previous: LogEnd(number: LogNumber(1), byteCount: 104))
    try third.write([9], at: 2)
    #expect(try world.replay([1, 2, 3]).payloads == [[1], [9]])
    #expect(try world.replay([1, 3]).payloads == [[1], [9]])
  }

  @Test func `damage in a log for which the next one vouches is refused`() throws {
    let (world, end) = try pair(isVouched: true)
    let whole = try world.bytes(1)
    let all = try world.replay([1, 2])
    for offset in 0..<end + 48 {
      var damaged = whole
      damaged[offset] ^= 0x11
      world.setBytes(damaged, 1)
      if let replay = try? world.replay([1, 2]) { #expect(replay == all, "flip at \(offset)") }
    }
    for count in 0..<end + 48 {
      world.setBytes(Array(whole.prefix(count)), 1)
      #expect(throws: EngineError.self, "cut to \(count)") { try world.replay([1, 2]) }
    }
    world.setBytes(whole, 1)
    #expect(throws: EngineError.self) { try world.replay([1]) }
  }

  @Test func `what no record vouches for is to be made durable`() throws {
    for isVouched in [false, true] {
      let (world, _) = try pair(isVouched: isVouched)
      let files = try [1, 2].map { try world.files.openForReading(LogWorld.path($0)) }
      let chain = try LogChain(files, oldestLive: LogNumber(1), in: "/db")
      while try chain.next() != nil {}
      let older = isVouched ? [] : [LogWorld.path(1)]
      #expect(chain.unproven.map(\.path) == older + [LogWorld.path(2)])
      #expect(chain.unproven.map(\.range) == (isVouched ? [104..<152] : [56..<200, 0..<152]))
    }
  }

  /// Writes three logs, synced at random, and replays what crashes at random leave.
  ///
  /// - Parameter isBroken: Logs go on without their predecessors.
  /// - Returns: Crashes that lost what was synced, or made something up.
  private func losses(seed: UInt64, isBroken: Bool) throws -> Int {
    var random = SeededGenerator(seed: seed)
    let world = try LogWorld()
    var writer = try world.writer(capacity: 4_096)
    var written: [[UInt8]] = []
    var syncedCount = 0
    var losses = 0
    for slot in 2...4 {
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        let bytes = payload(written.count, count: .random(in: 1...300, using: &random))
        written.append(bytes)
        try writer.write(bytes, at: UInt64(written.count))
        if random.chance(0.25) {
          try writer.sync()
          syncedCount = written.count
        }
        for share in [0, 0.3, 0.7, 1] {
          let clone = world.files.crashClone(keeping: share, seed: random.next())
          let there = try (1...4).filter { try clone.exists(LogWorld.path($0)) }
          let found = try? LogWorld(clone).replay(there).payloads
          let isRight =
            found.map { $0.count >= syncedCount && $0 == Array(written.prefix($0.count)) } ?? false
          if !isRight { losses += 1 }
        }
      }
      try writer.syncPredecessor()
      let next = try world.next(writer, slot: slot, isBegun: false, capacity: 4_096)
      try writer.seal(by: next.number)
      if !isBroken { next.follow(writer) }
      writer = next
    }
    return losses
  }

  @Test("whatever a crash leaves, what is synced is replayed", arguments: 0..<60 as Range<UInt64>)
  func crash(seed: UInt64) throws {
    #expect(try losses(seed: seed, isBroken: false) == 0)
  }

  /// Control.
  @Test func `logs that do not see to their predecessors are found out`() throws {
    #expect(try (0..<20).map { try losses(seed: $0, isBroken: true) }.reduce(0, +) > 20)
  }
}
