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
  /// Bytes of rows after which the scan is a long one, whose blocks are not worth keeping.
  private static let longByteCount = 512 << 10
  /// Rows without a cell left after which a step pauses; about a millisecond.
  private static let fruitlessRowCount = 4_096

  /// Rows read between two looks at the clock, which costs as much as a row.
  private static let rowsPerLook = 64

  private enum Position {
    /// No cursor: the next step makes one behind the last key.
    case released
    /// The cursor has to go to its first key.
    case seeking
    /// The cursor is on a row that was passed.
    case passed
    case finished
  }

  private let table: Table
  private let request: ScanRequest
  private var position = Position.released
  private var cursor: KeyCursor?
  private var plan: ReadPlan
  /// Of the table's rules when the plan was made.
  private var changeCount: UInt64
  private var lastKey = ByteBuffer()
  private var hasScanned = false
  private var returnedCount = 0
  /// Rows read, whatever was left of them.
  package private(set) var seenRowCount = 0
  private var stretchRows = 0
  private var stretchBytes = 0
  private var stretchStart: UInt64 = 0
  /// Bytes of rows in all stretches.
  private var totalBytes = 0

  init(_ table: Table, _ request: ScanRequest, _ plan: ReadPlan, changeCount: UInt64) {
    self.table = table
    self.plan = plan
    self.changeCount = changeCount
    var request = request
    // Rows that the filter passes over for their keys are not read.
    if let filter = request.options.filter { request.range = filter.rows(of: request.range) }
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
    cursor = nil
  }

  /// Reads the next row into `row`, valid until the scan's next step. After `.wouldBlock`, call
  /// again with `.allowed` where waiting is allowed; nothing is skipped.
  package func next(into row: RowBuffer, wait: ReadWait) throws(TableServiceError) -> ScanStep {
    try next(into: row, wait: wait) { false }
  }

  /// The same row by row for as long as it is told to go on: what a step costs beside its row is
  /// then paid once.
  ///
  /// - Parameter goesOn: Called with each row in the buffer; true lets the next one take its place.
  @inline(__always)
  package func next(
    into row: RowBuffer, wait: ReadWait, goesOn: () -> Bool
  ) throws(TableServiceError) -> ScanStep {
    // What kept the last row alive keeps the next one.
    if let cursor, row.pins.count == 1, row.pins[0] === cursor {
      row.clearCells()
    } else {
      row.clear()
    }
    do throws(TableServiceError) {
      let step = try step(into: row, RowReader.of(row), wait: wait, goesOn)
      if step != .row { row.clear() }
      return step
    } catch {
      row.clear()
      throw error
    }
  }

  private func step(
    into row: RowBuffer, _ reader: RowReader, wait: ReadWait, _ goesOn: () -> Bool
  ) throws(TableServiceError) -> ScanStep {
    try table.checkAlive()
    let plan = try currentPlan(reader)
    let now = table.readTime(plan)
    let limit = request.limit > 0 ? request.limit : .max
    var fruitless = 0
    while true {
      if returnedCount == limit { finish() }
      guard let cursor = try advance(wait: wait) else { return .end }
      if row.pins.count != 1 || row.pins[0] !== cursor { row.pins = [cursor] }
      // Row by row with the same cursor: no references are counted.
      var isOnRow = true
      while isOnRow {
        pass(cursor)
        if try reader.read(at: cursor, plan, now: now, into: row) {
          returnedCount &+= 1
          fruitless = 0
          guard goesOn() else { return .row }
        } else {
          fruitless &+= 1
          if fruitless == RowScan.fruitlessRowCount { return .pause }
        }
        row.clearCells()
        isOnRow = returnedCount == limit ? false : try goOn(cursor)
      }
    }
  }

  /// Counts the row that the cursor stands at, and remembers its key.
  @inline(__always)
  private func pass(_ cursor: KeyCursor) {
    lastKey.clear()
    lastKey.append(short: cursor.key)
    hasScanned = true
    position = .passed
    stretchRows &+= 1
    seenRowCount &+= 1
    stretchBytes &+= cursor.valueByteCount
  }

  /// Moves the cursor to the next row.
  ///
  /// - Returns: False where the stretch ends, or the range.
  @inline(__always)
  private func goOn(_ cursor: KeyCursor) throws(TableServiceError) -> Bool {
    if isStretchOver { return false }
    do throws(EngineError) {
      if request.reversed { try cursor.previous() } else { try cursor.next() }
    } catch {
      throw table.fold(error)
    }
    if cursor.isValid { return true }
    finish()
    return false
  }

  /// The plan under the rules as they are.
  private func currentPlan(_ reader: RowReader) throws(TableServiceError) -> ReadPlan {
    let count = table.rules.changeCount
    if count == changeCount { return plan }
    let fresh = try reader.plan(request.options, in: table.rules)
    plan = fresh
    changeCount = count
    return fresh
  }

  /// The cursor on the next row; nil at the end.
  private func advance(wait: ReadWait) throws(TableServiceError) -> KeyCursor? {
    if position == .passed, isStretchOver { release() }
    do throws(EngineError) {
      if position == .released {
        cursor = makeCursor()
        position = .seeking
      }
      guard position != .finished, let cursor else { return nil }
      cursor.wait = wait
      switch (position, request.reversed) {
      case (.passed, false): try cursor.next()
      case (.passed, true): try cursor.previous()
      case (_, false): try cursor.seekToFirst()
      case (_, true): try cursor.seekToLast()
      }
      if cursor.isValid { return cursor }
      finish()
      return nil
    } catch {
      throw table.fold(error)
    }
  }

  private func finish() {
    position = .finished
    cursor = nil
  }

  private func makeCursor() -> KeyCursor {
    totalBytes &+= stretchBytes
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
      at: table.engine.snapshot(), for: totalBytes < RowScan.longByteCount ? .serving : .scan)
  }

  private var isStretchOver: Bool {
    stretchRows >= RowScan.stretchRowCount || stretchBytes >= RowScan.stretchByteCount
      || stretchRows % RowScan.rowsPerLook == 0
        && table.time.monotonicNanoseconds &- stretchStart >= RowScan.stretchNanoseconds
  }
}
