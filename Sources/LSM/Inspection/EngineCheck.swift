// Checks an engine's directory that nobody has open, reading every byte that matters:
//
//   1. the newest whole manifest, and that its levels hold together
//   2. every table file it names: size, key range, every block's checksum, keys ascending, counts,
//      and that index and filter find what the blocks hold
//   3. the logs it keeps alive: every record and batch; a torn tail of the newest is no damage
//   4. files that nothing names: left by a crash, removed at the next start
//
// Nothing is written. The caller holds the directory's lock.

internal import Bytes
package import VFS

/// What a check of one engine's directory found.
package struct EngineCheck: Sendable {
  /// Damage: stored bytes are not what was written, or are gone.
  package private(set) var problems: [String] = []
  /// Worth knowing, and no damage.
  package private(set) var notes: [String] = []
  package private(set) var tableFileCount = 0
  package private(set) var entryCount: UInt64 = 0
  package private(set) var byteCount: UInt64 = 0
  package private(set) var logRecordCount = 0

  /// Keys between two that are also looked up through index and filter.
  private static let lookUpInterval: UInt64 = 64

  private let directory: String
  private let fileSystem: any FileSystem
  /// Of the manifest that counts.
  private var manifestPath = ""
  private let cache = BlockCache(byteCount: 8 << 20)

  /// Whether the directory holds files of an engine.
  package static func isEngine(
    _ directory: String, fileSystem: any FileSystem
  ) throws(FileError) -> Bool {
    try fileSystem.list(directory).contains { FileName($0) != nil }
  }

  package init(_ directory: String, fileSystem: any FileSystem) {
    self.directory = directory
    self.fileSystem = fileSystem
    do {
      try run()
    } catch let error as FileError {
      problems.append(EngineError(error).explanation)
    } catch let error as EngineError {
      problems.append(error.explanation)
    } catch {
      problems.append("\(directory): \(error)")
    }
  }

  private mutating func run() throws {
    let names = try fileSystem.list(directory).sorted()
    let files = names.compactMap { FileName($0) }
    for name in names where FileName(name) == nil { notes.append("\(directory)/\(name): not ours") }
    guard let state = try newestManifest(files) else {
      if !files.isEmpty {
        let newest = files.filter { if case .manifest = $0 { true } else { false } }.last
        problems.append(
          "\(newest?.path(in: directory) ?? directory), offset 0: no whole manifest, "
            + "but other files")
      }
      return
    }
    checkLevels(state)
    var live: Set<FileNumber> = []
    for tables in state.tables {
      for table in tables.values.sorted(by: { $0.number < $1.number }) {
        live.insert(table.number)
        note { (check) throws(EngineError) in try check.checkTable(table) }
      }
    }
    for case .table(let number) in files where !live.contains(number) {
      notes.append("\(FileName.table(number).path(in: directory)): not in the manifest")
    }
    note { (check) throws(EngineError) in try check.checkLogs(files, state) }
  }

  /// Runs one part; what it throws becomes a problem, and the check goes on.
  private mutating func note(_ part: (inout EngineCheck) throws(EngineError) -> Void) {
    do throws(EngineError) {
      try part(&self)
    } catch {
      problems.append(error.explanation)
    }
  }

  private mutating func newestManifest(_ files: [FileName]) throws -> ManifestState? {
    let numbers = files.compactMap { file -> FileNumber? in
      if case .manifest(let number) = file { number } else { nil }
    }
    for number in numbers.sorted(by: >) {
      if let state = try ManifestReader.read(number, in: directory, fileSystem: fileSystem) {
        manifestPath = FileName.manifest(number).path(in: directory)
        return state
      }
      notes.append("\(FileName.manifest(number).path(in: directory)): never finished")
    }
    return nil
  }

  private mutating func checkLevels(_ state: ManifestState) {
    for (level, tables) in state.tables.enumerated() where level > 0 {
      let sorted = tables.values.sorted { $0.smallestKey.lexicographicallyPrecedes($1.smallestKey) }
      for (left, right) in zip(sorted, sorted.dropFirst())
      where !left.largestKey.lexicographicallyPrecedes(right.smallestKey) {
        problems.append(
          "\(directory): level \(level): tables \(left.number.rawValue) and "
            + "\(right.number.rawValue) overlap")
      }
    }
  }

  private mutating func checkTable(_ table: TableMetadata) throws(EngineError) {
    let path = FileName.table(table.number).path(in: directory)
    let file: any ReadableFile
    do throws(FileError) {
      file = try fileSystem.openForReading(path)
    } catch {
      guard error.isMissing else { throw EngineError(error) }
      throw .corrupt(path: path, offset: 0, reason: "no such file; \(manifestPath) names it")
    }
    tableFileCount += 1
    byteCount += file.byteCount
    guard file.byteCount == table.byteCount else {
      throw .corrupt(
        path: path, offset: file.byteCount,
        reason: "the file ends here; the manifest says \(table.byteCount)")
    }
    let id = CachedFileID(namespace: cache.makeNamespace(), number: table.number.rawValue)
    let reader = try TableReader.open(file, id: id, cache: cache)
    guard table.describes(reader.properties) else {
      throw .corrupt(
        path: path, offset: 0, reason: "a table file, but not the one that the manifest names")
    }
    try walk(reader, path)
    cache.removeFile(id)
  }

  private mutating func walk(_ reader: TableReader, _ path: String) throws(EngineError) {
    let cursor = reader.cursor(.compaction)
    var count: UInt64 = 0
    var previous = ByteBuffer()
    let found = OperandList()
    try cursor.seekToFirst()
    while cursor.isValid {
      let key = cursor.key
      guard count == 0 || previous.view < key else {
        throw .corrupt(path: path, offset: 0, reason: "key \(key) does not follow the one before")
      }
      if count % EngineCheck.lookUpInterval == 0 {
        found.clear()
        guard try reader.get(key, hash: key.persistedHash, wait: .allowed, into: found) else {
          throw .corrupt(
            path: path, offset: 0, reason: "key \(key) is there, but filter or index misses it")
        }
      }
      previous.clear()
      previous.append(key)
      count += 1
      try cursor.next()
    }
    entryCount += count
    guard count == reader.properties.entryCount else {
      throw .corrupt(
        path: path, offset: 0,
        reason: "\(count) entries; the properties say \(reader.properties.entryCount)")
    }
  }

  private mutating func checkLogs(
    _ files: [FileName], _ state: ManifestState
  ) throws(EngineError) {
    var logs: [any ReadableFile] = []
    for case .log(let number) in files {
      do throws(FileError) {
        logs.append(try fileSystem.openForReading(FileName.log(number).path(in: directory)))
      } catch {
        throw EngineError(error)
      }
    }
    let chain = try LogChain(
      logs, oldestLive: LogNumber(state.oldestLogNumber),
      begun: state.begunLogNumber.map { LogNumber($0) }, in: directory)
    while let record = try chain.next() {
      logRecordCount += 1
      var batch = WriteBatchReader(record.payload)
      var count = 0
      do throws(ByteReadError) {
        while try batch.next() != nil { count += 1 }
      } catch {
        throw .corrupt(
          path: directory, offset: 0,
          reason: "log record \(record.firstSequence): a batch is not readable: \(error)")
      }
      guard count == record.entryCount else {
        throw .corrupt(
          path: directory, offset: 0,
          reason: "log record \(record.firstSequence): \(count) entries, not \(record.entryCount)")
      }
    }
    if chain.droppedByteCount > 0 {
      notes.append(
        "\(directory): a torn tail of \(chain.droppedByteCount) bytes in the newest log, never "
          + "acknowledged")
    }
  }
}

extension EngineError {
  /// The error in words, with file and offset.
  package var explanation: String {
    switch self {
    case .invalid(let text), .retryLater(let text), .readOnly(let text): text
    case .wouldBlock: "the read would wait for the disk"
    case .full(let path): "\(path): no space left on the device"
    case .corrupt(let path, let offset, let reason): "\(path), offset \(offset): \(reason)"
    case .unsupportedVersion(let path, let found, let newest):
      "\(path): format version \(found); this program knows versions up to \(newest)"
    case .file(let error): error.description
    case .closed: "the engine is closed"
    case .rejected(let error): "\(error)"
    }
  }
}
