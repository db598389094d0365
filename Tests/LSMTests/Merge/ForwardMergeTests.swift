// The merge that jobs use, against the same sorted model: every key once, with the operands that
// count.

import Bytes
import Testing
import TestSupport
import VFS

@testable import LSM

extension ModelSource: EntrySource {
  /// Now one entry, now many.
  func take(into batch: inout EntryBatch) throws(EngineError) {
    batch.clear()
    let count = isValid ? key.count % 3 * 30 + 1 : 0
    while batch.hasRoom, batch.count < count, isValid {
      batch.append(key, kind, value)
      try next()
    }
  }
}

@Suite struct ForwardMergeTests {
  private struct Key: Equatable {
    var key: [UInt8]
    var operands: [TestEntry]
  }

  /// What the sources' entries, newest source first, come to.
  private func expected(_ lists: [[TestEntry]]) -> [Key] {
    var byKey: [[UInt8]: [TestEntry]] = [:]
    for entry in lists.joined() { byKey[entry.key, default: []].append(entry) }
    return byKey.keys.sorted { $0 < $1 }.map { key in
      let entries = byKey[key] ?? []
      let hiding = entries.firstIndex { $0.kind.hidesOlder } ?? entries.count - 1
      return Key(key: key, operands: Array(entries[...hiding]))
    }
  }

  private func walk(_ merge: inout ForwardMerge) throws -> [Key] {
    var keys: [Key] = []
    try merge.seekToFirst()
    while try merge.nextKey() {
      let key = merge.key.array
      keys.append(
        Key(
          key: key, operands: merge.operands.map { TestEntry(key, $0.kind, $0.value.array) }))
    }
    return keys
  }

  /// A level of one file.
  private func level(
    _ list: [TestEntry], _ index: Int, in fixture: TableFixture, blockByteCount: Int
  ) throws -> LevelCursor {
    var options = TableOptions()
    options.blockByteCount = blockByteCount
    try fixture.write(list, to: "t\(index)", options: options)
    let reader = try fixture.open("t\(index)", number: UInt64(index))
    let handle = TableHandle(
      smallestKey: list[0].key, largestKey: list[list.count - 1].key, reader: reader
    ) { () throws(EngineError) in reader }
    return LevelCursor([handle], purpose: .compaction)
  }

  @Test(arguments: Array(0..<40) as [UInt64])
  func `every key comes once, with what counts of it`(seed: UInt64) throws {
    let world = MergeWorld(sourceCount: Int(seed % 11) + 1, keyCount: 90, seed: seed)
    let fixture = TableFixture(cacheByteCount: seed % 2 == 0 ? 0 : 1 << 20)
    let sources = try world.lists.enumerated().map { index, list -> any EntrySource in
      guard index % 2 == 1, !list.isEmpty else { return ModelSource(list) }
      return try level(
        list, index, in: fixture, blockByteCount: seed % 3 == 0 ? 64 : 4_096)
    }
    // All keys begin with a zero.
    for shared in [0, 1] {
      var merge = ForwardMerge(sources, sharedByteCount: shared)
      expectSame(try walk(&merge), expected(world.lists), "behind \(shared) bytes")
    }
  }

  @Test(arguments: seeds(40))
  func `keys of all lengths come in order`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let prefix = [UInt8](repeating: 7, count: Int.random(in: 0...20, using: &random))
    let lists = (0..<Int.random(in: 1...5, using: &random)).map { source in
      let keys = Set(
        (0..<200).map { _ in
          prefix
            + (0..<Int.random(in: 0...18, using: &random)).map { _ in
              [0, 1, 0x7f, 0xff][random.below(4)]
            }
        })
      return keys.sorted { $0 < $1 }.map { TestEntry($0, .merge, [UInt8(source)]) }
    }
    let fixture = TableFixture()
    let sources = try lists.enumerated().map { index, list -> any EntrySource in
      try level(list, index, in: fixture, blockByteCount: 4_096)
    }
    var merge = ForwardMerge(sources, sharedByteCount: prefix.count)
    expectSame(try walk(&merge), expected(lists), "of \(lists.count) sources")
  }

  @Test func `blocks of the longest keys are handed over piece by piece`() throws {
    let list = (0..<40).map { index in
      TestEntry([UInt8](repeating: 3, count: 4_095) + [UInt8(index)], .put, [UInt8(index)])
    }
    let source = try level(list, 1, in: TableFixture(), blockByteCount: 64 << 10)
    var merge = ForwardMerge([source], sharedByteCount: 4_095)
    expectSame(try walk(&merge), expected([list]), "long keys")
  }

  @Test func `no source is an empty merge`() throws {
    var merge = ForwardMerge([], sharedByteCount: 0)
    try merge.seekToFirst()
    #expect(try !merge.nextKey())
  }
}
