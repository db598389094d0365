// One engine: one directory of sorted bytes. The read story is ReadView.collect, the write story
// CommitWriter.commit, the opening Recovery.run; what happens beside them is BackgroundWork.

package import Bytes
internal import Runtime
package import VFS

/// Sorted bytes in, sorted bytes out. Safe for concurrent use.
package final class Engine: Sendable {
  private let state: EngineState
  private let queue: CommitQueue
  private let background: BackgroundWork
  /// The state's, for reads that count no references.
  private let rows: Unmanaged<RowCache>?
  private let rowOwner: Unmanaged<RowCacheOwner>?

  /// Opens the engine in `directory`, recovering what the last process left. The caller sees to it
  /// that no other engine has the directory.
  ///
  /// - Parameter mayCreate: Whether a missing or empty directory becomes a new engine; else it is
  ///   one whose files are lost, `.corrupt`.
  package static func open(
    _ directory: String, environment: EngineEnvironment, options: EngineOptions,
    merger: any ValueMerger, mayCreate: Bool = true, observer: (any CommitObserver)? = nil
  ) throws(EngineError) -> Engine {
    let recovery = Recovery(
      directory: directory, environment: environment, options: options, merger: merger,
      mayCreate: mayCreate)
    return Engine(try recovery.run(), observer: observer)
  }

  private init(_ state: EngineState, observer: (any CommitObserver)?) {
    self.state = state
    rows = state.environment.rows.map { Unmanaged.passUnretained($0) }
    rowOwner = state.rowOwner.map { Unmanaged.passUnretained($0) }
    let throttle = WriteThrottle(memory: state.environment.memory)
    background = BackgroundWork(state, throttle: throttle)
    let writer = CommitWriter(
      state, observer: observer, lastSequence: state.publishedSequence)
    queue = CommitQueue(state, writer: writer, throttle: throttle, background: background)
    background.queue = queue
    state.environment.memory.register(background)
    background.start()
  }

  // MARK: Writing

  /// Queues a commit; answered through its completion, in the order of durability.
  package func commit(_ request: CommitRequest) { queue.submit(request) }

  /// Commits and waits; for tests and tools, never on an event loop.
  package func commitAndWait(
    _ batch: consuming WriteBatch, durability: Durability? = nil
  ) throws(EngineError) -> SequenceNumber {
    if let outcome = queue.commitAtOnce(batch, durability: durability) {
      return try outcome.get()
    }
    let answer = CommitAnswer()
    queue.submitAndWait(
      CommitRequest(batch, durability: durability) { answer.set($0) }, answered: answer.latch)
    return try answer.result.get()
  }

  // MARK: Reading

  /// The newest published state, pinned: memtables and table files stay until it is released.
  /// Hold it for one request, not for a long scan (it keeps memory).
  package func snapshot() -> Snapshot { state.snapshot() }

  /// Collects the operands of `key` into `operands` (cleared first), newest first, stopping at one
  /// that hides older ones. Views in it stay valid until `operands` is cleared or released.
  /// Throws `.wouldBlock` only when `wait` is `.forbidden`.
  package func get(
    _ key: ByteView, at snapshot: Snapshot, wait: ReadWait, into operands: OperandList
  ) throws(EngineError) -> Lookup {
    operands.clear()
    return try snapshot.view.collect(key, at: snapshot.sequence, wait: wait, into: operands)
  }

  /// The same for the newest published state, from the row cache where that has it.
  package func read(
    _ key: ByteView, wait: ReadWait, into operands: OperandList
  ) throws(EngineError) -> Lookup {
    operands.clear()
    guard let rows, let rowOwner else {
      return try get(key, at: snapshot(), wait: wait, into: operands)
    }
    let hash = key.persistedHash
    let found = rows._withUnsafeGuaranteedRef { rows in
      rowOwner._withUnsafeGuaranteedRef {
        rows.find(key, keyHash: hash, owner: $0, into: operands)
      }
    }
    switch found {
    case .hit(let lookup): return lookup
    case .miss(let ticket):
      // After the ticket: see RowCache.
      let now = state.published
      let lookup = try now.view.collect(
        key, hash: hash, at: now.sequence, wait: wait, into: operands)
      if let ticket, !operands.isEmpty || operands.blockCount > 0 || !now.view.refusesQuickly {
        rows._withUnsafeGuaranteedRef { $0.insert(key, operands, ticket) }
      }
      return lookup
    }
  }

  /// Begins to fetch what a `read` of the keys will touch, so that many reads wait together.
  package func prefetch(_ keys: [ByteView]) {
    guard let rows, let rowOwner else { return }
    rows._withUnsafeGuaranteedRef { rows in
      rowOwner._withUnsafeGuaranteedRef { owner in
        for key in keys { rows.prefetch(keyHash: key.persistedHash, owner: owner) }
        for key in keys { rows.prefetchEntry(keyHash: key.persistedHash, owner: owner) }
      }
    }
  }

  /// A cursor over the visible keys in [`lower`, `upper`) at the snapshot, which it retains.
  package func cursor(
    from lower: [UInt8]?, to upper: [UInt8]?, at snapshot: Snapshot,
    for purpose: CursorPurpose = .serving
  ) -> KeyCursor {
    let (parts, pool) = snapshot.view.cursorParts(at: snapshot.sequence, for: purpose)
    return KeyCursor(parts, pool: pool, from: lower, to: upper, pin: snapshot)
  }

  /// Highest sequence number that may have touched a key in the range, from memtables' and table
  /// files' metadata only (no block is read): an upper bound, never above what is published.
  package func newestSequence(from lower: [UInt8]?, to upper: [UInt8]?) -> SequenceNumber {
    let now = state.snapshot()
    let newest = ByteView.of(lower ?? []) { lowerView in
      ByteView.of(upper ?? []) { upperView in
        now.view.newestSequence(
          from: lower == nil ? nil : lowerView, to: upper == nil ? nil : upperView)
      }
    }
    return min(newest, now.sequence)
  }

  // MARK: Tidying up

  /// Writes memtables out and waits.
  package func flush() throws(EngineError) { try background.flushAll() }
  /// Rewrites every table file through the merger and waits; tombstones and doomed values go.
  package func compactAll() throws(EngineError) { try background.compactAll() }
  /// Takes all keys of the range away for good, and waits. What lies within a table file that has
  /// no other keys goes with the file, unread; the files at the ends of the range are written anew.
  /// Commits meanwhile may or may not be among what goes.
  package func removeAll(in range: KeyRange) throws(EngineError) {
    try background.removeAll(in: range)
  }
  /// Asks for the same in the background, oldest files first, within the I/O budget.
  package func requestFullCompaction() { background.requestRewrite() }
  /// Asks for files that were written before this time, microseconds since 1970, to be written
  /// anew through the merger, in the background.
  package func requestCompaction(ofFilesWrittenBefore time: Int64) {
    background.requestRewrite(ofFilesWrittenBefore: time)
  }

  /// Keys that cut the table files into stretches of at least `byteCount`, ascending, each with the
  /// bytes before it, from the files' metadata only. Of a level that overlaps others its files'
  /// largest keys are taken; what is in memory counts nowhere.
  package func boundaries(every byteCount: UInt64) -> [(key: [UInt8], offset: UInt64)] {
    var files: [TableMetadata] = []
    state.snapshot().view.version.forEachFile { _, file in files.append(file.metadata) }
    files.sort { $0.largestKey.lexicographicallyPrecedes($1.largestKey) }
    var boundaries: [(key: [UInt8], offset: UInt64)] = []
    var offset: UInt64 = 0
    var last: UInt64 = 0
    for file in files {
      offset &+= file.byteCount
      guard offset - last >= byteCount, boundaries.last?.key != file.largestKey else { continue }
      boundaries.append((file.largestKey, offset))
      last = offset
    }
    return boundaries
  }

  package var statistics: EngineStatistics {
    var statistics = EngineStatistics()
    let now = state.snapshot()
    statistics.levels = now.view.version.levels.map { level in
      .init(
        fileCount: level.files.count, byteCount: level.byteCount, entryCount: level.entryCount)
    }
    statistics.oldestFileMicroseconds = now.view.version.oldestFileMicroseconds
    statistics.sealedMemtableCount = now.view.sealed.count
    for memtable in [now.view.active] + now.view.sealed {
      statistics.memtableByteCount += memtable.memtable.byteCount
      statistics.memtableEntryCount += memtable.memtable.entryCount
    }
    statistics.logByteCount = state.logs.liveByteCount
    statistics.bytesLogged = state.logs.writtenByteCount
    statistics.lastSequence = now.sequence
    statistics.isReadOnly = state.readOnly != nil
    statistics.compactionDebtByteCount = background.debtByteCount
    state.counters.fill(&statistics)
    return statistics
  }

  /// Finishes what is queued, flushes, closes. Later calls throw `.closed`.
  package func close() throws(EngineError) {
    guard queue.close() else { return }
    var failure: EngineError?
    do throws(EngineError) { try background.close() } catch { failure = error }
    do throws(EngineError) {
      try state.logs.close()
      try state.versions.close()
    } catch {
      // A log or manifest that failed earlier fails again here, and was reported then.
      if state.readOnly == nil { failure = failure ?? error }
    }
    if let failure { throw failure }
  }
}

/// The answer of a commit that somebody waits for. `@unchecked`: `result` is set before the latch
/// opens and read after.
private final class CommitAnswer: @unchecked Sendable {
  let latch = Latch()
  private(set) var result: Result<SequenceNumber, EngineError> = .failure(.closed)

  func set(_ result: Result<SequenceNumber, EngineError>) {
    self.result = result
    latch.open()
  }
}
