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
//      memtables: searching those stays within the processor's caches, and several are made side by
//      side while the logs are read. The last one becomes the active memtable, the others are
//      sealed, and the logs stay live until they are written out in the background. Only what is
//      more than writers could ever have left, or than memory takes, is written to level 0 here.
//   6. A new log begins. Its header says where the last one ended, so that end is made durable
//      first, and the log before it where nothing says that it was: written once more and synced.
//      The manifest then says that the new log has begun.

internal import Bytes
internal import CLinux
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
  /// A memtable that is made, or being made.
  private struct Piece {
    let build: MemtableBuild
    /// The log that its first entries are in.
    let log: LiveLog?
    let firstLog: LogNumber
  }

  private let recovery: Recovery
  private let versions: VersionSet
  private let jobs: JobEnvironment
  /// Newest first; known once `run` has returned.
  private(set) var memtables: [LoggedMemtable] = []
  private(set) var lastSequence: SequenceNumber
  private(set) var recordCount = 0
  private(set) var tornByteCount: UInt64 = 0
  /// Oldest first; the last `runningCount` are being made.
  private var pieces: [Piece] = []
  private var runningCount = 0
  /// Bytes of the pieces that are made, and of what the others are made of.
  private var waitingByteCount = 0
  /// Of the newest memtable that is made.
  private var commonKeyPrefix = ByteView()
  /// Memtables made at a time; 0: on this thread.
  private var threadCount = 0

  /// Bytes of logs from which threads pay.
  private static let asideByteCount: UInt64 = 8 << 20
  private static let threadLimit = 4

  init(_ recovery: Recovery, versions: VersionSet, jobs: JobEnvironment) {
    self.recovery = recovery
    self.versions = versions
    self.jobs = jobs
    lastSequence = versions.lastSequence
  }

  /// Bytes that one memtable is made of.
  private var pieceByteCount: Int { Swift.max(1, recovery.options.memtableByteCount / 10) }

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
    if chain.live.reduce(0, { $0 + $1.byteCount }) > Replay.asideByteCount {
      threadCount = Swift.min(Int(strata_usable_cores()), Replay.threadLimit)
    }
    do throws(EngineError) {
      try replay(chain, firstLog: chain.live.first?.number ?? oldest)
    } catch {
      // The first cause counts; no thread is left behind.
      for piece in pieces.suffix(runningCount) { _ = piece.build.wait() }
      throw error
    }
    recordCount = chain.recordCount
    tornByteCount = chain.droppedByteCount
    return try recovered(chain, slotsByPath, oldest: oldest)
  }

  private mutating func replay(_ chain: LogChain, firstLog: LogNumber) throws(EngineError) {
    var piece = makePiece(chain.live.first, firstLog: firstLog)
    while let record = try chain.next() {
      let end = SequenceNumber(record.firstSequence.rawValue + UInt64(record.entryCount) - 1)
      guard end > lastSequence else { continue }
      // Chain and manifest see to it that records are there wholly or not at all; a table file may
      // hold the first entries all the same.
      let known = lastSequence.rawValue + 1
      piece.build.add(
        record.payload, firstSequence: record.firstSequence, entryCount: record.entryCount,
        skipping: Int(known - Swift.min(known, record.firstSequence.rawValue)))
      lastSequence = end
      guard piece.build.byteCount >= pieceByteCount, let log = chain.current else { continue }
      try start(piece, isAside: threadCount > 0)
      if waitingByteCount >= waitingByteLimit || recovery.environment.memory.isFull {
        try flush(goingOnWith: log.number)
      }
      piece = makePiece(log, firstLog: log.number)
    }
    try start(piece, isAside: false)
    try waitForPieces(leaving: 0)
    memtables = pieces.reversed().map { LoggedMemtable($0.build.memtable, firstLog: $0.firstLog) }
  }

  private func makePiece(_ log: LiveLog?, firstLog: LogNumber) -> Piece {
    let memtable = Memtable(
      memory: recovery.environment.memory, merger: recovery.merger,
      commonKeyPrefix: commonKeyPrefix)
    // Nothing is taken for logs that are empty.
    let byteCount = Int(Swift.min(log?.byteCount ?? 0, UInt64(pieceByteCount)))
    return Piece(
      build: MemtableBuild(memtable, byteCount: byteCount), log: log, firstLog: firstLog)
  }

  private mutating func start(_ piece: Piece, isAside: Bool) throws(EngineError) {
    if isAside { try waitForPieces(leaving: threadCount - 1) }
    pieces.append(piece)
    runningCount += 1
    waitingByteCount += piece.build.byteCount
    piece.build.start(isAside: isAside)
    if !isAside, runningCount == 1 { try waitForPieces(leaving: 0) }
  }

  /// Waits until so few are being made, oldest first.
  private mutating func waitForPieces(leaving count: Int) throws(EngineError) {
    while runningCount > count {
      let piece = pieces[pieces.count - runningCount]
      let damage = piece.build.wait()
      runningCount -= 1
      if let damage {
        throw .corrupt(path: piece.log?.path ?? recovery.directory, offset: 0, reason: damage)
      }
      let memtable = piece.build.memtable
      waitingByteCount += memtable.byteCount - piece.build.byteCount
      commonKeyPrefix = memtable.commonKeyPrefix
    }
  }

  /// Writes all memtables to one file of level 0. The log being read stays live: more of its
  /// entries come.
  private mutating func flush(goingOnWith log: LogNumber) throws(EngineError) {
    try waitForPieces(leaving: 0)
    let memtables = pieces.reversed().map(\.build.memtable)
    let last = memtables.map(\.lastSequence).max() ?? .zero
    let job = FlushJob(
      memtables, version: versions.current,
      newer: .from(SequenceNumber(last.rawValue + 1)), environment: jobs)
    var edit = try jobs.flushBudget.hurrying { () throws(EngineError) in try job.run() }.edit
    edit.oldestLogNumber = log.rawValue
    _ = try versions.install(edit)
    pieces = []
    waitingByteCount = 0
    commonKeyPrefix = ByteView()
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
