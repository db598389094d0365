// From a directory to a running engine:
//
//   1. The directory is made if it is missing and may be new, and refused if it holds anything that
//      is not ours.
//   2. The newest whole manifest tells the table files, the oldest live log and the highest
//      sequence number in table files.
//   3. Every table file it names must be there; other table files are left over from a crash and
//      go.
//   4. A new manifest begins, so that nothing is appended behind a torn tail; all older ones go.
//   5. Live logs are replayed, oldest first, without what is in table files already, into small
//      memtables: searching those stays within the processor's caches. The last one becomes the
//      active memtable, the others are sealed, and the logs stay live until they are written out
//      in the background. Only what is more than writers could ever have left is written to level
//      0 here.
//   6. A new log begins. Its header says where the last one ended, so that end is made durable
//      first, and the log before it where nothing says that it was: written once more and synced.
//      The manifest then says that the new log has begun.

internal import Bytes
internal import VFS

/// One opening of one directory.
struct Recovery {
  let directory: String
  let environment: EngineEnvironment
  let options: EngineOptions
  let merger: any ValueMerger
  let mayCreate: Bool

  /// Names in the directory by what they are.
  private struct Inventory {
    var tables: Set<FileNumber> = []
    var logs: [FileNumber] = []
    var manifests: [FileNumber] = []
  }

  private var parent: String {
    guard let slash = directory.lastIndex(of: "/") else { return "." }
    return slash == directory.startIndex ? "/" : String(directory[..<slash])
  }
  private var fileSystem: any FileSystem { environment.fileSystem }

  func run() throws(EngineError) -> EngineState {
    let inventory = try takeInventory()
    let manifest = try readManifest(inventory)
    try checkTables(manifest, inventory)
    let versions = try startManifest(manifest, inventory)
    let stop = StopFlag()
    let jobs = JobEnvironment(
      directory: directory, fileSystem: fileSystem, tables: versions.store, time: environment.time,
      scheduler: environment.scheduler, options: options, merger: merger,
      budget: environment.compactionBudget, flushBudget: environment.flushBudget,
      newFileNumber: { versions.newFileNumber() },
      shouldStop: { stop.isSet })
    var replay = Replay(self, versions: versions, jobs: jobs)
    let recovered = try replay.run(inventory.logs)
    let logs = try LogFiles(
      directory: directory, fileSystem: fileSystem, byteCountLimit: options.logFileByteCount,
      durability: options.durability, randomSeed: environment.randomSeed, found: recovered)
    var begun = VersionEdit()
    begun.begunLogNumber = recovered.nextNumber.rawValue
    _ = try versions.install(begun)
    let state = EngineState(
      environment, jobs: jobs, stop: stop, versions: versions, logs: logs,
      recovered: replay.memtables, sequence: replay.lastSequence)
    environment.events(
      .recovered(
        directory: directory, logRecords: replay.recordCount,
        tornTailByteCount: replay.tornByteCount))
    return state
  }

  // MARK: Steps 1 to 4

  private func takeInventory() throws(EngineError) -> Inventory {
    var inventory = Inventory()
    let names: [String]
    do throws(FileError) {
      let isThere = try fileSystem.exists(directory)
      if !isThere, mayCreate { try fileSystem.createDirectory(directory) }
      names = isThere || mayCreate ? try fileSystem.list(directory) : []
      // Also where an earlier attempt made the directory and failed here.
      if mayCreate, names.isEmpty { try fileSystem.syncDirectory(parent) }
    } catch {
      throw EngineError(error)
    }
    for name in names {
      switch FileName(name) {
      case .table(let number): inventory.tables.insert(number)
      case .log(let number): inventory.logs.append(number)
      case .manifest(let number): inventory.manifests.append(number)
      case nil:
        throw .invalid("\(directory) is not an engine's directory: it holds \(name)")
      }
    }
    inventory.manifests.sort()
    return inventory
  }

