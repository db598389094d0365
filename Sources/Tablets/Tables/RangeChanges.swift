// What changed lately, and who waits for it: polls of an unchanged range are answered from here
// without reading a cell.
//
// The keys of recent commits lie in two segments; when the newer is full the older is forgotten
// and the floor rises: about what was before, the engine's file metadata answers. Nothing is kept
// until somebody first asks, so a table that nobody polls pays a short lock a commit.

internal import Bytes
internal import DataModel
internal import LSM
internal import Synchronization

/// The state of a range at a moment, for `ETag`: equal versions mean equal answers.
package struct RangeVersion: Sendable, Hashable {
  /// Changes with every open of the table, every schema change and every collection of cells that
  /// a reader could see.
  package var epoch: UInt64
  package var sequence: UInt64
  package init(epoch: UInt64, sequence: UInt64) {
    self.epoch = epoch
    self.sequence = sequence
  }
}

/// A waiting `onChange`.
package final class ChangeWait: Sendable {
  let number: UInt64
  private let changes: RangeChanges

  init(number: UInt64, changes: RangeChanges) {
    self.number = number
    self.changes = changes
  }

  /// Lets go of the wait; the call may still be on its way.
  package func cancel() { changes.cancel(number) }
}

/// Keys of recent commits of one table.
private struct ChangeSegment: ~Copyable {
  /// Half of 65,536 keys and 4 MiB a table: minutes of a busy stream, without weight in a budget.
  static let keyCount = 32_768
  static let byteCount = 2 << 20

  private var keys = ByteBuffer()
  private var entries: ContiguousArray<(sequence: UInt64, offset: Int, count: Int)> = []

  init() {}

  var isFull: Bool {
    entries.count >= ChangeSegment.keyCount || keys.count >= ChangeSegment.byteCount
  }

  var lastSequence: UInt64? { entries.last?.sequence }

  mutating func append(_ key: ByteView, _ sequence: UInt64) {
    entries.append((sequence: sequence, offset: keys.count, count: key.count))
    keys.append(key)
  }

  mutating func removeAll() {
    keys.clear()
    entries.removeAll(keepingCapacity: true)
  }

  /// Whether a key in the range was committed after `sequence`.
  borrowing func hasChange(in range: RowRange, after sequence: UInt64) -> Bool {
    var index = entries.count - 1
    let bytes = keys.view
    while index >= 0, entries[index].sequence > sequence {
      let entry = entries[index]
      if range.contains(bytes[entry.offset..<entry.offset + entry.count]) { return true }
      index -= 1
    }
    return false
  }
}

/// Recent commits and waits of one table.
final class RangeChanges: CommitObserver {
  /// Waits a table; each costs a comparison a commit.
  static let waitLimit = 10_000

  private struct Wait {
    let number: UInt64
    let range: RowRange
    let changed: @Sendable () -> Void
  }

  private struct State: ~Copyable {
    var newer = ChangeSegment()
    var older = ChangeSegment()
    /// Commits up to here are not in the segments.
    var floor: UInt64
    var isKept = false
    /// Nobody has asked since the last turn of the segments.
    var isUnasked = true
    var waits: [Wait] = []
    var nextWait: UInt64 = 0
  }

  private let state: Mutex<State>
  /// The newest committed number.
  private let last: Atomic<UInt64>

  init() {
    state = Mutex(State(floor: 0))
    last = Atomic(0)
  }

  /// Every commit up to here has been told.
  var lastSequence: UInt64 { last.load(ordering: .acquiring) }

  /// Called once, before the first commit: nothing up to here will be told.
  func begin(after sequence: SequenceNumber) {
    state.withLock { state in
      state.floor = sequence.rawValue
      last.store(sequence.rawValue, ordering: .releasing)
    }
  }

  func committed(_ batch: borrowing WriteBatch, first: SequenceNumber) {
    let newest = first.rawValue + UInt64(batch.count) - (batch.isEmpty ? 0 : 1)
    let encoded = batch.encoded
    let fired = state.withLock { state -> [Wait] in
      last.store(newest, ordering: .releasing)
      guard state.isKept || !state.waits.isEmpty else {
        state.floor = newest
        return []
      }
      return Self.record(encoded, first.rawValue, &state)
    }
    for wait in fired { wait.changed() }
  }

  private static func record(
    _ encoded: ByteView, _ first: UInt64, _ state: inout State
  ) -> [Wait] {
    var reader = WriteBatchReader(encoded)
    var sequence = first
    var fired: [Wait] = []
    // The batch was written by this process: it ends where it should.
    while let entry = try? reader.next() {
      if state.newer.isFull { turn(&state) }
      state.newer.append(entry.key, sequence)
      if !state.waits.isEmpty { fire(entry.key, &state.waits, &fired) }
      sequence += 1
    }
    return fired
  }

  private static func fire(_ key: ByteView, _ waits: inout [Wait], _ fired: inout [Wait]) {
    waits.removeAll { wait in
      guard wait.range.contains(key) else { return false }
      fired.append(wait)
      return true
    }
  }

  /// The older segment is forgotten.
  private static func turn(_ state: inout State) {
    state.floor = state.older.lastSequence ?? state.floor
    swap(&state.older, &state.newer)
    state.newer.removeAll()
    if state.isUnasked, state.waits.isEmpty {
      state.floor = state.older.lastSequence ?? state.floor
      state.older.removeAll()
      state.isKept = false
    }
    state.isUnasked = true
  }

  /// From now on commits are remembered.
  func keep() {
    state.withLock { state in
      state.isKept = true
      state.isUnasked = false
    }
  }

  /// Whether something in the range was committed after `sequence`; nil when that is too long ago
  /// to be known here.
  func hasChange(in range: RowRange, after sequence: UInt64) -> Bool? {
    if last.load(ordering: .acquiring) <= sequence { return false }
    return state.withLock { state in
      state.isKept = true
      state.isUnasked = false
      if state.newer.hasChange(in: range, after: sequence) { return true }
      if state.older.hasChange(in: range, after: sequence) { return true }
      return sequence >= state.floor ? false : nil
    }
  }

  /// Registers a wait; nil when there are too many.
  func wait(
    for range: RowRange, _ changed: @escaping @Sendable () -> Void
  ) -> ChangeWait? {
    state.withLock { state in
      guard state.waits.count < RangeChanges.waitLimit else { return nil }
      state.nextWait += 1
      state.waits.append(Wait(number: state.nextWait, range: range, changed: changed))
      return ChangeWait(number: state.nextWait, changes: self)
    }
  }

  func cancel(_ number: UInt64) { _ = take(number) }

  /// Removes a wait that has not been called yet and calls it.
  func fire(_ wait: ChangeWait) { take(wait.number)?.changed() }

  private func take(_ number: UInt64) -> Wait? {
    state.withLock { state in
      guard let index = state.waits.firstIndex(where: { $0.number == number }) else { return nil }
      return state.waits.remove(at: index)
    }
  }

  /// Calls everyone who waits: the schema changed, cells were collected, or the table is gone.
  func fireAll() {
    let fired = state.withLock { state in
      let waits = state.waits
      state.waits.removeAll()
      return waits
    }
    for wait in fired { wait.changed() }
  }
}
