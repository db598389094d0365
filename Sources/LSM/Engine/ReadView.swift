// What a read sees: memtables and table files of one moment, pinned by whoever holds the object.
// All of it is immutable but the active memtable, of which a snapshot sees the entries up to its
// sequence number.

internal import Bytes
internal import VFS

/// A memtable and the first log that holds entries of it.
final class LoggedMemtable: Sendable {
  let memtable: Memtable
  /// Logs before this one hold no entry of the memtable.
  let firstLog: LogNumber

  init(_ memtable: Memtable, firstLog: LogNumber) {
    self.memtable = memtable
    self.firstLog = firstLog
  }
}

/// Memtables and table files that are the store at one moment.
final class ReadView: Sendable {
  let active: LoggedMemtable
  /// Newest first; on their way to level 0.
  let sealed: [LoggedMemtable]
  let version: Version
  /// Keys that were deleted and left no trace in a table file had no entry above this one.
  let droppedUpTo: SequenceNumber
  private let files: FileRanges
  /// What cursors over these sources have left.
  private let pool = CursorPool()

  init(
    active: LoggedMemtable, sealed: [LoggedMemtable], version: Version,
    droppedUpTo: SequenceNumber = .zero
  ) {
    self.active = active
    self.sealed = sealed
    self.version = version
    files = FileRanges(version.levels.map(\.handles))
    self.droppedUpTo = droppedUpTo
  }

  /// Does a memtable hold entries up to this one?
  func holdsInMemory(upTo sequence: SequenceNumber) -> Bool {
    let oldest = (sealed.last ?? active).memtable
    return !oldest.isEmpty && oldest.firstSequence <= sequence
  }

  /// Logs before this one hold nothing that is not in a table file.
  var oldestLog: LogNumber { (sealed.last ?? active).firstLog }

  /// Collects the operands of `key` up to `sequence`, newest first: the whole story of a point
  /// read. Sources are asked from new to old, until one hides what is older.
  func collect(
    _ key: ByteView, hash known: UInt64? = nil, at sequence: SequenceNumber, wait: ReadWait,
    into list: OperandList
  ) throws(EngineError) -> Lookup {
    let isDecided = list.appending { operands in
      let newest = active.memtable
      if !newest.isEmpty, newest.collect(key: key, at: sequence, into: &operands) { return true }
      for sealed in sealed {
        if sealed.memtable.collect(key: key, at: sequence, into: &operands) { return true }
      }
      return false
    }
    if !list.isEmpty { list.pin(self) }
    if isDecided { return list.lookup }
    let hash = known ?? key.persistedHash
    try files.collect(key, hash: hash, wait: wait, into: list)
    return list.lookup
  }

  /// Entries of memtables that the processor's cache holds, roughly.
  private static let quickEntryCount = 4_096
  private static let quickFileCount = 4

  /// Whether filters say that a key is absent about as quickly as the row cache would: then that
  /// has better use for its room.
  var refusesQuickly: Bool {
    sealed.isEmpty && active.memtable.entryCount <= ReadView.quickEntryCount
      && version.levels[0].handles.count <= ReadView.quickFileCount
  }

  /// A cursor for each source, newest first.
  func cursors(
    at sequence: SequenceNumber, for purpose: CursorPurpose
  ) -> [any EntryCursor] {
    var sources: [any EntryCursor] = []
    sources.reserveCapacity(
      1 + sealed.count + version.levels[0].handles.count + version.levels.count)
    sources.append(active.memtable.cursor(at: sequence))
    for sealed in sealed { sources.append(sealed.memtable.cursor(at: sequence)) }
    for table in version.levels[0].handles {
      sources.append(LevelCursor([table], purpose: purpose))
    }
    for level in version.levels.dropFirst() where !level.handles.isEmpty {
      sources.append(LevelCursor(level.handles, purpose: purpose))
    }
    return sources
  }

  /// What a cursor over all sources is made of, and the pool it goes to afterwards.
  func cursorParts(
    at sequence: SequenceNumber, for purpose: CursorPurpose
  ) -> (parts: CursorParts, pool: CursorPool?) {
    guard purpose == .serving else {
      return (CursorParts(cursors(at: sequence, for: purpose)), nil)
    }
    guard let parts = pool.take() else {
      return (CursorParts(cursors(at: sequence, for: purpose)), pool)
    }
    parts.merged.see(upTo: sequence)
    return (parts, pool)
  }

  /// An upper bound of the numbers of entries with keys in [`lower`, `upper`).
  func newestSequence(from lower: ByteView?, to upper: ByteView?) -> SequenceNumber {
    // A key that is gone altogether is in no file's range, and its deletion was a change.
    var newest = max(droppedUpTo, active.memtable.newestSequence(from: lower, to: upper))
    for sealed in sealed {
      newest = max(newest, sealed.memtable.newestSequence(from: lower, to: upper))
    }
    version.forEachFile { _, file in
      let table = file.metadata
      if let upper, table.compareSmallest(to: upper) >= 0 { return }
      if let lower, table.compareLargest(to: lower) < 0 { return }
      newest = max(newest, table.largestSequence)
    }
    return newest
  }
}

/// A pinned state: what was committed up to `sequence`.
package final class Snapshot: Sendable {
  let view: ReadView
  package let sequence: SequenceNumber

  init(_ view: ReadView, sequence: SequenceNumber) {
    self.view = view
    self.sequence = sequence
  }
}

extension Snapshot {
  /// For jobs that ask what is newer than what they merge.
  var store: NewerSources.Store {
    NewerSources.Store(
      memtables: [view.active.memtable] + view.sealed.map(\.memtable), version: view.version,
      sequence: sequence)
  }
}
