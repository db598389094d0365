// Writes one log file: header at birth, then a record a commit group, each with one write. The
// bytes are drawn in LogFormat.swift.
//
// After a failed write or sync what reached the disk is unknown, so the writer refuses everything
// from then on; a failed reservation has touched nothing and may be tried again.
//
// A log goes on while the end of the one before it is not durable yet. Its `sync` then sees to that
// first, so whatever it made durable stands behind a whole predecessor; and until then its records
// say that they vouch for nothing.

package import Bytes
internal import Synchronization
package import VFS

/// One log file being written.
///
/// `reserve`, `add`, `append` and `finish` belong to one thread at a time; `sync` may run beside
/// them on another.
package final class LogWriter: @unchecked Sendable {
  // The group's fields are touched by the appending thread alone; what `sync` shares with it is
  // atomic or behind a lock.
  package let header: LogHeader
  private let file: any WritableFile
  private let endOffset: Atomic<UInt64>
  private let durableOffset: Atomic<UInt64>
  private let failure = Mutex<FileError?>(nil)
  /// One sync at a time: of two at once only one would hear of a failed write-back. Holds the log
  /// before, until that is durable.
  private let syncing = Mutex<LogWriter?>(nil)
  private var allocated: UInt64

  // The record being gathered: `pending` is its unwritten end, with room for the header in front
  // as long as nothing was spilled.
  private var pending: ByteBuffer
  private var isSpilled = false
  private var spilledCount = 0
  private var payloadChecksum: UInt32 = 0
  private var payloadCount = 0
  private var entryCount: UInt32 = 0

  /// Bytes gathered before they go to the file: bounds the memory of a group with giant values.
  private static let spillByteCount = 1 << 20
  private static let growthByteCount: UInt64 = 1 << 20
  /// What a fast writer fills in a fifth of a second.
  private static let growthLimit: UInt64 = 8 << 20

  /// Gives `file` a new life: reserves `capacity` bytes, writes the header and syncs both.
  /// Not for the commit path: make the next log ready in time.
  ///
  /// - Parameters:
  ///   - number: Above every number ever used in this engine.
  ///   - salt: Random.
  ///   - previous: The log before. Where it ended durably, recovery knows that everything before
  ///     that point was there; where it is open, `follow` must be called before the first record,
  ///     and all logs before that one be durable.
  ///   - isReserved: The file has `capacity` bytes already, durably.
  package init(
    _ file: any WritableFile, number: LogNumber, salt: UInt32, previous: LogPredecessor,
    capacity: UInt64, isReserved: Bool = false
  ) throws(FileError) {
    precondition(number.rawValue > 0, "log numbers start at 1")
    precondition(previous.number.map { $0 < number } ?? true, "log numbers grow")
    allocated = Swift.max(capacity, UInt64(LogFormat.headerByteCount))
    header = LogHeader(
      version: LogFormat.version, number: number, previous: previous, capacity: allocated,
      salt: salt)
    self.file = file
    endOffset = Atomic(UInt64(LogFormat.headerByteCount))
    if case .open = previous {
      durableOffset = Atomic(0)
    } else {
      durableOffset = Atomic(UInt64(LogFormat.headerByteCount))
    }
    pending = ByteBuffer(capacity: 64 << 10)
    if !isReserved {
      try file.preallocate(allocated)
      // The length is durable before the header that states it, so a short log is a damaged one.
      try file.sync()
    }
    let bytes = header.encode()
    try ByteView.of(bytes) { (view) throws(FileError) in try file.write(view.buffer, at: 0) }
    try file.sync()
    beginRecord()
  }

  package var path: String { file.path }
  package var number: LogNumber { header.number }
  /// Offset behind the last record.
  package var byteCount: UInt64 { endOffset.load(ordering: .acquiring) }
  /// Every byte before this offset is durable, and every log before; 0 while those are not.
  package var syncedByteCount: UInt64 { durableOffset.load(ordering: .acquiring) }
  /// Bytes reserved on the device.
  package var capacity: UInt64 { allocated }
  /// True while a group is gathered and not yet appended.
  package var hasPendingEntries: Bool { payloadCount > 0 }

  /// May the gathered group still take this much? Beyond it, the next group must.
  package func mayAdd(payloadByteCount: Int) -> Bool {
    payloadByteCount <= LogFormat.payloadByteCount - payloadCount
  }

  /// Does a record with this much payload fit what is preallocated?
  package func fits(payloadByteCount: Int) -> Bool {
    byteCount + LogWriter.neededByteCount(payload: payloadByteCount) <= allocated
  }

  /// Bytes of a record and of the seal that may follow it.
  private static func neededByteCount(payload: Int) -> UInt64 {
    UInt64(LogFormat.recordByteCount(payload: payload) + LogFormat.sealByteCount)
  }

  /// Makes sure that the device has room for the gathered group and `payloadByteCount` more.
  ///
  /// - Throws: ENOSPC and its like, with no effect: the writer goes on as before.
  package func reserve(payloadByteCount: Int) throws(FileError) {
    try refuseAfterFailure()
    let needed =
      byteCount + LogWriter.neededByteCount(payload: payloadCount + payloadByteCount)
    guard needed > allocated else { return }
    // As much as it had at first, a MiB at most, so that a log that outgrew its file asks seldom.
    let step = Swift.min(header.capacity, LogWriter.growthByteCount)
    let rounded = (needed + step - 1) / step * step
    try file.preallocate(rounded)
    allocated = rounded
  }

  /// May it grow rather than let commits wait for its successor?
  package var mayGrow: Bool {
    allocated < header.capacity + Swift.min(header.capacity, LogWriter.growthLimit)
  }

  /// Gives back what is reserved behind `capacity` bytes and behind the last record. Between
  /// groups.
  package func shrink(to capacity: UInt64) {
    let step = Swift.min(header.capacity, LogWriter.growthByteCount)
    let kept = (Swift.max(capacity, byteCount) + step - 1) / step * step
    guard kept < allocated else { return }
    file.freeBlocks(from: kept)
    allocated = kept
  }

  /// Adds an encoded batch to the group. `reserve` has said yes to it.
  package func add(_ encoded: ByteView, entryCount added: Int) throws(FileError) {
    try refuseAfterFailure()
    precondition(
      encoded.count <= LogFormat.payloadByteCount - payloadCount, "group within record limit")
    precondition(added >= 0 && added <= Int(UInt32.max - entryCount), "entries are counted")
    payloadChecksum = CRC32C.checksum(encoded, seed: payloadChecksum)
    payloadCount += encoded.count
    entryCount += UInt32(added)
    if pending.count + encoded.count > LogWriter.spillByteCount {
      try spill()
      if encoded.count >= LogWriter.spillByteCount { return try spill(encoded) }
    }
    pending.append(encoded)
  }

  /// Writes the gathered group as one record.
  ///
  /// - Parameter firstSequence: Of the group's first entry; the others follow one by one.
  /// - Returns: Offset behind the record; it is durable once `syncedByteCount` has reached it.
  @discardableResult
  package func append(firstSequence: SequenceNumber) throws(FileError) -> UInt64 {
    try refuseAfterFailure()
    precondition(entryCount > 0, "a record holds entries")
    return try writeRecord(firstSequence: firstSequence)
  }

  @discardableResult
  private func writeRecord(firstSequence: SequenceNumber) throws(FileError) -> UInt64 {
    let start = byteCount
    let record = LogFormat.recordByteCount(payload: payloadCount)
    let padding = record - LogFormat.recordHeaderByteCount - payloadCount
    for _ in 0..<padding { pending.append(UInt8(0)) }
    var head = ByteBuffer(capacity: LogFormat.recordHeaderByteCount)
    encodeHeader(firstSequence, into: &head)
    if !isSpilled {
      pending.overwrite(head.view, at: 0)
      try write(pending.view, at: start)
    } else {
      try spill()
      // Last: until it is there, the spilled bytes are nobody's record.
      try write(head.view, at: start)
    }
    let end = start + UInt64(record)
    endOffset.store(end, ordering: .releasing)
    beginRecord()
    return end
  }

  /// Makes all records appended before the call durable, and every log before.
  package func sync() throws(FileError) {
    try refuseAfterFailure()
    let end = byteCount
    guard end > syncedByteCount else { return }
    try syncing.withLock { (predecessor) throws(FileError) in
      try refuseAfterFailure()
      guard end > syncedByteCount else { return }
      try endPredecessor(&predecessor)
      guard end > syncedByteCount else { return }
      do throws(FileError) { try file.sync() } catch { throw poison(error) }
      durableOffset.max(end, ordering: .acquiringAndReleasing)
    }
  }

  /// Goes on where `predecessor`, sealed with this one's number, ends. Before anything else.
  package func follow(_ predecessor: LogWriter) {
    precondition(header.previous == .open(predecessor.number), "made ready behind that log")
    syncing.withLock { $0 = predecessor }
  }

  /// Makes every log before this one durable, which is not yet so only soon after it has begun.
  package func syncPredecessor() throws(FileError) {
    guard syncedByteCount == 0 else { return }
    try syncing.withLock { (predecessor) throws(FileError) in
      try refuseAfterFailure()
      try endPredecessor(&predecessor)
    }
  }

  private func endPredecessor(_ predecessor: inout LogWriter?) throws(FileError) {
    guard let ended = predecessor else { return }
    do throws(FileError) {
      try ended.sync()
      try ended.close()
    } catch {
      // What stands here follows bytes that may be lost.
      throw poison(error)
    }
    predecessor = nil
    durableOffset.max(UInt64(LogFormat.headerByteCount), ordering: .acquiringAndReleasing)
  }

  /// Ends the log: the one with this number goes on, and must be there from now on: its header is
  /// durable.
  package func seal(by successor: LogNumber) throws(FileError) {
    try refuseAfterFailure()
    precondition(!hasPendingEntries, "sealed between groups")
    precondition(number < successor, "log numbers grow")
    let needed = byteCount + UInt64(LogFormat.sealByteCount)
    if needed > allocated { try file.preallocate(needed) }
    pending.append(littleEndian: successor.rawValue)
    payloadCount = 8
    payloadChecksum = CRC32C.checksum(pending.view.dropFirst(LogFormat.recordHeaderByteCount))
    try writeRecord(firstSequence: .zero)
  }

  package func close() throws(FileError) { try file.close() }

  // MARK: Private

  private func beginRecord() {
    pending.clear(keepingAtMost: 2 * LogWriter.spillByteCount)
    for _ in 0..<LogFormat.recordHeaderByteCount / 8 { pending.append(littleEndian: UInt64(0)) }
    isSpilled = false
    spilledCount = 0
    payloadChecksum = 0
    payloadCount = 0
    entryCount = 0
  }

  private func encodeHeader(_ firstSequence: SequenceNumber, into head: inout ByteBuffer) {
    head.append(littleEndian: UInt32(0))
    head.append(littleEndian: UInt32(payloadCount))
    head.append(littleEndian: number.rawValue)
    head.append(littleEndian: syncedByteCount)
    head.append(littleEndian: firstSequence.rawValue)
    head.append(littleEndian: entryCount)
    head.append(littleEndian: header.salt)
    let checksum = LogRecordHeader.checksum(header: head.view, payloadChecksum: payloadChecksum)
    head.overwrite(littleEndian: checksum, at: 0)
  }

  /// Writes what is pending behind the place of the record's header.
  private func spill() throws(FileError) {
    try spill(pending.view.dropFirst(isSpilled ? 0 : LogFormat.recordHeaderByteCount))
    isSpilled = true
    pending.clear()
  }

  private func spill(_ bytes: ByteView) throws(FileError) {
    let offset = byteCount + UInt64(LogFormat.recordHeaderByteCount + spilledCount)
    try write(bytes, at: offset)
    spilledCount += bytes.count
  }

  private func write(_ bytes: ByteView, at offset: UInt64) throws(FileError) {
    guard !bytes.isEmpty else { return }
    do throws(FileError) { try file.write(bytes.buffer, at: offset) } catch { throw poison(error) }
  }

  private func poison(_ error: FileError) -> FileError {
    failure.withLock { if $0 == nil { $0 = error } }
    return error
  }

  private func refuseAfterFailure() throws(FileError) {
    if let failed = failure.withLock({ $0 }) { throw failed }
  }
}
