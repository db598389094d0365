// What a replay finds: records whole, tails torn, damage refused.

import Bytes
import LSM
import TestSupport
import Testing
import VFS

@Suite struct LogReaderTests {
  /// Lengths and the count of records in the small logs that are damaged everywhere.
  private static let lengths = [5, 24, 1, 40]

  private func smallLog(syncing isSynced: (Int) -> Bool) throws -> (LogWorld, [UInt64]) {
    let world = try LogWorld()
    let writer = try world.writer(capacity: 512)
    var ends: [UInt64] = []
    for (index, length) in Self.lengths.enumerated() {
      ends.append(try writer.write(payload(index, count: length), at: UInt64(index) + 1))
      if isSynced(index) { try writer.sync() }
    }
    return (world, ends)
  }

  @Test(
    "payloads of every length come back",
    arguments: [1, 7, 8, 9, 15, 16, 17, 4_055, 262_104, 262_144, 1_048_536, 1_048_577])
  func roundTrip(count: Int) throws {
    let world = try LogWorld()
    let writer = try world.writer()
    try writer.write(payload(1, count: 3), at: 1)
    try writer.write(payload(2, count: count), at: 2)
    try writer.write(payload(3, count: 9), at: 3)
    let replay = try world.replay()
    let expected = [payload(1, count: 3), payload(2, count: count), payload(3, count: 9)]
    #expect(replay.payloads == expected)
    #expect(replay.firstSequences == [1, 2, 3])
    #expect(replay.droppedByteCount == 0)
  }

  @Test func `a group of small and giant batches is one record`() throws {
    let world = try LogWorld()
    let writer = try world.writer()
    var expected: [UInt8] = []
    for (index, count) in [10, 3 << 20, 20, 1 << 20, 700_000, 700_000, 1].enumerated() {
      let bytes = payload(index, count: count)
      expected += bytes
      try writer.reserve(payloadByteCount: count)
      try ByteView.of(bytes) { (view) throws(FileError) in try writer.add(view, entryCount: 1) }
    }
    try writer.append(firstSequence: SequenceNumber(1))
    try writer.write([7], at: 8)
    #expect(try world.replay().payloads == [expected, [7]])
  }

  @Test func `a batch that just misses the room left in the buffer keeps its header`() throws {
    let world = try LogWorld()
    let writer = try world.writer()
    let bytes = payload(4, count: (1 << 20) - 20)
    try writer.write(bytes, at: 1)
    #expect(try world.replay().payloads == [bytes])
  }

  @Test func `a log that was cut anywhere is refused`() throws {
    let (world, _) = try smallLog { _ in true }
    let whole = try world.bytes()
    for count in 1..<whole.count {
      world.setBytes(Array(whole.prefix(count)))
      #expect(throws: EngineError.self, "cut to \(count)") { try world.replay() }
    }
    world.setBytes([])
    #expect(try world.replay() == Replay())
  }

  @Test(arguments: [0x01, 0x80, 0xff] as [UInt8])
  func `no flipped byte loses a synced record unsaid`(flip: UInt8) throws {
    let (world, ends) = try smallLog { _ in true }
    let whole = try world.bytes()
    let all = try world.replay()
    #expect(all.payloads.count == 4)
    for offset in whole.indices {
      var damaged = whole
      damaged[offset] ^= flip
      world.setBytes(damaged)
      guard let replay = try? world.replay() else { continue }
      // The last record alone cannot be told from a torn one: nothing was written after it.
      let isInLast = offset >= Int(ends[2]) && offset < Int(ends[3])
      if isInLast, replay.payloads.count == 3 {
        #expect(replay.payloads == Array(all.payloads.prefix(3)))
        #expect(replay.droppedByteCount > 0 || offset < Int(ends[2]) + 40)
      } else {
        #expect(replay.payloads == all.payloads, "flip at \(offset)")
      }
    }
  }

  @Test func `with a successor every byte of a log is proven`() throws {
    let (world, ends) = try smallLog { _ in true }
    let next = try world.writer(
      slot: 2, number: 2, previous: LogEnd(number: LogNumber(1), byteCount: ends[3]), capacity: 512)
    try next.write([9], at: 5)
    let whole = try world.bytes()
    let all = try world.replay([2, 1])
    #expect(all.payloads.count == 5)
    for offset in whole.indices {
      var damaged = whole
      damaged[offset] ^= 0x10
      world.setBytes(damaged)
      // Padding says nothing; what is behind the end is not read.
      if let replay = try? world.replay([1, 2]) {
        #expect(replay == all, "flip at \(offset)")
      } else {
        #expect(offset < Int(ends[3]))
      }
    }
    for count in 0..<Int(ends[3]) {
      world.setBytes(Array(whole.prefix(count)))
      #expect(throws: EngineError.self, "cut to \(count)") { try world.replay([1, 2]) }
    }
  }

