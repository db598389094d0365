// A position in a table file, moving either way: three block cursors, one under the other.
//
//   top index (in memory) ─► index block ─► data block ─► entry
//
// Index keys are at or after the last key of the block below and before the next block's first, so
// a seek may land behind the last entry of a block; the next block's first entry is then meant.
//
// A read that has walked through many blocks in a row is a scan: it goes on in larger pieces, uses
// what the cache has without a trace, and gives the cache only what that has room for.

package import Bytes
package import VFS

/// Entries of one table file.
package final class TableCursor: EntryCursor {
  private let reader: TableReader
  private let purpose: CursorPurpose
  private var top = BlockCursor()
  private var index = BlockCursor()
  private var data = BlockCursor()
  private var indexHandle = BlockHandle.none
  private var dataHandle = BlockHandle.none
  private var ahead: ReadAhead
  /// Data blocks entered one after the other, forwards, with short leaps at most.
  private var runLength = 0
  package var wait: ReadWait = .allowed
  /// What readers make of the current block; known to merges only.
  private var use = BlockUse.absent

  init(_ reader: TableReader, purpose: CursorPurpose) {
    self.reader = reader
    self.purpose = purpose
    ahead = ReadAhead(
      pieceByteCount: purpose == .compaction ? Self.mergePieceByteCount : Self.scanPieceByteCount)
  }

  /// Blocks in a row after which a read is taken for a scan: 64 KiB of the default size. Ranges
  /// that are polled are shorter and worth keeping.
  private static let scanRunLength = 16
  /// Small enough to be read on an event loop where the system has it in memory.
  private static let scanPieceByteCount = 128 << 10
  private static let mergePieceByteCount = 256 << 10

  package var isValid: Bool { data.isValid }
  package var key: ByteView {
    assert(isValid, "a key needs a position")
    return data.key
  }
  package var kind: EntryKind { data.kind }
  package var value: ByteView { data.value }
  package var hasUniqueKeys: Bool { true }

  package func pinCurrent(into pins: inout [AnyObject]) {
    guard let block = data.block else { return }
    if let last = pins.last, last === block { return }
    pins.append(block)
  }

  package func seek(to key: ByteView) throws(EngineError) {
    try step { () throws(EngineError) in
      guard try descend(to: key) else { return data.close() }
      try checkedData { (data) throws(BlockDamage) in try data.seek(to: key) }
      if !data.isValid { try openNextBlock() }
    }
  }

  package func seekToFirst() throws(EngineError) {
    try step { () throws(EngineError) in
      try checkedTop { (top) throws(BlockDamage) in try top.seekToFirst() }
      try openIndex()
      try checkedIndex { (index) throws(BlockDamage) in try index.seekToFirst() }
      try openData()
      try checkedData { (data) throws(BlockDamage) in try data.seekToFirst() }
    }
  }

  package func seek(before key: ByteView) throws(EngineError) {
    try step { () throws(EngineError) in
      guard try descend(to: key) else { return try toLast() }
      try checkedData { (data) throws(BlockDamage) in try data.seek(before: key) }
      if !data.isValid { try openPreviousBlock() }
    }
  }

  package func seekToLast() throws(EngineError) {
    try step { () throws(EngineError) in try toLast() }
  }

  package func next() throws(EngineError) {
    precondition(isValid, "next needs a position")
    do throws(BlockDamage) {
      try data.next()
    } catch {
      throw TableReader.corrupt(reader.file, dataHandle.offset, error)
    }
    if !data.isValid { try step { () throws(EngineError) in try openNextBlock() } }
  }

  /// Moves past entries of the current block and hands them over; their bytes stay with the batch.
  func take(into batch: inout EntryBatch) throws(EngineError) {
    batch.clear()
    guard let block = data.block, data.isValid else { return }
    batch.hold(block, use)
    do throws(BlockDamage) {
      try data.take(into: &batch)
    } catch {
      throw TableReader.corrupt(reader.file, dataHandle.offset, error)
    }
    if !data.isValid { try step { () throws(EngineError) in try openNextBlock() } }
  }

  package func previousKey() throws(EngineError) {
    precondition(isValid, "previousKey needs a position")
    try step { () throws(EngineError) in
      try checkedData { (data) throws(BlockDamage) in try data.previous() }
      if !data.isValid { try openPreviousBlock() }
    }
  }

  // MARK: - Levels of the index

  /// Runs a step; when it fails the cursor has no position.
  private func step(_ body: () throws(EngineError) -> Void) throws(EngineError) {
    do throws(EngineError) { try body() } catch {
      data.close()
      throw error
    }
  }

  /// Opens the data block that `key` would be in; false when every key is before it.
  private func descend(to key: ByteView) throws(EngineError) -> Bool {
    try checkedTop { (top) throws(BlockDamage) in try top.seek(to: key) }
    guard top.isValid else { return false }
    try openIndex()
    try checkedIndex { (index) throws(BlockDamage) in
      try index.seek(to: key)
      guard index.isValid else { throw .format("an index block ends before its index says") }
    }
    try openData()
    return true
  }

  private func toLast() throws(EngineError) {
    try checkedTop { (top) throws(BlockDamage) in try top.seekToLast() }
    try openIndex()
    try checkedIndex { (index) throws(BlockDamage) in try index.seekToLast() }
    try openData()
    try checkedData { (data) throws(BlockDamage) in try data.seekToLast() }
  }

  private func openNextBlock() throws(EngineError) {
    try checkedIndex { (index) throws(BlockDamage) in try index.next() }
    if !index.isValid {
      try checkedTop { (top) throws(BlockDamage) in try top.next() }
      guard top.isValid else { return data.close() }
      try openIndex()
      try checkedIndex { (index) throws(BlockDamage) in try index.seekToFirst() }
    }
    try openData()
    try checkedData { (data) throws(BlockDamage) in try data.seekToFirst() }
  }

  private func openPreviousBlock() throws(EngineError) {
    try checkedIndex { (index) throws(BlockDamage) in try index.previous() }
    if !index.isValid {
      try checkedTop { (top) throws(BlockDamage) in try top.previous() }
      guard top.isValid else { return data.close() }
      try openIndex()
      try checkedIndex { (index) throws(BlockDamage) in try index.seekToLast() }
    }
    try openData()
    try checkedData { (data) throws(BlockDamage) in try data.seekToLast() }
  }

  /// Opens the index block that the top index stands at.
  private func openIndex() throws(EngineError) {
    let handle = try reader.checked(reader.topIndexHandle) { () throws(BlockDamage) in
      try BlockHandle.decode(top.value)
    }
    let block = try reader.block(
      handle, priority: .high, wait: wait, keep: purpose != .compaction)
    indexHandle = handle
    try reader.checked(handle) { () throws(BlockDamage) in try index.open(block) }
  }

  /// Opens the data block that the index block stands at.
  private func openData() throws(EngineError) {
    let handle = try reader.checked(indexHandle) { () throws(BlockDamage) in
      try BlockHandle.decode(index.value)
    }
    if handle == dataHandle, let block = data.block {
      try reader.checked(handle) { () throws(BlockDamage) in try data.open(block) }
      return
    }
    let leap = handle.offset &- dataHandle.offset
    runLength = leap < UInt64(TableCursor.scanPieceByteCount) ? runLength &+ 1 : 0
    let block: Block
    switch purpose {
    case .serving where runLength < TableCursor.scanRunLength:
      block = try reader.block(handle, priority: .normal, wait: wait)
    case .serving, .scan: block = try reader.scannedBlock(handle, &ahead, wait: wait)
    case .compaction:
      (block, use) = try reader.mergedBlock(handle, &ahead, wait: wait)
      // Its entries are asked for when those of the block before are used up.
      block.prefetch()
    }
    dataHandle = handle
    try reader.checked(handle) { () throws(BlockDamage) in try data.open(block) }
  }

  // MARK: - Damage gets its place

  private func checkedTop(
    _ body: (inout BlockCursor) throws(BlockDamage) -> Void
  ) throws(EngineError) {
    try reader.checked(reader.topIndexHandle) { () throws(BlockDamage) in
      if top.block == nil { try top.open(reader.topIndex) }
      try body(&top)
    }
  }

  private func checkedIndex(
    _ body: (inout BlockCursor) throws(BlockDamage) -> Void
  ) throws(EngineError) {
    try reader.checked(indexHandle) { () throws(BlockDamage) in try body(&index) }
  }

  private func checkedData(
    _ body: (inout BlockCursor) throws(BlockDamage) -> Void
  ) throws(EngineError) {
    try reader.checked(dataHandle) { () throws(BlockDamage) in try body(&data) }
  }
}
