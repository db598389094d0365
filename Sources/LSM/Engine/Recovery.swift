// From a directory to a running engine:
//
//   1. The directory is made if it is missing, and refused if it holds anything that is not ours.
//   2. The newest whole manifest tells the table files, the oldest live log and the highest
//      sequence number in table files.
//   3. Every table file it names must be there; other table files and manifests are left over from
//      a crash and go.
//   4. A new manifest begins, so that nothing is appended behind a torn tail.
//   5. Live logs are replayed, oldest first, without what is in table files already. When a
//      memtable is full it is written to level 0; the last one becomes the active memtable, and
//      its logs stay live.
//   6. A new log begins. Its header says where the last one ended, so that end is made durable
//      first.

internal import Bytes
internal import VFS

/// One opening of one directory.
struct Recovery {
  let directory: String
  let environment: EngineEnvironment
  let options: EngineOptions
  let merger: any ValueMerger

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
      directory: directory, fileSystem: fileSystem, time: environment.time,
      scheduler: environment.scheduler, options: options, merger: merger,
      budget: IOBudget(time: environment.time), newFileNumber: { versions.newFileNumber() },
      shouldStop: { stop.isSet })
    var replay = Replay(self, versions: versions, jobs: jobs)
    let recovered = try replay.run(inventory.logs)
    let logs = try LogFiles(
      directory: directory, fileSystem: fileSystem, byteCountLimit: options.logFileByteCount,
      randomSeed: environment.randomSeed, found: recovered)
    let firstLog = replay.firstLog ?? recovered.nextNumber
    let state = EngineState(
      environment, jobs: jobs, stop: stop, versions: versions, logs: logs,
      recovered: LoggedMemtable(replay.memtable, firstLog: firstLog),
      sequence: replay.lastSequence)
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
      if try !fileSystem.exists(directory) {
        try fileSystem.createDirectory(directory)
        try fileSystem.syncDirectory(parent)
      }
      names = try fileSystem.list(directory)
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
    guard inventory.tables.isEmpty, inventory.logs.isEmpty else {
      let path = inventory.manifests.last.map { FileName.manifest($0).path(in: directory) }
      throw .corrupt(
        path: path ?? directory, offset: 0, reason: "tables or logs, and no whole manifest")
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
    for number in inventory.tables.subtracting(named) {
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
      directory: directory, fileSystem: fileSystem)
  }
}

/// Steps 5 and 6: live logs back into memtables.
private struct Replay {
  private let recovery: Recovery
  private let versions: VersionSet
  private let jobs: JobEnvironment
  private(set) var memtable: Memtable
  private(set) var lastSequence: SequenceNumber
  /// The first log with entries of `memtable`.
  private(set) var firstLog: LogNumber?
  private(set) var recordCount = 0
  private(set) var tornByteCount: UInt64 = 0

  init(_ recovery: Recovery, versions: VersionSet, jobs: JobEnvironment) {
    self.recovery = recovery
    self.versions = versions
    self.jobs = jobs
    lastSequence = versions.lastSequence
    memtable = Replay.emptyMemtable(recovery)
  }

  private static func emptyMemtable(_ recovery: Recovery) -> Memtable {
    Memtable(
      memory: recovery.environment.memory, merger: recovery.merger,
      randomSeed: recovery.environment.randomSeed)
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
    let chain = try LogChain(files, oldestLive: oldest)
    firstLog = chain.live.first?.number
    while let record = try chain.next() { try replay(record, of: chain) }
    recordCount = chain.recordCount
    tornByteCount = chain.droppedByteCount
    return try recovered(chain, slotsByPath, oldest: oldest)
  }

  private mutating func replay(_ record: LogRecord, of chain: LogChain) throws(EngineError) {
    var sequence = record.firstSequence.rawValue
    var reader = WriteBatchReader(record.payload)
    do throws(ByteReadError) {
      while let entry = try reader.next() {
        if sequence > lastSequence.rawValue {
          lastSequence = SequenceNumber(sequence)
          memtable.insert(
            kind: entry.kind, key: entry.key, value: entry.value, sequence: lastSequence)
        }
        sequence += 1
      }
    } catch {
      throw .corrupt(
        path: chain.current?.path ?? recovery.directory, offset: 0,
        reason: "entry \(sequence) of a whole record is no entry: \(error)")
    }
    if memtable.byteCount >= recovery.options.memtableByteCount { try flush(chain) }
  }

  /// Writes the memtable to level 0. The log being read stays live: more of its entries come.
  private mutating func flush(_ chain: LogChain) throws(EngineError) {
    var edit = try FlushJob([memtable], version: versions.current, environment: jobs).run().edit
    firstLog = chain.current?.number
    edit.oldestLogNumber = firstLog?.rawValue
    _ = try versions.install(edit)
    memtable = Replay.emptyMemtable(recovery)
  }

  /// What the logs are from now on: live ones keep what is in `memtable`.
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
    if let newest = chain.live.last, let end = chain.end {
      do throws(FileError) {
        let file = try recovery.environment.fileSystem.openForOverwriting(newest.path)
        try file.sync()
        try file.close()
      } catch {
        throw EngineError(error)
      }
      logs.end = end
    }
    return logs
  }
}
