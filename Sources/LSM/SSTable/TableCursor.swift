// A position in a table file, moving either way: two index cursors and a block cursor, one under
// the other.
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
  private var reader: TableReader {
    didSet { borrowedReader = Unmanaged.passUnretained(reader) }
  }
  /// The same, for calls without counting references.
  private var borrowedReader: Unmanaged<TableReader>
  private let purpose: CursorPurpose
  private var top = IndexCursor()
  private var index = IndexCursor()
  private var data = BlockCursor()
  private var indexHandle = BlockHandle.none
  private var dataHandle = BlockHandle.none
  private var ahead: ReadAhead
  /// Data blocks entered one after the other, forwards, with short leaps at most.
  private var runLength = 0
  package var wait: ReadWait = .allowed
  /// What readers make of the current block; known to merges only.
  private var use = BlockUse.absent
  /// `aim` has found the block that its key would be in.
  private var isAimed = false

  init(_ reader: TableReader, purpose: CursorPurpose) {
    self.reader = reader
    borrowedReader = Unmanaged.passUnretained(reader)
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

  /// Goes over to another file, without a position yet.
  func open(_ reader: TableReader) {
    close()
    self.reader = reader
    indexHandle = .none
    dataHandle = .none
  }

  /// Lets go of blocks, and so of the position.
  func close() {
    top.close()
    index.close()
    data.close()
    ahead.close()
    runLength = 0
  }

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
    try aim(at: key)
    try enter()
    try land(at: key)
  }

  // MARK: - Seeks of several files at once

  // A seek waits for memory four times: for the index, the cache's slot, its node, the block. Who
  // seeks in several files takes them through each step before the next, so that they wait
  // together: `aim`, `approach`, `enter` and `land` are `seek` in pieces.

  /// Finds the block that `key` would be in. There is no position until `land`.
  func aim(at key: ByteView) throws(EngineError) {
    isAimed = false
    data.leave()
    try step { () throws(EngineError) in isAimed = try descend(to: key) }
    guard isAimed else { return }
    borrowedReader._withUnsafeGuaranteedRef { $0.prefetchSlot(index.handle) }
  }

  func approach() {
    guard isAimed else { return }
    borrowedReader._withUnsafeGuaranteedRef { $0.prefetchNode(index.handle) }
  }

  func enter() throws(EngineError) {
    if isAimed { try step { () throws(EngineError) in try openData() } }
  }

  func land(at key: ByteView) throws(EngineError) {
    guard isAimed else { return data.close() }
    isAimed = false
    try step { () throws(EngineError) in
      try checkedData { (data) throws(BlockDamage) in try data.seek(to: key) }
      if !data.isValid { try openNextBlock() }
    }
  }

  package func seekToFirst() throws(EngineError) {
    try step { () throws(EngineError) in
      try moveTop { (top) throws(BlockDamage) in try top.seekToFirst() }
      try openIndex()
      try moveIndex { (index) throws(BlockDamage) in try index.seekToFirst() }
      try openData()
      try checkedData { (data) throws(BlockDamage) in try data.seekToFirst() }
    }
  }

  package func seek(before key: ByteView) throws(EngineError) {
    try step { () throws(EngineError) in
      guard try descend(to: key) else { return try toLast() }
      try openData()
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

  /// To the next entry, where it is in the current block and can be told at a glance; else nothing
  /// moves.
  @inline(__always)
  func stepWithinBlock() -> Bool { data.stepWithin() }

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
  @inline(__always)
  private func step(_ body: () throws(EngineError) -> Void) throws(EngineError) {
    do throws(EngineError) { try body() } catch {
      data.close()
      throw error
    }
  }

  /// Finds the data block that `key` would be in; false when every key is before it.
  private func descend(to key: ByteView) throws(EngineError) -> Bool {
    try moveTop { (top) throws(BlockDamage) in try top.seek(to: key) }
    guard top.isValid else { return false }
    try openIndex()
    try moveIndex { (index) throws(BlockDamage) in
      try index.seek(to: key)
      guard index.isValid else { throw .format("an index block ends before its index says") }
    }
    return true
  }

  private func toLast() throws(EngineError) {
    try moveTop { (top) throws(BlockDamage) in try top.seekToLast() }
    try openIndex()
    try moveIndex { (index) throws(BlockDamage) in try index.seekToLast() }
    try openData()
    try checkedData { (data) throws(BlockDamage) in try data.seekToLast() }
  }

  private func openNextBlock() throws(EngineError) {
    try moveIndex { (index) throws(BlockDamage) in try index.next() }
    if !index.isValid {
      try moveTop { (top) throws(BlockDamage) in try top.next() }
      guard top.isValid else { return data.close() }
      try openIndex()
      try moveIndex { (index) throws(BlockDamage) in try index.seekToFirst() }
    }
    try openData()
    try checkedData { (data) throws(BlockDamage) in try data.seekToFirst() }
  }

  private func openPreviousBlock() throws(EngineError) {
    try moveIndex { (index) throws(BlockDamage) in try index.previous() }
    if !index.isValid {
      try moveTop { (top) throws(BlockDamage) in try top.previous() }
      guard top.isValid else { return data.close() }
      try openIndex()
      try moveIndex { (index) throws(BlockDamage) in try index.seekToLast() }
    }
    try openData()
    try checkedData { (data) throws(BlockDamage) in try data.seekToLast() }
  }

  /// Opens the index block that the top index stands at.
  private func openIndex() throws(EngineError) {
    let handle = top.handle
    if handle == indexHandle, let block = index.block {
      return try moveIndex { (index) throws(BlockDamage) in try index.open(block) }
    }
    let wait = wait
    let keep = purpose != .compaction
    let block = try borrowedReader.borrowed { (reader) throws(EngineError) in
      try reader.indexBlock(handle, wait: wait, keep: keep)
    }
    indexHandle = handle
    try moveIndex { (index) throws(BlockDamage) in try index.open(block) }
  }

  /// Opens the data block that the index block stands at.
  private func openData() throws(EngineError) {
    let handle = index.handle
    if handle == dataHandle, let block = data.block {
      return try checkedData { (data) throws(BlockDamage) in try data.open(block) }
    }
    let leap = handle.offset &- dataHandle.offset
    runLength = leap < UInt64(TableCursor.scanPieceByteCount) ? runLength &+ 1 : 0
    let block: Block
    switch purpose {
    case .serving where runLength < TableCursor.scanRunLength:
      let wait = wait
      block = try borrowedReader.borrowed { (reader) throws(EngineError) in
        try reader.block(handle, priority: .normal, wait: wait)
      }
    case .serving, .scan: block = try reader.scannedBlock(handle, &ahead, wait: wait)
    case .compaction:
      (block, use) = try reader.mergedBlock(handle, &ahead, wait: wait)
      // Its entries are asked for when those of the block before are used up.
      block.prefetch()
    }
    dataHandle = handle
    try checkedData { (data) throws(BlockDamage) in try data.open(block) }
  }

  // MARK: - Damage gets its place

  @inline(__always)
  private func moveTop(
    _ body: (inout IndexCursor) throws(BlockDamage) -> Void
  ) throws(EngineError) {
    do throws(BlockDamage) {
      if top.block == nil { try top.open(reader.topIndex) }
      try body(&top)
    } catch {
      throw TableReader.corrupt(reader.file, reader.topIndexHandle.offset, error)
    }
  }

  @inline(__always)
  private func moveIndex(
    _ body: (inout IndexCursor) throws(BlockDamage) -> Void
  ) throws(EngineError) {
    do throws(BlockDamage) { try body(&index) } catch {
      throw TableReader.corrupt(reader.file, indexHandle.offset, error)
    }
  }

  @inline(__always)
  private func checkedData(
    _ body: (inout BlockCursor) throws(BlockDamage) -> Void
  ) throws(EngineError) {
    do throws(BlockDamage) { try body(&data) } catch {
      throw TableReader.corrupt(reader.file, dataHandle.offset, error)
    }
  }
}
