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

/// Checks every kind of seek and step of a cursor with one entry a key against sorted entries.
func expectCursor(
  _ cursor: any EntryCursor, walks entries: [TestEntry], probes: [[UInt8]]
) throws {
  try cursor.seekToFirst()
  #expect(try cursor.rest() == entries)
  try cursor.seekToLast()
  #expect(try cursor.restBackwards() == entries.reversed())
  for probe in probes {
    let at = entries.firstIndex { !($0.key < probe) } ?? entries.count
    try cursor.seek(toBytes: probe)
    #expect(cursor.entry == (at < entries.count ? entries[at] : nil), "seek to \(probe)")
    if cursor.isValid {
      try cursor.previousKey()
      #expect(cursor.entry == (at > 0 ? entries[at - 1] : nil), "before seek to \(probe)")
    }
    try cursor.seek(beforeBytes: probe)
    #expect(cursor.entry == (at > 0 ? entries[at - 1] : nil), "seek before \(probe)")
    if cursor.isValid {
      try cursor.next()
      #expect(cursor.entry == (at < entries.count ? entries[at] : nil), "after before \(probe)")
    }
  }
}
