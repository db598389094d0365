// Commits one group: the whole write story. It belongs to whoever drains the commit queue, one
// thread at a time.
//
//   1. Each request in turn: a deciding one decides, on all that is before it in the queue; the log
//      makes room (no room refuses the request, without effect); its entries get their numbers, go
//      into the group's log record and into the memtable, where nobody sees them yet.
//   2. One write to the log, and one sync if anybody asked for it.
//   3. The row cache forgets the group's keys; the last number is published: the group is visible.
//   4. The observer is told, then everybody who waits.
//
// A failed log write or sync ends writing for good: what reached the disk is unknown, so nothing of
// the group is ever published and nothing is tried again.

internal import Bytes
internal import Runtime
internal import Synchronization
internal import VFS

/// Writes commit groups. Confined to the thread that has the right to commit.
final class CommitWriter {
  private let state: EngineState
  private let observer: (any CommitObserver)?
  private var lastSequence: SequenceNumber
  /// When the last group was answered.
  private(set) var answeredNanoseconds: UInt64 = 0
  /// How each request of the current group fares: its last number, or why it was refused.
  private var outcomes: [Result<SequenceNumber, EngineError>] = []
  /// Entries of the current group that are not in the memtable yet.
  private var entries: ContiguousArray<MemtableEntry> = []
  /// Of the keys of the current group, for the row cache.
  private var keyHashes: ContiguousArray<UInt64> = []

  /// Unsynced bytes of log at which a sync is started beside the commits, so that a sync that
  /// somebody waits for finds little left.
  static let unsyncedByteLimit: UInt64 = 4 << 20

  init(_ state: EngineState, observer: (any CommitObserver)?, lastSequence: SequenceNumber) {
    self.state = state
    self.observer = observer
    self.lastSequence = lastSequence
  }

  /// Commits the group and answers all of it.
  func commit(_ group: [CommitRequest]) {
    let first = lastSequence
    outcomes.removeAll(keepingCapacity: true)
    keyHashes.removeAll(keepingCapacity: true)
    do throws(EngineError) {
      if let refusal = state.readOnly { throw refusal }
      try makeRoom(for: group.reduce(0) { $0 + $1.expectedByteCount })
      let memtable = state.view.active.memtable
      for request in group { outcomes.append(try admit(request, memtable)) }
      insertEntries(into: memtable)
      try writeLog(from: first) { group.contains { isSynced($0) } }
    } catch {
      let refusal = endWriting(error)
      outcomes = group.map { _ in .failure(refusal) }
      answer(group)
      return
    }
    publish()
    tellObserver(group, from: first)
    answer(group)
  }

  /// Commits a finished batch of whoever has the right to commit and waits for it: a group of one,
  /// without what a queue needs.
  func commit(
    _ batch: borrowing WriteBatch, isSynced: Bool
  ) -> Result<SequenceNumber, EngineError> {
    let start = state.now
    let first = lastSequence
    keyHashes.removeAll(keepingCapacity: true)
    let outcome: Result<SequenceNumber, EngineError>
    do throws(EngineError) {
      if let refusal = state.readOnly { throw refusal }
      try makeRoom(for: batch.byteCount)
      outcome = try take(batch)
      insertEntries(into: state.view.active.memtable)
      try writeLog(from: first) { isSynced }
    } catch {
      count(1, since: start, byteCount: 0)
      return .failure(endWriting(error))
    }
    publish()
    var byteCount = 0
    if case .success = outcome, !batch.isEmpty {
      observer?.committed(batch, first: SequenceNumber(first.rawValue + 1))
      byteCount = batch.byteCount
    }
    count(1, since: start, byteCount: byteCount)
    return outcome
  }

  /// Nothing of the group is ever published.
  ///
  /// - Returns: Why writing has ended.
  private func endWriting(_ error: EngineError) -> EngineError {
    entries.removeAll()
    if state.readOnly == nil { state.becomeReadOnly(error) }
    return state.readOnly ?? error
  }