  /// The newest whole manifest; an empty state for a directory that never had one.
  private func readManifest(_ inventory: Inventory) throws(EngineError) -> ManifestState {
    for number in inventory.manifests.reversed() {
      let state = try ManifestReader.read(number, in: directory, fileSystem: fileSystem)
      if let state { return state }
    }
    guard mayCreate, inventory.tables.isEmpty, inventory.logs.isEmpty else {
      let path = inventory.manifests.last.map { FileName.manifest($0).path(in: directory) }
      throw .corrupt(
        path: path ?? directory, offset: 0, reason: "there is no whole manifest")
    }
    var state = ManifestState()
    state.oldestLogNumber = 1
    return state
  }

  private func checkTables(
    _ manifest: ManifestState, _ inventory: Inventory
  ) throws(EngineError) {
    var named: Set<FileNumber> = []
    for level in manifest.tables {
      for number in level.keys {
        named.insert(number)
        guard inventory.tables.contains(number) else {
          let path = FileName.table(number).path(in: directory)
          throw .corrupt(path: path, offset: 0, reason: "the manifest names this file")
        }
      }
    }
    for number in inventory.tables.subtracting(named).sorted() {
      do throws(FileError) {
        try fileSystem.remove(FileName.table(number).path(in: directory))
      } catch {
        // The engine that had the directory before may be at it still.
        if !error.isMissing { throw EngineError(error) }
      }
    }
  }

  private func startManifest(
    _ manifest: ManifestState, _ inventory: Inventory
  ) throws(EngineError) -> VersionSet {
    let newest = inventory.manifests.last?.rawValue ?? 0
    let directory = directory
    let events = environment.events
    let store = TableStore(
      directory: directory, fileSystem: fileSystem, scheduler: environment.scheduler,
      cache: environment.cache
    ) { error in
      events(.backgroundFailed(directory: directory, job: "remove", error: error))
    }
    return try VersionSet(
      manifest, manifestNumber: FileNumber(newest + 1), older: inventory.manifests, store: store,
      directory: directory, fileSystem: fileSystem, manifestByteCount: options.manifestByteCount)
  }
}

/// Steps 5 and 6: live logs back into memtables.
private struct Replay {
  private let recovery: Recovery
  private let versions: VersionSet
  private let jobs: JobEnvironment
  /// Newest first.
  private(set) var memtables: [LoggedMemtable]
  private(set) var lastSequence: SequenceNumber
  private var sealedByteCount = 0
  /// Entries of the record being replayed that are not in the memtable yet.
  private var entries: ContiguousArray<MemtableEntry> = []
  private static let entriesAtOnce = 1_024
  private(set) var recordCount = 0
  private(set) var tornByteCount: UInt64 = 0

  init(_ recovery: Recovery, versions: VersionSet, jobs: JobEnvironment) {
    self.recovery = recovery
    self.versions = versions
    self.jobs = jobs
    lastSequence = versions.lastSequence
    memtables = []
  }

  private mutating func startMemtable(firstLog: LogNumber) {
    let memtable = Memtable(
      memory: recovery.environment.memory, merger: recovery.merger,
      commonKeyPrefix: memtables.first?.memtable.commonKeyPrefix ?? ByteView())
    memtables.insert(LoggedMemtable(memtable, firstLog: firstLog), at: 0)
  }

  /// Bytes of one memtable here.
  private var pieceByteCount: Int { Swift.max(1, recovery.options.memtableByteCount / 8) }

  /// Bytes of memtables that wait at most while writers are active, and so at a crash.
  private var waitingByteLimit: Int {
    recovery.options.memtableByteCount * (2 * recovery.options.sealedMemtableLimit + 1)
  }

  mutating func run(_ slots: [FileNumber]) throws(EngineError) -> RecoveredLogs {
    var slotsByPath: [String: FileNumber] = [:]
    var files: [any ReadableFile] = []
    do throws(FileError) {
      for slot in slots {
        let path = FileName.log(slot).path(in: recovery.directory)
        slotsByPath[path] = slot
        files.append(try recovery.environment.fileSystem.openForReading(path))
      }
    } catch {
      throw EngineError(error)
    }
    let oldest = LogNumber(versions.oldestLogNumber)
    let chain = try LogChain(
      files, oldestLive: oldest, begun: versions.begunLogNumber.map { LogNumber($0) },
      in: recovery.directory)
    startMemtable(firstLog: chain.live.first?.number ?? oldest)
    while let record = try chain.next() { try replay(record, of: chain) }
    recordCount = chain.recordCount
    tornByteCount = chain.droppedByteCount
    return try recovered(chain, slotsByPath, oldest: oldest)
  }