  @Test func `damage names its file and offset`() throws {
    let (world, ends) = try smallLog { _ in true }
    var damaged = try world.bytes()
    damaged[Int(ends[0]) + 44] ^= 4
    world.setBytes(damaged)
    let error = #expect(throws: EngineError.self) { try world.replay() }
    guard case .corrupt(let path, let offset, let reason) = error else {
      Issue.record("\(String(describing: error)) is not corruption")
      return
    }
    #expect(path == LogWorld.path(1))
    #expect(offset == ends[0])
    #expect(reason.contains("checksum"))
  }

  @Test func `an unsynced record may be torn and ends the replay`() throws {
    // Records 0 and 1 are synced; 2 and 3 are not, and may be damaged in any way.
    let (world, ends) = try smallLog { $0 == 1 }
    let whole = try world.bytes()
    let all = try world.replay()
    for offset in Int(ends[1])..<Int(ends[3]) {
      var damaged = whole
      damaged[offset] ^= 0x20
      world.setBytes(damaged)
      let replay = try world.replay()
      let isThird = offset >= Int(ends[2])
      let expected = Array(all.payloads.prefix(isThird ? 3 : 2))
      #expect(replay.payloads == expected || replay.payloads == all.payloads, "flip at \(offset)")
    }
    // Record 2 lost, record 3 there: both were on their way.
    var damaged = whole
    for offset in Int(ends[1])..<Int(ends[2]) { damaged[offset] = 0 }
    world.setBytes(damaged)
    let replay = try world.replay()
    #expect(replay.payloads.count == 2)
    #expect(replay.droppedByteCount == ends[3] - ends[1])
  }

  @Test("whatever a crash leaves, synced records are replayed", arguments: 0..<40 as Range<UInt64>)
  func crash(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let world = try LogWorld()
    // The file had an earlier life, so that stale records are around.
    let old = try world.writer(capacity: 32_768, salt: 5)
    for index in 0..<Int.random(in: 0...60, using: &random) {
      let bytes = payload(index, count: .random(in: 1...400, using: &random))
      try old.write(bytes, at: UInt64(index) + 1)
    }
    try old.sync()
    let end = LogEnd(number: LogNumber(1), byteCount: old.byteCount)
    let writer = try world.writer(number: 2, previous: end, capacity: 32_768)
    var written: [[UInt8]] = []
    var syncedCount = 0
    for index in 0..<Int.random(in: 0...50, using: &random) {
      let bytes = payload(index + 100, count: .random(in: 1...600, using: &random))
      try writer.write(bytes, at: UInt64(index) + 1)
      written.append(bytes)
      if random.chance(0.3) {
        try writer.sync()
        syncedCount = written.count
      }
    }
    for share in [0, 0.5, 0.9, 1] {
      let after = LogWorld(world.files.crashClone(keeping: share, seed: seed))
      let replay = try after.replay(oldestLive: 2)
      #expect(replay.payloads.count >= syncedCount)
      #expect(replay.payloads == Array(written.prefix(replay.payloads.count)))
      if share == 1 { #expect(replay.payloads.count == written.count) }
    }
  }

  @Test func `a recycled file does not give records of its earlier life`() throws {
    for fresh in 0...6 {
      let world = try LogWorld()
      let old = try world.writer(capacity: 1_024, salt: 1)
      for index in 0..<6 { try old.write(payload(index, count: 64), at: UInt64(index) + 1) }
      let end = try old.finish()
      let writer = try world.writer(number: 2, previous: end, capacity: 1_024, salt: 2)
      var expected: [[UInt8]] = []
      // The same length, so that stale records stand exactly where the next would.
      for index in 0..<fresh {
        expected.append(payload(index + 50, count: 64))
        try writer.write(expected[index], at: UInt64(index) + 7)
        try writer.sync()
      }
      let replay = try world.replay(oldestLive: 2)
      #expect(replay.payloads == expected)
      #expect(replay.droppedByteCount == 0)
    }
  }

  @Test func `a value that holds a record's bytes is not taken for one`() throws {
    let world = try LogWorld()
    let forger = try world.writer(slot: 3, number: 1, salt: 77)
    for index in 0..<3 {
      try forger.write(payload(index, count: 16), at: UInt64(index) + 1)
      try forger.sync()
    }
    let forged = Array(try world.bytes(3)[56..<Int(forger.byteCount)])
    let writer = try world.writer()
    try writer.write(forged, at: 1)
    // Torn: its header did not make it to the disk.
    var bytes = try world.bytes()
    for offset in 56..<96 { bytes[offset] = 0 }
    world.setBytes(bytes)
    #expect(try world.replay().payloads.isEmpty)
  }
}
