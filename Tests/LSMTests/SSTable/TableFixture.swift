// Table files in memory for tests, and cursors compared with a sorted list.

import Bytes
import LSM
import Testing
import TestSupport
import VFS

/// One entry as a test writes it down.
struct TestEntry: Equatable, Hashable, CustomStringConvertible {
  var key: [UInt8]
  var kind: EntryKind
  var value: [UInt8]

  init(_ key: [UInt8], _ kind: EntryKind = .put, _ value: [UInt8] = []) {
    self.key = key
    self.kind = kind
    self.value = value
  }

  var description: String { "\(ByteView.of(key) { $0.description }) \(kind) \(value.count)" }
}

/// A directory in memory with table files in it.
struct TableFixture {
  let fileSystem = SimulatedFileSystem()
  let cache: BlockCache

  init(cacheByteCount: Int = 8 << 20) { cache = BlockCache(byteCount: cacheByteCount) }

  @discardableResult
  func write(
    _ entries: [TestEntry], to path: String = "t", options: TableOptions = TableOptions(),
    attributes: TableAttributes = TableAttributes()
  ) throws -> TableSummary {
    let builder = TableBuilder(file: try fileSystem.create(path), options: options)
    for entry in entries {
      try ByteView.of(entry.key) { key in
        try ByteView.of(entry.value) { value in
          try builder.add(key: key, kind: entry.kind, value: value)
        }
      }
    }
    return try builder.finish(attributes)
  }

  func open(_ path: String = "t", number: UInt64 = 1) throws -> TableReader {
    try TableReader.open(
      try fileSystem.openForReading(path), id: CachedFileID(namespace: 1, number: number),
      cache: cache)
  }
}

extension TableReader {
  func entry(_ key: [UInt8], wait: ReadWait = .allowed) throws -> TestEntry? {
    let operands = OperandList()
    let isFound = try ByteView.of(key) {
      try get($0, hash: $0.persistedHash, wait: wait, into: operands)
    }
    #expect(isFound == (operands.operands.count == 1))
    return operands.operands.first.map { TestEntry(key, $0.kind, $0.value.array) }
  }
}

extension EntryCursor {
  var entry: TestEntry? { isValid ? TestEntry(key.array, kind, value.array) : nil }

  func seek(toBytes key: [UInt8]) throws { try ByteView.of(key) { try seek(to: $0) } }
  func seek(beforeBytes key: [UInt8]) throws { try ByteView.of(key) { try seek(before: $0) } }

  /// All entries from the position on.
  func rest() throws -> [TestEntry] {
    var entries: [TestEntry] = []
    while let entry {
      entries.append(entry)
      try next()
    }
    return entries
  }

  /// The position's entry and the newest entries of all keys before it.
  func restBackwards() throws -> [TestEntry] {
    var entries: [TestEntry] = []
    while let entry {
      entries.append(entry)
      try previousKey()
    }
    return entries
  }
}

extension [UInt8] {
  static func < (left: [UInt8], right: [UInt8]) -> Bool { left.lexicographicallyPrecedes(right) }
}

/// Like `#expect` of equality, without its cost when it holds: for checks in long loops.
func expectSame<Value: Equatable>(
  _ found: Value, _ expected: Value, _ what: @autoclosure () -> String,
  at location: SourceLocation = #_sourceLocation
) {
  guard found != expected else { return }
  Issue.record("\(what()): found \(found), expected \(expected)", sourceLocation: location)
}

/// Checks every kind of seek and step of a cursor with one entry a key against sorted entries.
func expectCursor(
  _ cursor: any EntryCursor, walks entries: [TestEntry], probes: [[UInt8]]
) throws {
  try cursor.seekToFirst()
  expectSame(try cursor.rest(), entries, "forwards")
  try cursor.seekToLast()
  expectSame(try cursor.restBackwards(), entries.reversed(), "backwards")
  for probe in probes {
    let at = entries.partitionIndex(of: probe)
    let before = at > 0 ? entries[at - 1] : nil
    let after = at < entries.count ? entries[at] : nil
    try cursor.seek(toBytes: probe)
    expectSame(cursor.entry, after, "seek to \(probe)")
    if cursor.isValid {
      try cursor.previousKey()
      expectSame(cursor.entry, before, "before seek to \(probe)")
    }
    try cursor.seek(beforeBytes: probe)
    expectSame(cursor.entry, before, "seek before \(probe)")
    if cursor.isValid {
      try cursor.next()
      expectSame(cursor.entry, after, "after seek before \(probe)")
    }
  }
}

extension [TestEntry] {
  /// Index of the first entry at or after `key`.
  func partitionIndex(of key: [UInt8]) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].key < key { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Entries with distinct keys in order: keys of shared prefixes, values of a few bytes or many.
  static func random(count: Int, valueByteCount: Int = 24, seed: UInt64) -> [TestEntry] {
    var generator = SeededGenerator(seed: seed)
    var byKey: [[UInt8]: TestEntry] = [:]
    while byKey.count < count {
      let kind = [EntryKind.put, .merge, .delete, .put][Int.random(in: 0..<4, using: &generator)]
      let prefix = [UInt8](repeating: 0x61, count: Int.random(in: 0...6, using: &generator))
      let key = prefix + [UInt8].random(Int.random(in: 1...9, using: &generator), &generator)
      let valueCount = kind == .delete ? 0 : Int.random(in: 0...valueByteCount, using: &generator)
      // Half of the values pack well, half do not.
      let value =
        generator.chance(0.5)
        ? [UInt8].random(valueCount, &generator) : [UInt8](repeating: 7, count: valueCount)
      byKey[key] = TestEntry(key, kind, value)
    }
    return byKey.values.sorted { $0.key < $1.key }
  }
}

extension [UInt8] {
  static func random(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }
}
