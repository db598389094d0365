// Any file of an engine as text, for people and golden tests: what it says about itself, then its
// entries, records or edits in order. The kind is told by the file's first bytes.

internal import Bytes
package import VFS

/// Dumps files.
package enum FileDump {
  /// Calls `line` with each line of the dump.
  ///
  /// - Parameter entryLimit: Entries, records and edits shown; the rest is counted.
  package static func write(
    _ path: String, fileSystem: any FileSystem, entryLimit: Int, _ line: (String) throws -> Void
  ) throws {
    let file = try fileSystem.openForReading(path)
    var head = ByteBuffer(capacity: 64)
    _ = try head.append(capacity: 64) { (room) throws(FileError) -> Int in
      try file.read(into: room, at: 0, wait: .allowed) ?? 0
    }
    guard head.count >= 8 else {
      throw EngineError.corrupt(path: path, offset: 0, reason: "too short for a file of an engine")
    }
    let magic = head.view.littleEndian64(at: 0)
    let manifestMagic = ManifestFormat.magic
    let manifest = ByteView(
      UnsafeRawBufferPointer(
        start: manifestMagic.utf8Start, count: manifestMagic.utf8CodeUnitCount))
    if magic == TableFormat.magic {
      try dumpTable(file, entryLimit, line)
    } else if magic == LogFormat.magic {
      try dumpLog(file, entryLimit, line)
    } else if head.view.hasPrefix(manifest), head.count >= 20 {
      try dumpManifest(
        file, FileNumber(head.view.littleEndian64(at: 12)), entryLimit, line)
    } else {
      throw EngineError.corrupt(
        path: path, offset: 0, reason: "neither a table file, a log nor a manifest")
    }
  }

  private static func dumpTable(
    _ file: any ReadableFile, _ entryLimit: Int, _ line: (String) throws -> Void
  ) throws {
    let cache = BlockCache(byteCount: 1 << 20)
    let id = CachedFileID(namespace: cache.makeNamespace(), number: 0)
    let reader = try TableReader.open(file, id: id, cache: cache)
    let properties = reader.properties
    try line("table file, \(file.byteCount) bytes")
    try line("entries \(properties.entryCount)")
    try line("tombstones \(properties.tombstoneCount)")
    try line("merges \(properties.mergeCount)")
    try line("raw key bytes \(properties.rawKeyByteCount)")
    try line("raw value bytes \(properties.rawValueByteCount)")
    try line("smallest key \(text(properties.smallestKey))")
    try line("largest key \(text(properties.largestKey))")
    try line(
      "sequence numbers \(properties.attributes.smallestSequence.rawValue)"
        + "…\(properties.attributes.largestSequence.rawValue)")
    let cursor = reader.cursor(.compaction)
    try cursor.seekToFirst()
    var count = 0
    while cursor.isValid {
      if count < entryLimit {
        try line("\(cursor.kind) \(cursor.key) = \(cursor.value.count) bytes \(cursor.value)")
      }
      count += 1
      try cursor.next()
    }
    if count > entryLimit { try line("… \(count - entryLimit) more entries") }
  }

  private static func dumpLog(
    _ file: any ReadableFile, _ entryLimit: Int, _ line: (String) throws -> Void
  ) throws {
    try line("log file, \(file.byteCount) bytes")
    guard let header = try LogReader.header(of: file, oldestLive: LogNumber(0)) else {
      return try line("holds no log")
    }
    try line("number \(header.number.rawValue)")
    switch header.previous {
    case .none: break
    case .ended(let end):
      try line("after log \(end.number.rawValue), which ended at \(end.byteCount)")
    case .open(let number): try line("after log \(number.rawValue), where that is sealed")
    }
    let reader = try LogReader(file, header: header, provenEnd: nil)
    var count = 0
    while let record = try reader.next() {
      if count < entryLimit {
        try line(
          "record of \(record.entryCount) entries from sequence number "
            + "\(record.firstSequence.rawValue), \(record.payload.count) bytes")
        var batch = WriteBatchReader(record.payload)
        while let entry = try batch.next() {
          try line("  \(entry.kind) \(entry.key) = \(entry.value.count) bytes \(entry.value)")
        }
      }
      count += 1
    }
    if count > entryLimit { try line("… \(count - entryLimit) more records") }
    try line("ends at \(reader.end.byteCount)")
    if let successor = reader.successor { try line("log \(successor.rawValue) goes on") }
    if reader.droppedByteCount > 0 { try line("torn tail of \(reader.droppedByteCount) bytes") }
  }

  private static func dumpManifest(
    _ file: any ReadableFile, _ number: FileNumber, _ entryLimit: Int,
    _ line: (String) throws -> Void
  ) throws {
    guard let byteCount = Int(exactly: file.byteCount), byteCount <= 1 << 30 else {
      throw EngineError.corrupt(path: file.path, offset: 0, reason: "too large for a manifest")
    }
    var bytes = ByteBuffer(capacity: byteCount)
    _ = try bytes.append(capacity: byteCount) { (room) throws(FileError) -> Int in
      try file.read(into: room, at: 0, wait: .allowed) ?? 0
    }
    try line("manifest \(number.rawValue), \(byteCount) bytes")
    var offset = ManifestFormat.headerByteCount
    var count = 0
    while let payload = ManifestFormat.payload(at: offset, of: bytes.view, number: number) {
      if count < entryLimit { try dump(VersionEdit(decoding: payload), at: offset, line) }
      count += 1
      offset += ManifestFormat.recordHeaderByteCount + payload.count
    }
    if count > entryLimit { try line("… \(count - entryLimit) more edits") }
    if offset < byteCount { try line("\(byteCount - offset) bytes behind the last edit") }
  }

  private static func dump(
    _ edit: VersionEdit, at offset: Int, _ line: (String) throws -> Void
  ) throws {
    try line("edit at \(offset)")
    for removal in edit.removals {
      try line("  remove table \(removal.number.rawValue) from level \(removal.level)")
    }
    for addition in edit.additions {
      let table = addition.table
      try line(
        "  add table \(table.number.rawValue) to level \(addition.level): "
          + "\(table.byteCount) bytes, "
          + "\(table.entryCount) entries, keys \(text(table.smallestKey))…\(text(table.largestKey))"
      )
    }
    if let number = edit.oldestLogNumber { try line("  oldest live log \(number)") }
    if let number = edit.begunLogNumber { try line("  log \(number) has begun") }
    if let number = edit.nextFileNumber { try line("  next file number \(number.rawValue)") }
    if let sequence = edit.lastSequence { try line("  last sequence number \(sequence.rawValue)") }
  }

  private static func text(_ key: [UInt8]) -> String { ByteView.of(key) { $0.description } }
}