  private mutating func replay(_ record: LogRecord, of chain: LogChain) throws(EngineError) {
    var sequence = record.firstSequence.rawValue
    var reader = WriteBatchReader(record.payload)
    let memtable = memtables[0].memtable
    do throws(ByteReadError) {
      while let entry = try reader.next() {
        if sequence > lastSequence.rawValue {
          lastSequence = SequenceNumber(sequence)
          entries.append(
            MemtableEntry(
              kind: entry.kind, key: entry.key, value: entry.value, sequence: lastSequence))
          if entries.count == Replay.entriesAtOnce { insertEntries(into: memtable) }
        }
        sequence += 1
      }
      insertEntries(into: memtable)
    } catch {
      throw .corrupt(
        path: chain.current?.path ?? recovery.directory, offset: 0,
        reason: "entry \(sequence) of a whole record is no entry: \(error)")
    }
    guard memtable.byteCount >= pieceByteCount, let log = chain.current?.number else { return }
    sealedByteCount += memtable.byteCount
    if sealedByteCount >= waitingByteLimit || recovery.environment.memory.isShort {
      try flush(goingOnWith: log)
    }
    startMemtable(firstLog: log)
  }

  private mutating func insertEntries(into memtable: Memtable) {
    memtable.insert(entries)
    entries.removeAll(keepingCapacity: true)
  }

  /// Writes all memtables to one file of level 0. The log being read stays live: more of its
  /// entries come.
  private mutating func flush(goingOnWith log: LogNumber) throws(EngineError) {
    let last = memtables.map(\.memtable.lastSequence).max() ?? .zero
    let job = FlushJob(
      memtables.map(\.memtable), version: versions.current,
      newer: .from(SequenceNumber(last.rawValue + 1)), environment: jobs)
    var edit = try jobs.flushBudget.hurrying { () throws(EngineError) in try job.run() }.edit
    edit.oldestLogNumber = log.rawValue
    _ = try versions.install(edit)
    memtables = []
    sealedByteCount = 0
  }

  /// What the logs are from now on: live ones keep what is in `memtables`.
  private func recovered(
    _ chain: LogChain, _ slotsByPath: [String: FileNumber], oldest: LogNumber
  ) throws(EngineError) -> RecoveredLogs {
    var logs = RecoveredLogs()
    logs.nextSlot = (slotsByPath.values.max()?.rawValue ?? 0) + 1
    logs.nextNumber = max(
      oldest, LogNumber((chain.highestNumber?.rawValue ?? 0) + 1))
    logs.free = chain.sparePaths.compactMap { slotsByPath[$0] }
    for log in chain.live {
      guard let slot = slotsByPath[log.path] else { continue }
      logs.live.append((number: log.number, slot: slot, byteCount: log.byteCount))
    }
    do throws(FileError) {
      for bytes in chain.unproven { try makeDurable(bytes) }
    } catch {
      throw EngineError(error)
    }
    logs.end = chain.end
    return logs
  }

  /// Writes what was replayed once more, and syncs it. A sync that failed before a restart has left
  /// bytes that the page cache shows and calls clean, and that no sync alone would bring to the
  /// disk (Rebello et al., USENIX ATC 2020); the next log will vouch for them.
  private func makeDurable(_ bytes: UnprovenBytes) throws(FileError) {
    let fileSystem = recovery.environment.fileSystem
    let source = try fileSystem.openForReading(bytes.path)
    let target = try fileSystem.openForOverwriting(bytes.path)
    if !bytes.range.isEmpty { try source.copy(bytes.range, to: target) }
    try target.sync()
    try target.close()
  }
}
