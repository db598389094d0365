// The table files that one job writes: opened as needed, cut where a file is full or would overlap
// too much of the level below, removed again when the job fails.

internal import Bytes
internal import Runtime
internal import VFS

/// Writes the files of one job. Confined to its thread.
final class TableOutput {
  private let environment: JobEnvironment
  private let smallestSequence: SequenceNumber
  private let largestSequence: SequenceNumber
  /// When the job began: what came due for garbage collection since then is still in the files.
  private let creationMicroseconds: Int64
  /// Bytes at which a file is cut; nil for one file of any length.
  private let fileByteCount: UInt64?
  private var grandparents: Grandparents

  private var current: (builder: TableBuilder, number: FileNumber)?
  private var started: [FileNumber] = []
  private(set) var tables: [TableMetadata] = []
  private(set) var bytesWritten: UInt64 = 0
  /// Bytes of the current file that the budget knows of.
  private var pacedByteCount: UInt64 = 0

  /// Between two looks at the budget.
  private static let paceByteCount: UInt64 = 128 << 10

  init(
    _ environment: JobEnvironment, sequences: ClosedRange<SequenceNumber>,
    fileByteCount: UInt64?, grandparents: Grandparents
  ) {
    self.environment = environment
    smallestSequence = sequences.lowerBound
    largestSequence = sequences.upperBound
    creationMicroseconds = environment.time.wallMicroseconds
    self.fileByteCount = fileByteCount
    self.grandparents = grandparents
  }

  /// - Parameter use: Of the block that the entry comes from.
  func add(
    key: ByteView, kind: EntryKind, value: ByteView, _ use: BlockUse
  ) throws(EngineError) {
    if let open = current, isFull(open.builder, key) { try finishFile() }
    let builder: TableBuilder
    if let open = current { builder = open.builder } else { builder = try startFile(key) }
    try builder.add(key: key, kind: kind, value: value, use)
    let written = builder.estimatedByteCount
    if written >= pacedByteCount + TableOutput.paceByteCount {
      try pace(Int(written - pacedByteCount))
      pacedByteCount = written
    }
  }

  /// Finishes the last file and makes all names durable.
  func finish() throws(EngineError) {
    if current != nil { try finishFile() }
    guard !tables.isEmpty else { return }
    do throws(FileError) {
      try environment.fileSystem.syncDirectory(environment.directory)
    } catch {
      throw EngineError(error)
    }
  }

  /// Removes whatever was written.
  func abandon() {
    current?.builder.abandon()
    current = nil
    for number in started {
      environment.tables.forget(number)
      // What cannot be removed now is nobody's file, and goes when the engine is next opened.
      try? environment.fileSystem.remove(path(number))
    }
    tables = []
  }

  private func path(_ number: FileNumber) -> String {
    FileName.table(number).path(in: environment.directory)
  }

  private func isFull(_ builder: TableBuilder, _ key: ByteView) -> Bool {
    guard let fileByteCount else { return false }
    return builder.estimatedByteCount >= fileByteCount || grandparents.overlapTooMuch(at: key)
  }

  private func startFile(_ key: ByteView) throws(EngineError) -> TableBuilder {
    let number = environment.newFileNumber()
    started.append(number)
    do throws(FileError) {
      let file = try environment.fileSystem.create(path(number))
      var options = TableOptions()
      options.blockByteCount = environment.options.blockByteCount
      options.filterBitsPerKey = environment.options.filterBitsPerKey
      options.compress = environment.options.compress
      let builder = TableBuilder(
        file: file, options: options, cached: environment.tables.cached(number))
      current = (builder, number)
      pacedByteCount = 0
      grandparents.startFile(at: key)
      return builder
    } catch {
      throw EngineError(error)
    }
  }

  private func finishFile() throws(EngineError) {
    guard let (builder, number) = current else { return }
    var attributes = TableAttributes()
    attributes.smallestSequence = smallestSequence
    attributes.largestSequence = largestSequence
    attributes.creationMicroseconds = creationMicroseconds
    let summary = try builder.finish(attributes)
    current = nil
    let properties = summary.properties
    let table = TableMetadata(
      number: number, byteCount: summary.byteCount, smallestKey: properties.smallestKey,
      largestKey: properties.largestKey, smallestSequence: smallestSequence,
      largestSequence: largestSequence, entryCount: properties.entryCount,
      tombstoneCount: properties.tombstoneCount, mergeCount: properties.mergeCount,
      rawByteCount: properties.rawKeyByteCount &+ properties.rawValueByteCount,
      creationMicroseconds: creationMicroseconds)
    try environment.tables.prepare(table)
    tables.append(table)
    bytesWritten &+= summary.byteCount
    if summary.byteCount > pacedByteCount { try pace(Int(summary.byteCount - pacedByteCount)) }
  }

  private func pace(_ byteCount: Int) throws(EngineError) {
    if environment.shouldStop() { throw .closed }
    var pause = environment.budget.pauseNanoseconds(afterWriting: byteCount)
    while pause > 0 {
      environment.scheduler.pause(nanoseconds: pause)
      if environment.shouldStop() { throw .closed }
      pause = environment.budget.pauseNanoseconds(afterWriting: 0)
    }
  }
}

/// The level below the output: a file that overlaps much of it is dear to compact further.
struct Grandparents {
  private let files: [TableFile]
  private let limit: UInt64
  private var next = 0
  /// Of the next file, which `files` holds; nil behind the last.
  private var largestKey: ByteView?
  private var overlap: UInt64 = 0

  /// - Parameter files: Sorted by key; empty where nothing is below.
  init(_ files: [TableFile], limit: UInt64) {
    self.files = files
    self.limit = limit
    largestKey = files.first?.handle.largestKey
  }

  mutating func startFile(at key: ByteView) {
    overlap = 0
    skip(to: key)
    overlap = 0
  }

  /// Would the current file, with `key`, overlap more than the limit? Keys ascend.
  mutating func overlapTooMuch(at key: ByteView) -> Bool {
    skip(to: key)
    return overlap > limit
  }

  private mutating func skip(to key: ByteView) {
    while let largestKey, largestKey < key {
      overlap &+= files[next].metadata.byteCount
      next += 1
      self.largestKey = next < files.count ? files[next].handle.largestKey : nil
    }
  }
}
