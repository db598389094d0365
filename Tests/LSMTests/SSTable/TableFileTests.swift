// Whole table files: against a sorted list, with giant values, on event loops, on a full device.

import Bytes
import Testing
import TestSupport
import VFS

@testable import LSM

@Suite struct TableFileTests {
  @Test(arguments: [1, 2, 3] as [UInt64], [true, false])
  func `a file of random keys equals the sorted list`(seed: UInt64, compress: Bool) throws {
    let entries = [TestEntry].random(count: 2_000, valueByteCount: 120, seed: seed)
    var options = TableOptions()
    options.compress = compress
    options.blockByteCount = seed == 3 ? 300 : 4_096
    let fixture = TableFixture()
    var attributes = TableAttributes()
    attributes.largestSequence = SequenceNumber(77)
    let summary = try fixture.write(entries, options: options, attributes: attributes)
    #expect(summary.byteCount == UInt64(fixture.fileSystem.contents(of: "t")?.count ?? 0))
    #expect(summary.properties.attributes == attributes)
    #expect(
      summary.properties.tombstoneCount == UInt64(entries.count { $0.kind == .delete }))
    let reader = try fixture.open()
    #expect(reader.properties == summary.properties)
    var generator = SeededGenerator(seed: seed)
    let strangers = (0..<500).map { _ in [UInt8].random(4, &generator) }
    for entry in entries { expectSame(try reader.entry(entry.key), entry, "get") }
    for key in strangers {
      expectSame(try reader.entry(key), entries.first { $0.key == key }, "get \(key)")
    }
    let probes = strangers + entries.map(\.key)
    try expectCursor(reader.cursor(.serving), walks: entries, probes: probes)
    try expectCursor(
      reader.cursor(.compaction), walks: entries, probes: Array(probes.prefix(100)))
  }

  @Test func `the estimate is never far from the size the file gets`() throws {
    let entries = [TestEntry].random(count: 5_000, valueByteCount: 100, seed: 9)
    let fixture = TableFixture()
    let builder = TableBuilder(
      file: try fixture.fileSystem.create("t"), options: TableOptions())
    for entry in entries {
      try ByteView.of(entry.key) { key in
        try ByteView.of(entry.value) { try builder.add(key: key, kind: entry.kind, value: $0) }
      }
    }
    let estimate = builder.estimatedByteCount
    let summary = try builder.finish(TableAttributes())
    #expect(estimate >= summary.byteCount - 8_192 && estimate <= summary.byteCount + 8_192)
  }

  @Test func `giant values and longest keys stand beside small ones`() throws {
    var generator = SeededGenerator(seed: 4)
    let entries = [
      TestEntry([1], .put, [UInt8].random(1_500_000, &generator)),
      TestEntry([1, 0], .put, [9]),
      TestEntry([2] + [UInt8](repeating: 0xff, count: Limits.keyByteCount - 1), .merge, [8]),
      TestEntry([3] + [UInt8](repeating: 0, count: Limits.keyByteCount - 1), .delete),
      TestEntry([4], .put, [UInt8](repeating: 5, count: 3_000_000)),
      TestEntry([5], .put, [1, 2, 3]),
    ]
    let fixture = TableFixture()
    try fixture.write(entries)
    let reader = try fixture.open()
    for entry in entries {
      let found = try reader.entry(entry.key)
      #expect(found == entry)
    }
    for purpose in [CursorPurpose.serving, .compaction] {
      let cursor = reader.cursor(purpose)
      try cursor.seekToFirst()
      let rest = try cursor.rest()
      #expect(rest == entries)
    }
    // The small neighbours are not in the giants' blocks, so an event loop may read them.
    #expect(try reader.entry([5], wait: .forbidden) == entries[5])
    let empty = try TableReader.open(
      try fixture.fileSystem.openForReading("t"), id: CachedFileID(namespace: 2, number: 1),
      cache: fixture.cache)
    #expect(isWouldBlock { _ = try empty.entry([1], wait: .forbidden) })
  }

  @Test func `a read that may not wait says so, and finds what is cached`() throws {
    let entries = [TestEntry].random(count: 3_000, valueByteCount: 60, seed: 5)
    let fixture = TableFixture()
    try fixture.write(entries)
    let reader = try fixture.open()
    fixture.fileSystem.readsWouldBlock = true
    #expect(isWouldBlock { _ = try reader.entry(entries[7].key, wait: .forbidden) })
    #expect(try reader.entry(entries[7].key) == entries[7])
    #expect(try reader.entry(entries[7].key, wait: .forbidden) == entries[7])

    let cursor = reader.cursor(.serving)
    cursor.wait = .forbidden
    try cursor.seek(toBytes: entries[7].key)
    #expect(cursor.entry == entries[7])
    #expect(isWouldBlock { while cursor.isValid { try cursor.next() } })
    #expect(!cursor.isValid)
    cursor.wait = .allowed
    try cursor.seek(toBytes: entries[7].key)
    #expect(try cursor.rest() == Array(entries[7...]))
  }

  @Test func `a long walk reads in large pieces and pushes nothing out of the cache`() throws {
    let entries = [TestEntry].random(count: 30_000, valueByteCount: 100, seed: 6)
    for purpose in [CursorPurpose.serving, .scan] {
      let fixture = TableFixture(cacheByteCount: 1 << 20)
      try fixture.write(entries)
      let reader = try fixture.open()
      // Points all over the file fill the cache.
      for entry in entries { _ = try reader.entry(entry.key) }
      let held = fixture.cache.statistics
      let before = fixture.fileSystem.operationCount
      let cursor = reader.cursor(purpose)
      try cursor.seekToFirst()
      #expect(try cursor.rest() == entries)
      let operations = fixture.fileSystem.operationCount - before
      let fileByteCount = try #require(fixture.fileSystem.byteCount(of: "t"))
      // A few blocks one by one, the rest in pieces of 128 KiB.
      #expect(operations < 20 + fileByteCount / (128 << 10), "\(operations) of \(fileByteCount)")
      #expect(operations * 8 < fileByteCount / (4 << 10))
      let now = fixture.cache.statistics
      #expect(abs(now.blockCount - held.blockCount) <= 2)
      // A cache with room takes the file in.
      fixture.cache.byteCountLimit = 16 << 20
      try cursor.seekToFirst()
      _ = try cursor.rest()
      let again = fixture.fileSystem.operationCount
      try cursor.seekToFirst()
      #expect(try cursor.rest() == entries)
      #expect(fixture.fileSystem.operationCount == again)
    }
  }

  @Test func `a short walk is kept`() throws {
    let fixture = TableFixture()
    try fixture.write(.random(count: 3_000, valueByteCount: 100, seed: 6))
    let cursor = try fixture.open().cursor(.serving)
    try cursor.seekToFirst()
    for _ in 0..<100 { try cursor.next() }
    let operations = fixture.fileSystem.operationCount
    try cursor.seekToFirst()
    for _ in 0..<100 { try cursor.next() }
    #expect(fixture.fileSystem.operationCount == operations)
  }

  @Test func `a compaction's cursor leaves the cache alone`() throws {
    let fixture = TableFixture()
    try fixture.write(.random(count: 3_000, seed: 6))
    let cursor = try fixture.open().cursor(.compaction)
    try cursor.seekToFirst()
    #expect(try cursor.rest().count == 3_000)
    #expect(fixture.cache.statistics.blockCount == 0)
  }

  @Test func `a full device is told as such`() throws {
    let fixture = TableFixture()
    fixture.fileSystem.byteCapacity = 10_000
    #expect(throws: EngineError.self) {
      do {
        try fixture.write(.random(count: 3_000, seed: 6))
      } catch EngineError.full(let path) {
        #expect(path == "t")
        throw EngineError.full(path: path)
      }
    }
  }

  @Test func `separators lie between their keys and are short`() {
    let cases: [(last: [UInt8], next: [UInt8], separator: [UInt8])] = [
      ([1, 2, 3], [1, 5], [1, 3]), ([1, 2, 3, 4], [1, 3], [1, 2, 4]), ([1], [1, 0], [1]),
      ([1, 2], [1, 3], [1, 2]), ([1, 0xff, 0xff, 3, 3], [2], [1, 0xff, 0xff, 4]),
      ([1, 0xff], [2], [1, 0xff]), ([0xfe, 9], [0xff, 0], [0xfe, 9]),
    ]
    var key = ByteBuffer()
    for (last, next, separator) in cases {
      ByteView.of(last) { last in
        ByteView.of(next) { next in
          TableBuilder.separator(after: last, before: next, into: &key)
          #expect(key.view >= last && key.view < next)
        }
      }
      #expect(key.array == separator)
    }
  }

  @Test func `a filter lets one stranger in a hundred pass, and every key`() throws {
    var generator = SeededGenerator(seed: 8)
    let hashes = (0..<20_000).map { _ in generator.next() }
    var filter = ByteBuffer()
    BloomFilter.append(hashes, bitsPerKey: 10, to: &filter)
    #expect(filter.count <= 20_000 * 10 / 8 + 128)
    for hash in hashes where try !BloomFilter.mayContain(hash, in: filter.view) {
      Issue.record("a key is missing")
    }
    var passed = 0
    for _ in 0..<50_000 where try BloomFilter.mayContain(generator.next(), in: filter.view) {
      passed += 1
    }
    #expect(passed < 50_000 * 15 / 1_000, "\(passed) of 50,000")
  }

  @Test func `a level of files is one cursor`() throws {
    let entries = [TestEntry].random(count: 600, seed: 12)
    let fixture = TableFixture()
    var handles: [TableHandle] = []
    for (number, start) in stride(from: 0, to: 600, by: 100).enumerated() {
      let part = Array(entries[start..<start + 100])
      try fixture.write(part, to: "t\(number)")
      let reader = try fixture.open("t\(number)", number: UInt64(number))
      handles.append(
        TableHandle(smallestKey: part[0].key, largestKey: part[99].key) { () throws(EngineError) in
          reader
        })
    }
    let probes = entries.map(\.key) + entries.map { $0.key + [0] } + [[], [0xff, 0xff, 0xff]]
    try expectCursor(LevelCursor(handles, purpose: .serving), walks: entries, probes: probes)
    try expectCursor(LevelCursor([], purpose: .serving), walks: [], probes: probes)

    let unopened = TableHandle(smallestKey: [1], largestKey: [2]) { () throws(EngineError) in
      throw .closed
    }
    #expect(isWouldBlock { _ = try unopened.reader(wait: .forbidden) })
    #expect(throws: EngineError.self) { _ = try unopened.reader(wait: .allowed) }
  }
}

/// True when `body` throws `.wouldBlock`.
func isWouldBlock(_ body: () throws -> Void) -> Bool {
  do {
    try body()
    return false
  } catch EngineError.wouldBlock {
    return true
  } catch {
    Issue.record("\(error)")
    return false
  }
}