  /// Step 3.
  private func publish() {
    guard let rows = state.environment.rows, let owner = state.rowOwner else {
      return state.publish(lastSequence)
    }
    let touched = rows.beginChange(keyHashes: keyHashes, owner: owner)
    state.publish(lastSequence)
    rows.endChange(touched)
  }

  /// Does the log take this much more without waiting for the disk?
  func hasRoom(for byteCount: Int) -> Bool {
    state.logs.writer.fits(payloadByteCount: byteCount) || state.logs.isNextReady
  }

  /// Goes on in the next log when a group of so many bytes does not fit this one. While that is
  /// being made ready, and without space for one, the old log goes on, and grows if it can.
  private func makeRoom(for byteCount: Int) throws(EngineError) {
    guard !state.logs.writer.fits(payloadByteCount: byteCount) else { return }
    // A log that holds nothing yet would not fit either: let it grow.
    guard state.logs.writer.byteCount > UInt64(LogFormat.headerByteCount) else { return }
    if state.logs.shouldGrow { return }
    do throws(EngineError) {
      try state.logs.roll()
    } catch {
      guard case .full = error else { throw error }
    }
  }

  /// Step 1. Throws only what ends writing.
  private func admit(
    _ request: CommitRequest, _ memtable: Memtable
  ) throws(EngineError) -> Result<SequenceNumber, EngineError> {
    if let decide = request.decide {
      insertEntries(into: memtable)
      let reader = GroupReader(view: state.view, sequence: lastSequence)
      do {
        try decide(reader, &request.batch)
      } catch {
        return .failure(error as? EngineError ?? .rejected(error))
      }
    }
    return try take(request.batch)
  }

  /// Step 1 of a batch that is decided.
  private func take(
    _ batch: borrowing WriteBatch
  ) throws(EngineError) -> Result<SequenceNumber, EngineError> {
    if batch.isEmpty { return .success(lastSequence) }
    guard batch.byteCount <= Limits.batchByteCount else {
      return .failure(.invalid("a batch of \(batch.byteCount) bytes"))
    }
    let log = state.logs.writer
    // What deciding requests write is not known when a group is formed.
    guard log.mayAdd(payloadByteCount: batch.byteCount) else {
      return .failure(.retryLater("too much is being committed at once"))
    }
    do throws(FileError) {
      try log.reserve(payloadByteCount: batch.byteCount)
    } catch {
      guard error.isOutOfSpace else { throw .file(error) }
      return .failure(.full(path: log.path))
    }
    do throws(FileError) {
      try log.add(batch.encoded, entryCount: batch.count)
    } catch {
      throw .file(error)
    }
    number(batch.encoded)
    return .success(lastSequence)
  }

  /// Gives the entries their numbers. The views last as long as the request, which the group holds.
  private func number(_ encoded: ByteView) {
    var reader = WriteBatchReader(encoded)
    let hashes = state.rowOwner != nil
    do throws(ByteReadError) {
      while let entry = try reader.next() {
        if hashes { keyHashes.append(entry.key.persistedHash) }
        lastSequence = SequenceNumber(lastSequence.rawValue + 1)
        entries.append(
          MemtableEntry(
            kind: entry.kind, key: entry.key, value: entry.value, sequence: lastSequence))
      }
    } catch {
      preconditionFailure("a batch reads as it was written")
    }
  }

  /// All at once where that is possible: their searches then wait for memory together.
  private func insertEntries(into memtable: Memtable) {
    memtable.insert(entries)
    entries.removeAll(keepingCapacity: entries.count <= 1 << 14)
  }

  /// Step 2.
  private func writeLog(
    from first: SequenceNumber, isSynced: () -> Bool
  ) throws(EngineError) {
    let log = state.logs.writer
    guard log.hasPendingEntries else { return }
    do throws(FileError) {
      try log.append(firstSequence: SequenceNumber(first.rawValue + 1))
      guard isSynced() else { return }
      try log.sync()
      state.logs.noteSyncedCommit()
    } catch {
      throw .file(error)
    }
  }

