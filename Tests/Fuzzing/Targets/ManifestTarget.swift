// A manifest of five edits, damaged by the input's edits. What is read is the sum of the first of
// them, never another one, and never fewer than a whole record behind the damage proves.
//
//   input := mode: u8 (1: checksums are made right after the edits) │ edits

import Bytes
import TestSupport
import VFS

@testable import LSM

final class ManifestTarget: FuzzTarget {
  private static let number = FileNumber(3)

  private let file: EditedFile
  private let directory: EditedDirectory
  /// Where each record lies.
  private let records: [Range<Int>]
  /// What the first records add up to, by their count; none at 0.
  private let sums: [VersionEdit]

  init() throws {
    let edits = ManifestTarget.edits
    let disk = SimulatedFileSystem()
    try disk.createDirectory("/db")
    var ends = [ManifestFormat.headerByteCount]
    let log = try ManifestLog.create(
      ManifestTarget.number, in: "/db", fileSystem: disk, snapshot: edits[0])
    ends.append(Int(log.byteCount))
    for edit in edits.dropFirst() {
      try log.append(edit)
      ends.append(Int(log.byteCount))
    }
    records = zip(ends, ends.dropFirst()).map { $0..<$1 }
    let path = FileName.manifest(ManifestTarget.number).path(in: "/db")
    // A few of the zeros that it is preallocated with.
    file = EditedFile(path, Array((disk.contents(of: path) ?? []).prefix(ends[5] + 40)))
    directory = EditedDirectory(file)
    var state = ManifestState()
    var sums: [VersionEdit] = []
    for edit in edits {
      if let reason = state.apply(edit) { throw Finding(reason) }
      sums.append(state.snapshot)
    }
    self.sums = sums
  }

  private static var edits: [VersionEdit] {
    var edits = [VersionEdit](repeating: VersionEdit(), count: 5)
    edits[0].oldestLogNumber = 4
    edits[0].nextFileNumber = FileNumber(9)
    edits[0].lastSequence = SequenceNumber(77)
    edits[0].add(table(1, "a", "f"), toLevel: 1)
    edits[0].add(table(2, "g", "m"), toLevel: 1)
    edits[1].add(table(3, "a", "z"), toLevel: 0)
    edits[1].lastSequence = SequenceNumber(300)
    edits[2].remove(FileNumber(1), fromLevel: 1)
    edits[2].add(table(1, "a", "f"), toLevel: 6)
    edits[3].oldestLogNumber = 5
    edits[4].remove(FileNumber(3), fromLevel: 0)
    return edits
  }

  private static func table(_ number: UInt64, _ low: String, _ high: String) -> TableMetadata {
    TableMetadata(
      number: FileNumber(number), byteCount: 100 * number, smallestKey: Array(low.utf8),
      largestKey: Array(high.utf8), smallestSequence: SequenceNumber(10 * number),
      largestSequence: SequenceNumber(10 * number + 5), entryCount: 7, tombstoneCount: 2,
      mergeCount: 1, rawByteCount: 999, creationMicroseconds: -5)
  }

  func run(_ input: ByteView) throws(Finding) {
    var input = FuzzInput(input)
    let mode = input.byte()
    file.restore()
    while !input.isAtEnd { file.edit(input.byte(), &input) }
    let isRepaired = mode & 1 != 0
    if isRepaired { repair() }
    let state: ManifestState?
    do throws(EngineError) {
      state = try ManifestReader.read(
        ManifestTarget.number, in: "/db", fileSystem: directory)
    } catch {
      try require(!file.isUntouched, "an untouched manifest is refused: \(error)")
      return
    }
    if let state { try checkUse(of: state) }
    if !isRepaired { try check(state) }
  }

  /// The state becomes a version, and the first record of the next manifest.
  private func checkUse(of state: ManifestState) throws(Finding) {
    let version = Version(state.tables.map { Array($0.values) })
    _ = version.brokenInvariant
    var bytes = ByteBuffer()
    let snapshot = state.snapshot
    snapshot.encode(into: &bytes)
    let again = try? VersionEdit(decoding: bytes.view)
    try require(again == snapshot, "a snapshot is not read back: \(bytes.view)")
  }

  private func check(_ state: ManifestState?) throws(Finding) {
    var count = 0
    if let state {
      guard let index = sums.lastIndex(of: state.snapshot) else {
        return try require(isForged, "a sum of edits that nobody made")
      }
      count = index + 1
    }
    guard count < records.count else { return }
    for later in records[count...].dropFirst() where file.isIntact(later) {
      throw Finding("ends after \(count) edits, before a whole one at \(later)")
    }
    // The record where it ends is damaged itself, or what is before it is.
    try require(
      count == 0 || isForged || !file.isIntact(records[count]), "edit \(count) is passed over")
  }

  /// Whether the edits made a record that was not written, checksum and all.
  private var isForged: Bool {
    for start in 0..<max(0, file.bytes.count - ManifestFormat.recordHeaderByteCount) {
      guard let count = file.word(at: start + 4), let sum = sum(at: start, Int(count)),
        sum == file.word(at: start + 8)
      else { continue }
      let range = start..<start + ManifestFormat.recordHeaderByteCount + Int(count)
      if !records.contains(range) || !file.isIntact(range) { return true }
    }
    return false
  }

  private func sum(at start: Int, _ count: Int) -> UInt32? {
    var prefix = ByteBuffer(capacity: 16)
    prefix.append(littleEndian: ManifestTarget.number.rawValue)
    prefix.append(littleEndian: UInt64(count))
    let body = start + ManifestFormat.recordHeaderByteCount
    return file.checksum(body..<body + count, seed: CRC32C.checksum(prefix.view))
  }

  /// Makes the checksums of header and records right for what the edits left.
  private func repair() {
    if let sum = file.checksum(0..<20) { file.set(sum, at: 20) }
    var start = ManifestFormat.headerByteCount
    while let count = file.word(at: start + 4), let sum = sum(at: start, Int(count)) {
      file.set(sum, at: start + 8)
      start += ManifestFormat.recordHeaderByteCount + Int(count)
    }
  }
}
