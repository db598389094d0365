// Damaged table files: each wrong byte is found before it is served; bytes that break the format
// under a right checksum are refused without a trap.

import Bytes
import Testing
import TestSupport
import VFS

@testable import LSM

@Suite struct TableDamageTests {
  private static let entries = [TestEntry].random(count: 40, valueByteCount: 30, seed: 21)

  private static func fixture() throws -> TableFixture {
    var options = TableOptions()
    options.blockByteCount = 256
    let fixture = TableFixture(cacheByteCount: 0)
    try fixture.write(entries, options: options)
    return fixture
  }

  /// Reads everything every way; false when damage was found. What is served is right.
  private func readsWhole(_ fixture: TableFixture) throws -> Bool {
    do {
      let reader = try fixture.open()
      for entry in Self.entries { expectSame(try reader.entry(entry.key), entry, "get") }
      let cursor = reader.cursor(.compaction)
      try cursor.seekToFirst()
      expectSame(try cursor.rest(), Self.entries, "forwards")
      try cursor.seekToLast()
      expectSame(try cursor.restBackwards(), Self.entries.reversed(), "backwards")
      return true
    } catch EngineError.corrupt(let path, let offset, let reason) {
      expectSame(path, "t", "path")
      #expect(offset <= UInt64(fixture.fileSystem.contents(of: "t")?.count ?? 0), "\(reason)")
      return false
    }
  }

  @Test func `each damaged byte is found`() throws {
    let fixture = try Self.fixture()
    let bytes = try #require(fixture.fileSystem.contents(of: "t"))
    #expect(try readsWhole(fixture))
    for offset in bytes.indices {
      for mask: UInt8 in [0x01, 0xff] {
        var damaged = bytes
        damaged[offset] ^= mask
        fixture.fileSystem.setContents(of: "t", to: damaged)
        expectSame(try readsWhole(fixture), false, "byte \(offset) xor \(mask)")
      }
    }
  }

  @Test func `a file of any other length is refused`() throws {
    let fixture = try Self.fixture()
    let bytes = try #require(fixture.fileSystem.contents(of: "t"))
    for count in bytes.indices {
      fixture.fileSystem.setContents(of: "t", to: Array(bytes[..<count]))
      expectSame(try readsWhole(fixture), false, "\(count) bytes")
    }
    fixture.fileSystem.setContents(of: "t", to: bytes + [0])
    #expect(try !readsWhole(fixture))
    fixture.fileSystem.setContents(of: "t", to: bytes + bytes)
    #expect(try !readsWhole(fixture))
  }

  @Test func `a newer version is refused by its number`() throws {
    let fixture = try Self.fixture()
    var bytes = try #require(fixture.fileSystem.contents(of: "t"))
    var header = ByteBuffer()
    header.append(littleEndian: TableFormat.magic)
    header.append(littleEndian: 9 as UInt32)
    header.append(littleEndian: CRC32C.checksum(header.view))
    bytes.replaceSubrange(0..<16, with: header.array)
    fixture.fileSystem.setContents(of: "t", to: bytes)
    do {
      _ = try fixture.open()
      Issue.record("opened")
    } catch EngineError.unsupportedVersion(let path, let found, let newestKnown) {
      #expect(path == "t" && found == 9 && newestKnown == TableFormat.version)
    }
  }

  @Test func `a block whose every byte may lie is walked without a trap`() throws {
    var builder = BlockBuilder(restartInterval: 3)
    for entry in [TestEntry].random(count: 12, valueByteCount: 9, seed: 3) {
      ByteView.of(entry.key) { key in
        ByteView.of(entry.value) { builder.add(key: key, kind: entry.kind, value: $0) }
      }
    }
    let bytes = builder.finish().array
    let lies: [UInt8] = [0, 1, 2, 3, 4, 7, 0x0f, 0x7f, 0x80, 0x81, 0xfe, 0xff]
    var refused = 0
    for offset in bytes.indices {
      for lie in lies {
        var damaged = bytes
        damaged[offset] = lie
        if !walkAround(damaged) { refused += 1 }
      }
    }
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<5_000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        damaged[Int.random(in: 0..<bytes.count, using: &generator)] =
          lies[Int.random(in: 0..<lies.count, using: &generator)]
      }
      damaged.removeLast(Int.random(in: 0...3, using: &generator))
      if !walkAround(damaged) { refused += 1 }
    }
    #expect(refused > 1_000)
  }

  /// Every movement over contents that may be anything; false when one of them was refused.
  private func walkAround(_ contents: [UInt8]) -> Bool {
    let block = Block.of(contents)
    let isForwardsRead = isAccepted { try walkForwards(block) }
    let isBackwardsRead = isAccepted { try walkBackwards(block) }
    return isAccepted { try seekAround(block) } && isForwardsRead && isBackwardsRead
  }

  private func isAccepted(_ body: () throws -> Void) -> Bool {
    do {
      try body()
      return true
    } catch {
      #expect(error is BlockDamage)
      return false
    }
  }

  private func walkForwards(_ block: Block) throws {
    var cursor = BlockCursor()
    try cursor.open(block)
    try cursor.seekToFirst()
    while cursor.isValid { try cursor.next() }
  }

  private func walkBackwards(_ block: Block) throws {
    var cursor = BlockCursor()
    try cursor.open(block)
    try cursor.seekToLast()
    while cursor.isValid { try cursor.previous() }
  }

  private func seekAround(_ block: Block) throws {
    var cursor = BlockCursor()
    try cursor.open(block)
    for byte in stride(from: 0, through: 255, by: 15) {
      let key = Block.of([0x61, 0x61, UInt8(byte)])
      try cursor.seek(to: key.view)
      try cursor.seek(before: key.view)
      if cursor.isValid { _ = try? BlockHandle.decode(cursor.value) }
    }
  }

  @Test func `properties, footers, filters and packed blocks that lie are refused`() throws {
    var properties = ByteBuffer()
    TableProperties().append(to: &properties)
    let bytes = properties.array
    for count in bytes.indices {
      #expect(throws: BlockDamage.self) {
        _ = try ByteView.of(Array(bytes[..<count])) { try TableProperties.decode($0) }
      }
    }
    for filter: [UInt8] in [
      [], [1], .init(repeating: 0, count: 64), .init(repeating: 0, count: 65),
    ] {
      #expect(throws: BlockDamage.self) {
        _ = try ByteView.of(filter) { try BloomFilter.mayContain(5, in: $0) }
      }
    }
    // A claim of 200 MiB in a few bytes takes no memory.
    for claim: [UInt8] in [[0x80, 0x80, 0x80, 0x64, 1, 2, 3], [0], [5], [0xff]] {
      var stored = ByteBuffer()
      stored.append(claim)
      stored.append(TableFormat.lz4)
      stored.append(littleEndian: CRC32C.checksum(stored.view))
      #expect(throws: BlockDamage.self) {
        _ = try TableReader.unpack(stored.view, owner: nil)
      }
    }
    let reaches: [(UInt64, UInt64)] = [
      (0, 10), (16, 0), (16, 2_000), (.max, 5), (16, .max), (1_000, 20), (.max, .max),
    ]
    for (offset, count) in reaches {
      #expect(throws: BlockDamage.self) {
        try BlockHandle(offset: offset, payloadByteCount: count).check(fileByteCount: 1_000)
      }
    }
  }
}

extension Block {
  static func of(_ bytes: [UInt8]) -> Block { ByteView.of(bytes) { Block(copying: $0) } }
}
