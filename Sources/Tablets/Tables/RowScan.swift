// Rows of a range in order. The engine's state is pinned only for a stretch: after 4 MiB, 65,536
// rows or 100 ms the scan takes a fresh snapshot and seeks behind its last key, so that a long scan
// keeps neither memtables nor removed files alive.

internal import Bytes
package import DataModel
internal import LSM
internal import Runtime
package import VFS

/// What a step of a scan came to.
package enum ScanStep: Sendable, Equatable {
  /// The buffer holds the next row.
  case row
  /// Nothing more in the range, or the limit is reached.
  case end
  /// Many rows were passed in this step and none had a cell left: let others work (an event loop
  /// turns once), then call again; nothing is lost. `lastScannedKey` has moved.
  case pause
}

/// Rows of a range in order, one at a time. It refreshes its pinned state as it goes, so a slow
/// reader holds little memory: each row is as of one moment, the scan is not.
/// Not safe for concurrent use; may change hands between threads.
package final class RowScan: @unchecked Sendable {
  /// Bytes of rows read, rows, and nanoseconds after which the pinned state is renewed.
  private static let stretchByteCount = 4 << 20
  private static let stretchRowCount = 65_536
  private static let stretchNanoseconds: UInt64 = 100_000_000
  /// Rows without a cell left after which a step pauses; about a millisecond.
  private static let fruitlessRowCount = 4_096

  private enum Position {
    /// No cursor: the next step makes one behind the last key.
    case released
    /// The cursor has to go to its first key.
    case seeking(KeyCursor)
    /// The cursor is on a row that was passed.
    case passed(KeyCursor)
    case finished
  }

  private let table: Table
  private let request: ScanRequest
  private var position = Position.released
  private var lastKey = ByteBuffer()
  private var hasScanned = false
  private var returnedCount = 0
  private var stretchRows = 0
  private var stretchBytes = 0
  private var stretchStart: UInt64 = 0

  init(_ table: Table, _ request: ScanRequest) {
    self.table = table
    self.request = request
    if request.range.isEmpty { position = .finished }
  }

  /// The last row key passed, whether it had cells or not; a page token may continue after it.
  package var lastScannedKey: [UInt8]? { hasScanned ? lastKey.array : nil }

  /// Lets go of the engine's state until the next step; for a scan that waits for its reader. The
  /// last row's views end.
  package func release() {
    if case .finished = position { return }
    position = .released
  }

  /// Reads the next row into `row`, valid until the scan's next step. After `.wouldBlock`, call
  /// again with `.allowed` where waiting is allowed; nothing is skipped.
  package func next(into row: RowBuffer, wait: ReadWait) throws(TableServiceError) -> ScanStep {
    row.clear()
    try table.checkAlive()
    let reader = RowReader.of(row)
    let plan = try reader.plan(request.options, table.rules.value)
    var fruitless = 0
    while true {
      if request.limit > 0, returnedCount == request.limit { position = .finished }
      guard let cursor = try advance(wait: wait) else { return .end }
      lastKey.clear()
      lastKey.append(cursor.key)
      hasScanned = true
      position = .passed(cursor)
      stretchRows += 1
      let operands = cursor.operands
      for operand in operands { stretchBytes += operand.value.count }
      if try reader.read(
        cursor.key, operands, plan, now: table.readTime(plan), into: row)
      {
        row.pins.append(cursor)
        returnedCount += 1
        return .row
      }
      row.clear()
      fruitless += 1
      if fruitless == RowScan.fruitlessRowCount { return .pause }
    }
  }

  /// The cursor on the next row; nil at the end.
  private func advance(wait: ReadWait) throws(TableServiceError) -> KeyCursor? {
    if case .passed = position, isStretchOver { position = .released }
    do throws(EngineError) {
      if case .released = position { position = .seeking(makeCursor()) }
      switch position {
      case .finished, .released: return nil
      case .seeking(let cursor):
        cursor.wait = wait
        if request.reversed { try cursor.seekToLast() } else { try cursor.seekToFirst() }
        return finishing(cursor)
      case .passed(let cursor):
        cursor.wait = wait
        if request.reversed { try cursor.previous() } else { try cursor.next() }
        return finishing(cursor)
      }
    } catch {
      throw table.fold(error)
    }
  }

  private func finishing(_ cursor: KeyCursor) -> KeyCursor? {
    if cursor.isValid { return cursor }
    position = .finished
    return nil
  }

  private func makeCursor() -> KeyCursor {
    stretchRows = 0
    stretchBytes = 0
    stretchStart = table.time.monotonicNanoseconds
    var range = request.range
    if hasScanned {
      if request.reversed { range.upper = lastKey.array } else { range.lower = lastKey.array + [0] }
    }
    // The empty key is no row's (ProducerPositions).
    return table.engine.cursor(
      from: range.lower.flatMap { $0.isEmpty ? nil : $0 } ?? [0], to: range.upper,
      at: table.engine.snapshot())
  }

  private var isStretchOver: Bool {
    stretchRows >= RowScan.stretchRowCount || stretchBytes >= RowScan.stretchByteCount
      || table.time.monotonicNanoseconds &- stretchStart >= RowScan.stretchNanoseconds
  }
}
