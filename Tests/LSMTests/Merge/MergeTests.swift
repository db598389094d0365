// Merging against a sorted model: any number of sources, of both sorts, any walk over them.

import Bytes
import LSM
import Testing
import TestSupport
import VFS

/// Sources of a random history, newest first, and what their merge must be.
struct MergeWorld {
  /// Newest source first; entries of one key in one source newest first.
  var lists: [[TestEntry]] = []
  /// All entries in merged order.
  var merged: [TestEntry] = []
  /// Distinct keys, ascending, with their operands newest first up to one that hides the rest.
  var visible: [(key: [UInt8], operands: [TestEntry])] = []
  /// All distinct keys, visible or not.
  var keys: [[UInt8]] = []

  /// Sources with an even index may have several entries a key.
  init(sourceCount: Int, keyCount: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var stamp = 0
    var byKey: [[UInt8]: [TestEntry]] = [:]
    for source in 0..<sourceCount {
      var list: [TestEntry] = []
      for index in 0..<keyCount where generator.chance(0.3) {
        let key: [UInt8] = [UInt8(index / 100), UInt8(index % 100)]
        for _ in 0..<(source % 2 == 0 ? Int.random(in: 1...3, using: &generator) : 1) {
          stamp += 1
          let kind = [EntryKind.put, .delete, .merge, .merge][
            Int.random(in: 0..<4, using: &generator)]
          let value = [UInt8(stamp & 255), UInt8(stamp >> 8 & 255), UInt8(stamp >> 16)]
          list.append(TestEntry(key, kind, kind == .delete ? [] : value))
        }
      }
      lists.append(list)
      for entry in list { byKey[entry.key, default: []].append(entry) }
    }
    keys = byKey.keys.sorted { $0 < $1 }
    for key in keys {
      let entries = byKey[key] ?? []
      merged += entries
      let hiding = entries.firstIndex { $0.kind.hidesOlder } ?? entries.count - 1
      if entries[0].kind != .delete { visible.append((key, Array(entries[...hiding]))) }
    }
  }

  /// Levels and table files for the sources with one entry a key, lists for the others.
  func sources(
    in fixture: TableFixture, purpose: CursorPurpose = .serving, refusing seed: UInt64? = nil
  ) throws -> [any EntryCursor] {
    var cursors: [any EntryCursor] = []
    for (index, list) in lists.enumerated() {
      if index % 2 == 0 || list.isEmpty {
        cursors.append(ModelSource(list, refusing: seed.map { $0 &+ UInt64(index) }))
      } else if index % 4 == 1 {
        // Two files, the first of which may be short.
        let parts = [list.prefix(list.count / 3), list.dropFirst(list.count / 3)]
        let handles = try parts.enumerated().compactMap { number, part in
          let reader = try open(Array(part), UInt64(index * 2 + number), in: fixture)
          return reader.map { reader in
            TableHandle(
              smallestKey: part.first?.key ?? [], largestKey: part.last?.key ?? [], reader: reader
            ) { () throws(EngineError) in reader }
          }
        }
        cursors.append(LevelCursor(handles, purpose: purpose))
      } else {
        let reader = try open(list, UInt64(index * 2), in: fixture)
        if let reader { cursors.append(reader.cursor(purpose)) }
      }
    }
    return cursors
  }

  private func open(
    _ list: [TestEntry], _ number: UInt64, in fixture: TableFixture
  ) throws -> TableReader? {
    guard !list.isEmpty else { return nil }
    if try !fixture.fileSystem.exists("t\(number)") {
      var options = TableOptions()
      options.blockByteCount = number % 3 == 0 ? 64 : 256
      try fixture.write(list, to: "t\(number)", options: options)
    }
    return try fixture.open("t\(number)", number: number)
  }
}

@Suite struct MergeTests {
  @Test(arguments: Array(0..<40) as [UInt64])
  func `the merge of any sources is their entries in order, both ways`(seed: UInt64) throws {
    let world = MergeWorld(sourceCount: Int(seed % 7) + 1, keyCount: 60, seed: seed)
    let fixture = TableFixture(cacheByteCount: 0)
    let cursor = MergingCursor(try world.sources(in: fixture, purpose: .compaction))
    try cursor.seekToFirst()
    expectSame(try cursor.rest(), world.merged, "forwards")

    let newest = world.keys.compactMap { key in world.merged.first { $0.key == key } }
    try cursor.seekToLast()
    expectSame(try cursor.restBackwards(), newest.reversed(), "backwards")

    var generator = SeededGenerator(seed: seed)
    for _ in 0..<80 where !world.keys.isEmpty {
      try walk(cursor, world, &generator)
    }
  }

  /// A seek and a few steps either way, from any entry of a key.
  private func walk(
    _ cursor: MergingCursor, _ world: MergeWorld, _ generator: inout SeededGenerator
  ) throws {
    let probe: [UInt8] = [0, UInt8.random(in: 0...99, using: &generator)]
    var at = world.keys.firstIndex { !($0 < probe) } ?? world.keys.count
    if generator.chance(0.5) {
      try cursor.seek(toBytes: probe)
    } else {
      try cursor.seek(beforeBytes: probe)
      at -= 1
    }
    for _ in 0..<8 {
      guard world.keys.indices.contains(at) else {
        expectSame(cursor.isValid, false, "past the end")
        return
      }
      let first = world.merged.partitionIndex(of: world.keys[at])
      let entries = Array(world.merged[first...].prefix { $0.key == world.keys[at] })
      expectSame(cursor.entry, entries[0], "key \(at)")
      var kept: [(ByteView, [UInt8])] = [(cursor.value, entries[0].value)]
      for older in 1...Int.random(in: 1...5, using: &generator) {
        let hasOlder = try cursor.nextEntryOfKey()
        expectSame(hasOlder, older < entries.count, "older entry \(older) of \(entries.count)")
        guard hasOlder else { break }
        expectSame(cursor.entry, entries[older], "older entry")
        kept.append((cursor.value, entries[older].value))
      }
      for (view, bytes) in kept { expectSame(view.array, bytes, "still valid") }
      if generator.chance(0.5) {
        try cursor.nextKey()
        at += 1
      } else {
        try cursor.previousKey()
        at -= 1
      }
    }
  }

  @Test func `no source is an empty merge`() throws {
    let cursor = MergingCursor([])
    try cursor.seekToFirst()
    #expect(!cursor.isValid)
    try cursor.seekToLast()
    #expect(!cursor.isValid)
  }

  @Test func `a key with thousands of older entries is passed by a seek`() throws {
    let many = (0..<5_000).map { TestEntry([1], .merge, [UInt8($0 & 255)]) }
    let cursor = MergingCursor([ModelSource(many + [TestEntry([2])]), ModelSource([])])
    try cursor.seekToFirst()
    try cursor.nextKey()
    #expect(cursor.entry == TestEntry([2]))
    try cursor.previousKey()
    #expect(cursor.entry == many[0])
  }
}
