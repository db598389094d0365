// Reads a manifest back to the tables it names. The format and the reader's algorithm are told in
// ManifestFormat.

internal import Bytes
internal import VFS

/// What the edits of a manifest add up to.
struct ManifestState {
  var tables: [[FileNumber: TableMetadata]] = Array(repeating: [:], count: Limits.levelCount)
  var oldestLogNumber: UInt64 = 0
  var begunLogNumber: UInt64?
  var nextFileNumber = FileNumber(1)
  var lastSequence = SequenceNumber.zero

  /// Applies an edit, or says in words why it does not fit.
  mutating func apply(_ edit: VersionEdit) -> String? {
    for removal in edit.removals
    where tables[removal.level].removeValue(forKey: removal.number) == nil {
      return "edit removes table \(removal.number.rawValue), which is not there"
    }
    for addition in edit.additions
    where tables[addition.level].updateValue(addition.table, forKey: addition.table.number) != nil {
      return "edit adds table \(addition.table.number.rawValue) twice"
    }
    if let number = edit.oldestLogNumber { oldestLogNumber = number }
    begunLogNumber = edit.begunLogNumber ?? begunLogNumber
    if let number = edit.nextFileNumber { nextFileNumber = number }
    if let sequence = edit.lastSequence { lastSequence = sequence }
    return nil
  }

  /// The edit that makes this state out of nothing.
  var snapshot: VersionEdit {
    var edit = VersionEdit()
    edit.oldestLogNumber = oldestLogNumber
    edit.begunLogNumber = begunLogNumber
    edit.nextFileNumber = nextFileNumber
    edit.lastSequence = lastSequence
    for (level, tables) in tables.enumerated() {
      for table in tables.values.sorted(by: { $0.number < $1.number }) {
        edit.add(table, toLevel: level)
      }
    }
    return edit
  }
}

/// Reads manifests.
enum ManifestReader {
  /// The state a manifest ends in; nil when not even its first edit is complete, which is what a
  /// crash while it was made leaves.
  static func read(
    _ number: FileNumber, in directory: String, fileSystem: any FileSystem
  ) throws(EngineError) -> ManifestState? {
    let path = FileName.manifest(number).path(in: directory)
    let buffer = try contents(of: path, fileSystem: fileSystem)
    let bytes = buffer.view
    guard try checkHeader(bytes, number: number, path: path) else { return nil }
    var state = ManifestState()
    var offset = ManifestFormat.headerByteCount
    while let payload = ManifestFormat.payload(at: offset, of: bytes, number: number) {
      try apply(payload, to: &state, path: path, offset: offset)
      offset += ManifestFormat.recordHeaderByteCount + payload.count
    }
    try refuseDamage(before: offset, of: bytes, number: number, path: path)
    return offset == ManifestFormat.headerByteCount ? nil : state
  }

  /// - Returns: false for a header that was never written whole.
  private static func checkHeader(
    _ bytes: ByteView, number: FileNumber, path: String
  ) throws(EngineError) -> Bool {
    let count = ManifestFormat.headerByteCount
    guard bytes.count >= count else { return false }
    guard CRC32C.checksum(bytes.prefix(count - 4)) == bytes.littleEndian32(at: count - 4) else {
      try refuseDamage(before: 0, of: bytes, number: number, path: path)
      return false
    }
    let magic = ManifestFormat.magic
    let expected = ByteView(UnsafeRawPointer(magic.utf8Start), count: magic.utf8CodeUnitCount)
    guard bytes.hasPrefix(expected) else {
      throw .corrupt(path: path, offset: 0, reason: "not a manifest")
    }
    let version = bytes.littleEndian32(at: 8)
    guard FormatVersion(rawValue: version) != nil else {
      throw .unsupportedVersion(
        path: path, found: version, newestKnown: FormatVersion.newest.rawValue)
    }
    guard bytes.littleEndian64(at: 12) == number.rawValue else {
      throw .corrupt(path: path, offset: 12, reason: "the header has another manifest's number")
    }
    return true
  }

  private static func apply(
    _ payload: ByteView, to state: inout ManifestState, path: String, offset: Int
  ) throws(EngineError) {
    let edit: VersionEdit
    do throws(ByteReadError) {
      edit = try VersionEdit(decoding: payload)
    } catch {
      throw .corrupt(path: path, offset: UInt64(offset), reason: "edit not readable: \(error)")
    }
    if let reason = state.apply(edit) {
      throw .corrupt(path: path, offset: UInt64(offset), reason: reason)
    }
  }

  /// Throws when a valid record follows the bytes at `offset`, which are none.
  private static func refuseDamage(
    before offset: Int, of bytes: ByteView, number: FileNumber, path: String
  ) throws(EngineError) {
    // Most files end in zeros, which hold no record.
    if offset < bytes.count, bytes.dropFirst(offset).buffer.allSatisfy({ $0 == 0 }) { return }
    var candidate = offset + 1
    while candidate + ManifestFormat.recordHeaderByteCount <= bytes.count {
      if ManifestFormat.payload(at: candidate, of: bytes, number: number) != nil {
        throw .corrupt(
          path: path, offset: UInt64(offset),
          reason: "damaged record before a whole one at \(candidate)")
      }
      candidate += 1
    }
  }

  private static func contents(
    of path: String, fileSystem: any FileSystem
  ) throws(EngineError) -> ByteBuffer {
    do throws(FileError) {
      let file = try fileSystem.openForReading(path)
      let byteCount = Int(file.byteCount)
      var buffer = ByteBuffer(capacity: byteCount)
      _ = try buffer.append(capacity: byteCount) { (room) throws(FileError) -> Int in
        try file.read(into: room, at: 0, wait: .allowed) ?? 0
      }
      return buffer
    } catch {
      throw EngineError(error)
    }
  }
}