  private func isSynced(_ request: CommitRequest) -> Bool {
    (request.durability ?? state.options.durability) == .sync
  }

  /// True when so much is unsynced that a sync should run beside the commits, or the end of the log
  /// before.
  var wantsSync: Bool {
    let log = state.logs.writer
    let synced = log.syncedByteCount
    return synced == 0 || log.byteCount - synced > CommitWriter.unsyncedByteLimit
  }

  /// True once when the next log should be made ready beside the commits.
  var wantsNextLog: Bool { state.logs.wantsNext }

  private func tellObserver(_ group: [CommitRequest], from first: SequenceNumber) {
    guard let observer else { return }
    var next = SequenceNumber(first.rawValue + 1)
    for (request, outcome) in zip(group, outcomes) where !request.batch.isEmpty {
      guard case .success(let last) = outcome else { continue }
      observer.committed(request.batch, first: next)
      next = SequenceNumber(last.rawValue + 1)
    }
  }

  private func answer(_ group: [CommitRequest]) {
    var byteCount = 0
    var oldest = UInt64.max
    for (request, outcome) in zip(group, outcomes) {
      if case .success = outcome {
        byteCount += request.batch.byteCount
        oldest = min(oldest, request.enqueuedNanoseconds)
      }
    }
    count(group.count, since: oldest, byteCount: byteCount)
    for (request, outcome) in zip(group, outcomes) { request.completion(outcome) }
  }

  /// Counts a group.
  ///
  /// - Parameters:
  ///   - start: When the first of its commits that succeeded was handed in.
  ///   - byteCount: Of those that succeeded.
  private func count(_ commitCount: Int, since start: UInt64, byteCount: Int) {
    let now = state.now
    answeredNanoseconds = now
    let counters = state.counters
    if start < now { counters.longestCommit.max(now &- start, ordering: .relaxed) }
    state.jobs.budget.received(byteCount: byteCount)
    state.jobs.flushBudget.received(byteCount: byteCount)
    counters.bytesCommitted.wrappingAdd(UInt64(byteCount), ordering: .relaxed)
    counters.commits.wrappingAdd(UInt64(commitCount), ordering: .relaxed)
    counters.commitGroups.wrappingAdd(1, ordering: .relaxed)
  }

  /// Makes what nobody has written to for a while small: what is in memory is sealed, the log left.
  /// Between groups.
  func rest() {
    guard state.readOnly == nil else { return }
    do throws(EngineError) {
      try state.logs.rest()
    } catch {
      guard case .full = error else { return state.becomeReadOnly(error) }
    }
    if state.view.active.memtable.isEmpty {
      state.forgetLogsOfEmptyMemtable()
    } else {
      _ = seal()
    }
  }

  /// Seals the active memtable if it holds anything. Between groups.
  ///
  /// - Returns: False when there was nothing to seal, or writing has ended: then the memtable may
  ///   hold entries that were never published.
  func seal() -> Bool {
    guard state.readOnly == nil, !state.view.active.memtable.isEmpty else { return false }
    state.sealActiveMemtable()
    return true
  }
}

/// What a deciding commit reads: everything before it, published or not.
private struct GroupReader: CommitReader {
  let view: ReadView
  let sequence: SequenceNumber
  private let list = OperandList()

  init(view: ReadView, sequence: SequenceNumber) {
    self.view = view
    self.sequence = sequence
  }

  func operands(of key: ByteView) throws(EngineError) -> [Operand] {
    // Earlier answers stay valid until the decision returns, so the list is not cleared.
    let each = OperandList()
    _ = try view.collect(key, at: sequence, wait: .allowed, into: each)
    for pin in each.pins { list.pin(pin) }
    return each.operands
  }
}
