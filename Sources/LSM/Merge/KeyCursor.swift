// Visible keys of a snapshot's sources, each with the operands that make up its state. Keys whose
// newest operand is a delete are passed over; bounds are [lower, upper).
//
// A step that throws leaves the cursor between keys: it remembers the key it left and which way it
// went, and the next step seeks from there. So a step refused with `.wouldBlock` on an event loop
// can be repeated by a thread that may wait, and nothing is skipped or seen twice.

package import Bytes
package import VFS

/// Walks visible keys with their operands, either way. Not safe for concurrent use; may change
/// hands between threads, one at a time.
package final class KeyCursor: @unchecked Sendable {
  // Sendable by the promise above: the owner hands it on with synchronisation of his own.

  private enum State {
    /// Not positioned, or past an end.
    case nowhere
    case atKey
    /// A step away from `leftKey` has failed.
    case interrupted
    /// A step on to `leftKey` has failed.
    case arriving
  }

  private let parts: CursorParts
  /// Of `parts`.
  private let merged: MergingCursor
  private let pin: AnyObject?
  /// Where the parts go afterwards.
  private let pool: CursorPool?
  private let lower: Block?
  private let upper: Block?
  private var state = State.nowhere
  /// Whether the current key's newest entry is all there is to it; else `parts` has its operands.
  private var isSingle = false

  /// - Parameters:
  ///   - parts: Of sources newest first; see `MergingCursor`.
  ///   - pool: Where they go afterwards; nil lets them go.
  ///   - lower: First key that may be seen; nil for no bound.
  ///   - upper: First key that may not be seen; nil for no bound.
  ///   - pin: Kept as long as the cursor: what the sources borrow from (a snapshot).
  package init(
    _ parts: CursorParts, pool: CursorPool? = nil, from lower: [UInt8]?, to upper: [UInt8]?,
    pin: AnyObject?
  ) {
    self.parts = parts
    merged = parts.merged
    self.pool = pool
    self.pin = pin
    self.lower = lower.map { ByteView.of($0) { Block(copying: $0) } }
    self.upper = upper.map { ByteView.of($0) { Block(copying: $0) } }
    merged.stop = self.upper?.view
  }

  deinit { pool?.give(parts) }

  package var isValid: Bool { state == .atKey }

  /// Valid until the next move.
  package var key: ByteView { merged.key }

  /// The current key's operands, newest first; never only a `delete` (such keys are skipped).
  /// Meaningful while the cursor is valid; the bytes stay until the next move.
  package var operands: [Operand] {
    if isSingle { parts.setOperands(to: newest) }
    return parts.operands
  }

  /// The only one of them; nil where there are several. Nothing is put together for it.
  @inline(__always)
  package var single: Operand? { isSingle ? newest : nil }

  /// What the merge stands at, where it has not gone on to older entries of the key.
  @inline(__always)
  private var newest: Operand { Operand(kind: merged.kind, value: merged.value) }

  /// Bytes of the operands' values.
  package var valueByteCount: Int {
    isSingle ? merged.value.count : parts.operands.reduce(0) { $0 &+ $1.value.count }
  }

  /// May steps wait for the disk? Set before a step.
  package var wait: ReadWait {
    get { merged.wait }
    set { if merged.wait != newValue { merged.wait = newValue } }
  }

  /// Appends what keeps the bytes of the current operands (not of the key) alive past the next
  /// move.
  package func pinCurrent(into pins: inout [AnyObject]) { merged.pinKey(into: &pins) }

  // MARK: - Seeks

  /// To the first visible key at or after `key`.
  package func seek(to key: ByteView) throws(EngineError) {
    leave()
    if let lower, key < lower.view {
      try merged.seek(to: lower.view)
    } else {
      try merged.seek(to: key)
    }
    try settleForward()
  }

  package func seekToFirst() throws(EngineError) {
    leave()
    if let lower { try merged.seek(to: lower.view) } else { try merged.seekToFirst() }
    try settleForward()
  }

  /// To the last visible key before `key`.
  package func seek(before key: ByteView) throws(EngineError) {
    leave()
    if let upper, key > upper.view {
      try merged.seek(before: upper.view)
    } else {
      try merged.seek(before: key)
    }
    try settleBackward()
  }

  package func seekToLast() throws(EngineError) {
    leave()
    if let upper { try merged.seek(before: upper.view) } else { try merged.seekToLast() }
    try settleBackward()
  }

  // MARK: - Steps

  /// To the next visible key. After `.wouldBlock`: set `wait` to `.allowed` and call the same step
  /// again; it resumes.
  package func next() throws(EngineError) {
    while state == .atKey, merged.nextKeyOfRun() {
      if !merged.isBeforeStop, let upper, merged.key >= upper.view { return leave() }
      if merged.kind == .delete { continue }
      if merged.kind == .put {
        isSingle = true
      } else {
        try arrive()
      }
      return
    }
    try nextAnywhere()
  }

  /// Gathers the operands of a key that a step has reached.
  private func arrive() throws(EngineError) {
    if !merged.isInRun { note(merged.key) }
    do throws(EngineError) { _ = try collect() } catch {
      state = .arriving
      throw error
    }
  }

  private func nextAnywhere() throws(EngineError) {
    let isArriving = state == .arriving
    let isResumed = try begin()
    do throws(EngineError) {
      if isResumed {
        let left = parts.leftKey.view
        try merged.seek(to: left)
        if !isArriving, merged.isValid, merged.key == left { try merged.nextKey() }
      } else {
        try merged.nextKey()
      }
      try settleForward()
    } catch {
      throw interrupted(error)
    }
  }

  /// To the previous visible key; resumes as `next` does.
  package func previous() throws(EngineError) {
    let isResumed = try begin()
    do throws(EngineError) {
      if isResumed {
        try merged.seek(before: parts.leftKey.view)
      } else {
        try merged.previousKey()
      }
      try settleBackward()
    } catch {
      throw interrupted(error)
    }
  }

  /// Starts a step; true when it resumes one that failed.
  private func begin() throws(EngineError) -> Bool {
    switch state {
    case .nowhere:
      throw .invalid("a key cursor moves without a position")
    case .interrupted, .arriving:
      return true
    case .atKey:
      note(merged.key)
      leave()
      return false
    }
  }

  private func note(_ key: ByteView) {
    parts.leftKey.clear()
    parts.leftKey.append(key)
  }

  private func leave() { state = .nowhere }

  private func interrupted(_ error: EngineError) -> EngineError {
    state = .interrupted
    return error
  }

  /// Goes on to the first key that is not deleted, and stops at the upper bound.
  private func settleForward() throws(EngineError) {
    while merged.isValid {
      if let upper, merged.key >= upper.view { break }
      if try collect() {
        state = .atKey
        return
      }
      try merged.nextKey()
    }
    leave()
  }

  private func settleBackward() throws(EngineError) {
    while merged.isValid {
      if let lower, merged.key < lower.view { break }
      if try collect() {
        state = .atKey
        return
      }
      try merged.previousKey()
    }
    leave()
  }

  /// Gathers the current key's operands; false when it is deleted.
  private func collect() throws(EngineError) -> Bool {
    isSingle = true
    let newest = newest
    if newest.kind == .delete { return false }
    if newest.kind.hidesOlder { return true }
    while try merged.nextEntryOfKey() {
      if isSingle {
        isSingle = false
        parts.setOperands(to: newest)
      }
      let kind = merged.kind
      parts.operands.append(Operand(kind: kind, value: merged.value))
      if kind.hidesOlder { break }
    }
    return true
  }
}
