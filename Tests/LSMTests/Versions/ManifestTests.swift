// Manifests: edits read back as written; a torn end is dropped, damage in the middle and what a
// newer program wrote are refused.

import Bytes
import TestSupport
import Testing
import VFS

@testable import LSM

@Suite struct ManifestTests {
  private static let directory = "/data"
  private static let number = FileNumber(3)

  private static func table(_ number: UInt64, _ low: String, _ high: String) -> TableMetadata {
    TableMetadata(
      number: FileNumber(number), byteCount: 100 * number, smallestKey: Array(low.utf8),
      largestKey: Array(high.utf8), smallestSequence: SequenceNumber(number),
      largestSequence: SequenceNumber(number + 5), entryCount: 7, tombstoneCount: 2,
      mergeCount: 1, rawByteCount: 999, creationMicroseconds: -5)
  }

  /// A manifest of a first edit and three more; offsets of its records' ends.
  private func manifest() throws -> (files: SimulatedFileSystem, ends: [Int]) {
    let files = SimulatedFileSystem()
    try files.createDirectory(Self.directory)
    var first = VersionEdit()
    first.oldestLogNumber = 4
    first.nextFileNumber = FileNumber(9)
    first.lastSequence = SequenceNumber(77)
    first.add(Self.table(1, "a", "f"), toLevel: 1)
    let log = try ManifestLog.create(
      Self.number, in: Self.directory, fileSystem: files, snapshot: first)
    var ends = [Int(log.byteCount)]
    for index in 2...4 {
      var edit = VersionEdit()
      edit.add(Self.table(UInt64(index), "g", "m"), toLevel: 0)
      if index == 4 { edit.remove(FileNumber(1), fromLevel: 1) }
      edit.lastSequence = SequenceNumber(UInt64(100 + index))
      try log.append(edit)
      ends.append(Int(log.byteCount))
    }
    try log.close()
    return (files, ends)
  }

  private func read(_ files: SimulatedFileSystem) throws -> ManifestState? {
    try ManifestReader.read(Self.number, in: Self.directory, fileSystem: files)
  }

  private var path: String { FileName.manifest(Self.number).path(in: Self.directory) }

  @Test func `what was written is read back`() throws {
    let (files, _) = try manifest()
    let state = try #require(try read(files))
    #expect(state.tables[0].keys.sorted() == [FileNumber(2), FileNumber(3), FileNumber(4)])
    #expect(state.tables[1].isEmpty)
    #expect(state.tables[0][FileNumber(3)] == Self.table(3, "g", "m"))
    #expect(state.oldestLogNumber == 4)
    #expect(state.lastSequence == SequenceNumber(104))
  }

  @Test func `cut anywhere, it ends with the last whole edit`() throws {
    let (files, ends) = try manifest()
    let bytes = try #require(files.contents(of: path))
    for length in 0...(ends.last ?? 0) {
      files.setContents(of: path, to: Array(bytes[..<length]))
      let state = try read(files)
      let whole = ends.count { $0 <= length }
      #expect((state != nil) == (whole > 0), "cut at \(length)")
      let expected = [0: 0, 1: 77, 2: 102, 3: 103, 4: 104][whole]
      #expect(state?.lastSequence.rawValue ?? 0 == UInt64(expected ?? 0), "cut at \(length)")
    }
  }

  @Test func `a flipped bit is refused, or ends it when it is in the last edit`() throws {
    let (files, ends) = try manifest()
    let bytes = try #require(files.contents(of: path))
    let lastStart = ends[ends.count - 2]
    for offset in 0..<(ends.last ?? 0) {
      var damaged = bytes
      damaged[offset] ^= 0x10
      files.setContents(of: path, to: damaged)
      if offset >= lastStart {
        #expect(try read(files)?.lastSequence == SequenceNumber(103), "flipped at \(offset)")
      } else {
        #expect(throws: EngineError.self, "flipped at \(offset)") { try read(files) }
      }
    }
  }

  @Test func `a newer version is refused by its number`() throws {
    let (files, _) = try manifest()
    var bytes = try #require(files.contents(of: path))
    bytes[8] = UInt8(FormatVersion.newest.rawValue + 1)
    let checksum = ByteView.of(Array(bytes[..<20])) { CRC32C.checksum($0) }
    for index in 0..<4 { bytes[20 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
    files.setContents(of: path, to: bytes)
    do throws(EngineError) {
      _ = try ManifestReader.read(Self.number, in: Self.directory, fileSystem: files)
      Issue.record("a newer manifest was read")
    } catch {
      guard case .unsupportedVersion(path, let found, let known) = error else { throw error }
      #expect(known == FormatVersion.newest.rawValue && found == known + 1)
    }
  }

  @Test func `an edit that does not fit is damage`() {
    var state = ManifestState()
    var edit = VersionEdit()
    edit.remove(FileNumber(5), fromLevel: 2)
    #expect(state.apply(edit) != nil)
    edit = VersionEdit()
    edit.add(Self.table(1, "a", "b"), toLevel: 2)
    #expect(state.apply(edit) == nil)
    #expect(state.apply(edit) != nil)
  }

  @Test(arguments: [
    "manifest-1", "manifest-0000001", "00001.table", "000001.tables", "x000001.log", "000001", "",
    "-00001.log", "+00001.log", "LOCK",
  ])
  func `other names are not ours`(name: String) { #expect(FileName(name) == nil) }

  @Test(arguments: [1, 42, 999_999, 1_000_000, UInt64.max])
  func `names and numbers go both ways`(number: UInt64) {
    let number = FileNumber(number)
    for name in [FileName.table(number), .log(number), .manifest(number)] {
      #expect(FileName(name.name) == name)
    }
  }
}
