// A table file, damaged by the input's edits. Every lookup and walk gives what was written or
// refuses; where the checksums were made right after the edits, it may give anything and must come
// to an end.
//
//   input := mode: u8 (1: checksums are made right after the edits │ 2: of the packed file) │ edits

import Bytes
import TestSupport
import VFS

@testable import LSM

final class TableTarget: FuzzTarget {
  private struct Entry: Equatable {
    var key: [UInt8]
    var kind: EntryKind
    var value: [UInt8]
  }

  /// A table file and what is known of it.
  private struct Fixture {
    let file: EditedFile
    /// Blocks with their trailers.
    let blocks: [Range<Int>]
  }

  private let entries: [Entry]
  private let fixtures: [Fixture]
  private let cache = BlockCache(byteCount: 0)

  init() throws {
    let entries = (0..<14).map { index in
      let key = Array("row-\(index / 5)-\(String(index * 7_919, radix: 36))".utf8)
      let kind: EntryKind = index % 5 == 3 ? .delete : index % 2 == 0 ? .put : .merge
      let value = [UInt8](repeating: UInt8(index), count: index * 3)
      return Entry(key: key, kind: kind, value: kind == .delete ? [] : value)
    }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    self.entries = entries
    fixtures = try [false, true].map { try TableTarget.fixture(entries, isPacked: $0) }
  }

  private static func fixture(_ entries: [Entry], isPacked: Bool) throws -> Fixture {
    var options = TableOptions()
    options.blockByteCount = 90
    options.restartInterval = 3
    options.compress = isPacked
    let disk = SimulatedFileSystem()
    let builder = TableBuilder(file: try disk.create("t"), options: options)
    for entry in entries {
      try ByteView.of(entry.key) { key in
        try ByteView.of(entry.value) { try builder.add(key: key, kind: entry.kind, value: $0) }
      }
    }
    _ = try builder.finish(TableAttributes())
    let file = EditedFile("t", disk.contents(of: "t") ?? [])
    let start = file.bytes.count - TableFormat.footerByteCount
    let footer = try ByteView.of(file.bytes) { try TableFooter.decode($0.dropFirst(start)) }
    var handles = [footer.properties, footer.topIndex, footer.filter]
    for index in try TableTarget.handles(in: footer.topIndex, of: file) {
      handles += try TableTarget.handles(in: index, of: file) + [index]
    }
    return Fixture(file: file, blocks: handles.map { Int($0.offset)..<Int($0.endOffset) })
  }

  private static func handles(
    in index: BlockHandle, of file: EditedFile
  ) throws -> [BlockHandle] {
    var cursor = BlockCursor()
    try cursor.open(try TableReader.read(index, of: file, wait: .allowed))
    var handles: [BlockHandle] = []
    try cursor.seekToFirst()
    while cursor.isValid {
      handles.append(try BlockHandle.decode(cursor.value))
      try cursor.next()
    }
    return handles
  }

  func run(_ bytes: ByteView) throws(Finding) {
    var input = FuzzInput(bytes)
    let mode = input.byte()
    let fixture = fixtures[mode & 2 == 0 ? 0 : 1]
    fixture.file.restore()
    while !input.isAtEnd { fixture.file.edit(input.byte(), &input) }
    let isRepaired = mode & 1 != 0
    if isRepaired { repair(fixture) }
    do throws(EngineError) {
      try use(fixture, bytes.choices, isStrict: !isRepaired)
    } catch {
      switch error {
      case .rejected(let finding as Finding):
        if isRepaired || !isForged(fixture) { throw finding }
      case .corrupt, .unsupportedVersion:
        try require(!fixture.file.isUntouched, "an untouched file is refused: \(error)")
      default: throw Finding("damage is told as \(error)")
      }
    }
  }

  // MARK: - Reading

