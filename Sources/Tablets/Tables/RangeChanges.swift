// What changed lately, and who waits for it: polls of an unchanged range are answered from here
// without reading a cell.
//
// The keys of recent commits are kept (RecentKeys); about what was before, the engine's file
// metadata answers. Nothing is kept until somebody first asks, so a table that nobody polls pays a
// short lock a commit. A commit never waits for a poll that has many keys to look through: under
// the lock that looks at one chunk only.

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

/// Recent commits and waits of one table.
final class RangeChanges: CommitObserver {
  /// Waits a table; each costs a comparison a commit.
  static let waitLimit = 10_000

  private struct Wait {
    let number: UInt64
    let range: RowRange
    let changed: @Sendable () -> Void
  }

  private struct State {
    var recent = RecentKeys(after: .zero)
    var isKept = false
    /// Chunks begun since somebody last asked.
    var unaskedCount = 0
    var waits: [Wait] = []
    var nextWait: UInt64 = 0

    mutating func ask() {
      isKept = true
      unaskedCount = 0
    }
  }

  private let state: Mutex<State>
  /// The newest committed number.
  private let last: Atomic<UInt64>

  init() {
    state = Mutex(State())
    last = Atomic(0)
  }

  /// Every commit up to here has been told.
  var lastSequence: SequenceNumber { SequenceNumber(last.load(ordering: .acquiring)) }

  /// Called once, before the first commit: nothing up to here will be told.
  func begin(after sequence: SequenceNumber) {
    state.withLock { state in
      state.recent.pass(sequence)
      last.store(sequence.rawValue, ordering: .releasing)
    }
  }

  func committed(_ batch: borrowing WriteBatch, first: SequenceNumber) {
    let newest = first.rawValue + UInt64(batch.count) - (batch.isEmpty ? 0 : 1)
    let encoded = batch.encoded
    let fired = state.withLock { state -> [Wait] in
      last.store(newest, ordering: .releasing)
      guard state.isKept || !state.waits.isEmpty else {
        state.recent.pass(SequenceNumber(newest))
        return []
      }
      return Self.record(encoded, first, &state)
    }
    for wait in fired { wait.changed() }
  }

  private static func record(
    _ encoded: ByteView, _ first: SequenceNumber, _ state: inout State
  ) -> [Wait] {
    var reader = WriteBatchReader(encoded)
    var sequence = first
    var fired: [Wait] = []
    // The batch was written by this process: it ends where it should.
    while let entry = try? reader.next() {
      defer { sequence = SequenceNumber(sequence.rawValue + 1) }
      // The empty key is no row's (ProducerPositions).
      if entry.key.isEmpty { continue }
      if state.recent.append(entry.key, sequence) { chunkBegan(&state) }
      if !state.waits.isEmpty { fire(entry.key, &state.waits, &fired) }
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

  /// What nobody asks for is let go of when all of it has been replaced once.
  private static func chunkBegan(_ state: inout State) {
    state.unaskedCount += 1
    guard state.unaskedCount > RecentKeys.chunkCount, state.waits.isEmpty else { return }
    state.recent.forget()
    state.isKept = false
  }

  /// From now on commits are remembered.
  func keep() { state.withLock { $0.ask() } }

  /// Whether something in the range was committed after `sequence`; nil when that is too long ago
  /// to be known here.
  func hasChange(in range: RowRange, after sequence: SequenceNumber) -> Bool? {
    hasKey(after: sequence) { range.contains($0) }
  }

  /// Whether a key that matches was committed after `sequence`; nil when that is too long ago.
  func hasKey(after sequence: SequenceNumber, where matches: (ByteView) -> Bool) -> Bool? {
    if lastSequence <= sequence { return false }
    let (isFound, whole, floor) = state.withLock { state in
      state.ask()
      return (
        state.recent.last.hasKey(after: sequence, where: matches), state.recent.whole,
        state.recent.floor
      )
    }
    if isFound { return true }
    // Each ends with older commits than the next begins with.
    for chunk in whole.reversed() {
      guard let last = chunk.lastSequence, last > sequence else { break }
      if chunk.hasKey(after: sequence, where: matches) { return true }
    }
    return sequence >= floor ? false : nil
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
