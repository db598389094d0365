// One sorted level as one cursor: a position in one of its table files, which follow one another
// without overlap. A file is opened when the cursor reaches it.

package import Bytes
package import VFS

/// Entries of table files that do not overlap, in key order.
package final class LevelCursor: EntryCursor, EntrySource {
  private let handles: [TableHandle]
  private let purpose: CursorPurpose
  /// The file the cursor is in; meaningful while `table` is set.
  private var position = 0
  private var table: TableCursor? {
    didSet { current = table.map { Unmanaged.passUnretained($0) } }
  }
  /// The same, for calls an entry without counting references.
  private(set) var current: Unmanaged<TableCursor>?

  package var wait: ReadWait = .allowed {
    didSet { table?.wait = wait }
  }

  /// - Parameter handles: Sorted by key, not overlapping.
  package init(_ handles: [TableHandle], purpose: CursorPurpose) {
    self.handles = handles
    self.purpose = purpose
  }

  package var isValid: Bool { current?._withUnsafeGuaranteedRef { $0.isValid } ?? false }
  package var key: ByteView { current?._withUnsafeGuaranteedRef { $0.key } ?? ByteView() }
  package var kind: EntryKind { current?._withUnsafeGuaranteedRef { $0.kind } ?? .put }
  package var value: ByteView { current?._withUnsafeGuaranteedRef { $0.value } ?? ByteView() }
  package var hasUniqueKeys: Bool { true }

  package func pinCurrent(into pins: inout [AnyObject]) { table?.pinCurrent(into: &pins) }

  package func seek(to key: ByteView) throws(EngineError) {
    try aim(at: key)
    try enter()
    try land(at: key)
  }

  /// A seek in pieces, see `TableCursor.aim`: `aim`, `approach`, `enter`, `land`.
  func aim(at key: ByteView) throws(EngineError) {
    try open(TableHandle.firstIndex(reaching: key, in: handles))
    try current?.borrowed { (table) throws(EngineError) in try table.aim(at: key) }
  }

  func approach() { current?._withUnsafeGuaranteedRef { $0.approach() } }

  func enter() throws(EngineError) {
    try current?.borrowed { (table) throws(EngineError) in try table.enter() }
  }

  func land(at key: ByteView) throws(EngineError) {
    try current?.borrowed { (table) throws(EngineError) in try table.land(at: key) }
    try skipToNextFile()
  }

  package func seekToFirst() throws(EngineError) {
    try open(0)
    try table?.seekToFirst()
    try skipToNextFile()
  }

  package func seek(before key: ByteView) throws(EngineError) {
    let reaching = TableHandle.firstIndex(reaching: key, in: handles)
    // The file that reaches `key` may begin at or after it; then the file before is meant.
    let isWithin = reaching < handles.count && handles[reaching].smallestKey < key
    try open(isWithin ? reaching : reaching - 1)
    try table?.seek(before: key)
    try skipToPreviousFile()
  }

  package func seekToLast() throws(EngineError) {
    try open(handles.count - 1)
    try table?.seekToLast()
    try skipToPreviousFile()
  }

  package func next() throws(EngineError) {
    guard let current else { preconditionFailure("next needs a position") }
    try current.borrowed { (table) throws(EngineError) in try table.next() }
    try skipToNextFile()
  }

  /// As `TableCursor.stepWithinBlock`.
  @inline(__always)
  func stepWithinBlock() -> Bool {
    current?._withUnsafeGuaranteedRef { $0.stepWithinBlock() } ?? false
  }

  package func previousKey() throws(EngineError) {
    guard let table else { preconditionFailure("previousKey needs a position") }
    try table.previousKey()
    try skipToPreviousFile()
  }

  func take(into batch: inout EntryBatch) throws(EngineError) {
    guard let table else { return batch.clear() }
    try table.take(into: &batch)
    try skipToNextFile()
  }

  /// Goes over to a file, without a position in it; to none past either end.
  private func open(_ index: Int) throws(EngineError) {
    guard handles.indices.contains(index) else {
      table = nil
      return
    }
    if current != nil, position == index { return }
    let reader: TableReader
    do throws(EngineError) { reader = try handles[index].reader(wait: wait) } catch {
      table = nil
      throw error
    }
    position = index
    if let table { return table.open(reader) }
    let fresh = reader.cursor(purpose)
    fresh.wait = wait
    table = fresh
  }

  /// Lets go of blocks, and so of the position.
  func close() { table?.close() }

  private func skipToNextFile() throws(EngineError) {
    while current != nil, !isValid {
      try open(position + 1)
      try table?.seekToFirst()
    }
  }

  private func skipToPreviousFile() throws(EngineError) {
    while current != nil, !isValid {
      try open(position - 1)
      try table?.seekToLast()
    }
  }
}