  private func use(
    _ fixture: Fixture, _ choices: SeededGenerator, isStrict: Bool
  ) throws(EngineError) {
    var choices = choices
    let reader = try TableReader.open(
      fixture.file, id: CachedFileID(namespace: 1, number: 1), cache: cache)
    for _ in 0..<3 {
      let index = Int(truncatingIfNeeded: choices.next() & 0xffff) % entries.count
      try lookUp(entries[index].key, entries[index], reader, isStrict)
      try lookUp(entries[index].key + [0x21], nil, reader, isStrict)
    }
    let cursor = reader.cursor(choices.chance(0.5) ? .serving : .compaction)
    if choices.chance(0.5) {
      try cursor.seekToFirst()
      try walk(cursor, isStrict) { () throws(EngineError) in try cursor.next() }
    } else {
      try cursor.seekToLast()
      try walk(cursor, isStrict, isBackwards: true) { () throws(EngineError) in
        try cursor.previousKey()
      }
    }
    try seek(cursor, Int(truncatingIfNeeded: choices.next() & 0xffff) % entries.count, isStrict)
  }

  private func lookUp(
    _ key: [UInt8], _ expected: Entry?, _ reader: TableReader, _ isStrict: Bool
  ) throws(EngineError) {
    let operands = OperandList()
    let isFound = try ByteView.of(key) { (key) throws(EngineError) in
      try reader.get(key, hash: key.persistedHash, wait: .allowed, into: operands)
    }
    guard isStrict else { return }
    let found = operands.operands.first.map {
      Entry(key: key, kind: $0.kind, value: $0.value.array)
    }
    try demand(isFound == (found != nil) && found == expected, "a wrong answer for \(key)")
  }

  private func walk(
    _ cursor: TableCursor, _ isStrict: Bool, isBackwards: Bool = false,
    _ step: () throws(EngineError) -> Void
  ) throws(EngineError) {
    var count = 0
    while cursor.isValid {
      if isStrict {
        try demand(count < entries.count, "a walk over more than was written")
        let expected = entries[isBackwards ? entries.count - 1 - count : count]
        try demand(entry(of: cursor) == expected, "a wrong entry at \(count)")
      }
      count += 1
      try demand(count < 100_000, "a walk without end")
      try step()
    }
    if isStrict { try demand(count == entries.count, "a walk over \(count) entries") }
  }

  private func seek(
    _ cursor: TableCursor, _ index: Int, _ isStrict: Bool
  ) throws(EngineError) {
    try ByteView.of(entries[index].key) { (key) throws(EngineError) in
      try cursor.seek(to: key)
      if isStrict { try demand(entry(of: cursor) == entries[index], "a wrong seek") }
      try cursor.seek(before: key)
      guard isStrict else { return }
      let before = index > 0 ? entries[index - 1] : nil
      try demand(entry(of: cursor) == before, "a wrong seek before")
    }
  }

  private func entry(of cursor: TableCursor) -> Entry? {
    guard cursor.isValid else { return nil }
    return Entry(key: cursor.key.array, kind: cursor.kind, value: cursor.value.array)
  }

  private func demand(
    _ condition: Bool, _ message: @autoclosure () -> String
  ) throws(EngineError) {
    if !condition { throw .rejected(Finding(message())) }
  }

  // MARK: - Checksums

  /// Whether the edits left a changed part with a right checksum.
  private func isForged(_ fixture: Fixture) -> Bool {
    let file = fixture.file
    func isForged(_ range: Range<Int>, sum: Int) -> Bool {
      guard !file.isIntact(range), let computed = file.checksum(range.lowerBound..<sum) else {
        return false
      }
      return computed == file.word(at: sum)
    }
    let footer = file.bytes.count - TableFormat.footerByteCount
    return isForged(0..<TableFormat.headerByteCount, sum: 12)
      || (footer >= 0 && isForged(footer..<footer + 64, sum: footer + 60))
      || fixture.blocks.contains { isForged($0, sum: $0.upperBound - 4) }
  }

  /// Makes all checksums, and the length in the footer, right for what the edits left.
  private func repair(_ fixture: Fixture) {
    let file = fixture.file
    for block in fixture.blocks {
      guard let sum = file.checksum(block.lowerBound..<block.upperBound - 4) else { continue }
      file.set(sum, at: block.upperBound - 4)
    }
    if let sum = file.checksum(0..<12) { file.set(sum, at: 12) }
    let footer = file.bytes.count - TableFormat.footerByteCount
    guard footer >= 0 else { return }
    file.set(UInt32(file.bytes.count), at: footer + 48)
    if let sum = file.checksum(footer..<footer + 60) { file.set(sum, at: footer + 60) }
  }
}
