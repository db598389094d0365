// Replays one log file. The bytes are drawn in LogFormat.swift. At the first bytes that are no
// record of this life, at offset X, the reader decides:
//
//   1. X is where the next log says that this one ended: the end.
//   2. X is before that: damage, for everything up to there was durable.
//   3. A whole record of this life follows whose syncedOffset is above X: damage, for X was
//      durable when that record was written.
//   4. Otherwise nobody who wrote to this log was told that X is durable: the end, with a torn tail
//      or without. LogChain asks the next log whether somebody was told there.
//
// A seal ends the log too, and names the log that must be there.

package import Bytes
package import VFS

/// One commit group.
package struct LogRecord {
  /// Of the first entry; the others follow one by one.
  package let firstSequence: SequenceNumber
  package let entryCount: Int
  /// Concatenated batches; valid until the reader moves on.
  package let payload: ByteView
}

/// Reads the records of one log in order, holding one at a time.
package final class LogReader {
  package let header: LogHeader
  /// Bytes behind the last whole record that were a record being written at the crash.
  package private(set) var droppedByteCount: UInt64 = 0
  /// Every byte before this offset was durable when the last record was written, and every log
  /// before; 0 before the first.
  package private(set) var vouchedOffset: UInt64 = 0
  /// Offset behind all that was read, the seal included.
  package private(set) var readByteCount = UInt64(LogFormat.headerByteCount)

  private let file: any ReadableFile
  private let provenEnd: UInt64?
  private var offset = UInt64(LogFormat.headerByteCount)
  private var isAtEnd = false
  /// The log that began after this one ended; known once `next` has returned nil, and only where no
  /// `provenEnd` was given.
  package private(set) var successor: LogNumber?
  private var window: LogWindow

  /// - Parameter provenEnd: Where the next log's header says that this one ended; nil for the
  ///   newest log.
  package init(
    _ file: any ReadableFile, header: LogHeader, provenEnd: UInt64?
  ) throws(EngineError) {
    self.file = file
    self.header = header
    self.provenEnd = provenEnd
    window = LogWindow(file)
    if let provenEnd {
      guard provenEnd >= UInt64(LogFormat.headerByteCount), provenEnd <= file.byteCount else {
        throw .corrupt(
          path: file.path, offset: file.byteCount,
          reason: "the next log says that this one ended at \(provenEnd)")
      }
    }
  }

  package var path: String { file.path }
  /// Where the records read so far end; after the last one, the end of the log.
  package var end: LogEnd { LogEnd(number: header.number, byteCount: offset) }

  /// The next record, or nil at the end of the log.
  package func next() throws(EngineError) -> LogRecord? {
    if isAtEnd { return nil }
    if offset == provenEnd {
      isAtEnd = true
      return nil
    }
    let limit = provenEnd ?? file.byteCount
    switch try window.record(at: offset, before: limit, of: header) {
    case .whole(let head, let payload):
      guard head.syncedOffset <= offset else {
        throw damage("record says that it was durable before it was written")
      }
      readByteCount = offset + UInt64(head.recordByteCount)
      vouchedOffset = head.syncedOffset
      if head.entryCount == 0 {
        try readSeal(payload)
        return nil
      }
      offset = readByteCount
      return LogRecord(
        firstSequence: head.firstSequence, entryCount: Int(head.entryCount), payload: payload)
    case .none(let reason, let claimedByteCount):
      if provenEnd != nil {
        throw damage("\(reason), in a log that is durable up to \(limit)")
      }
      let lastEnd = try refuseDamage(reason)
      droppedByteCount = Swift.max(claimedByteCount, lastEnd - offset)
      isAtEnd = true
      return nil
    }
  }

  /// A seal stands where the log ends, before nothing.
  private func readSeal(_ payload: ByteView) throws(EngineError) {
    guard provenEnd == nil, payload.count == 8 else { throw damage("a seal within the log") }
    successor = LogNumber(payload.littleEndian64(at: 0))
    isAtEnd = true
  }

  private func damage(_ reason: String) -> EngineError {
    .corrupt(path: file.path, offset: offset, reason: reason)
  }

  /// Looks behind the bad bytes for a record that proves them durable.
  ///
  /// - Returns: The end of the last whole record of this life, or `offset`.
  private func refuseDamage(_ reason: String) throws(EngineError) -> UInt64 {
    var lastEnd = offset
    var start = offset + UInt64(LogFormat.alignment)
    while let found = try window.nextRecord(from: start, of: header) {
      guard found.head.syncedOffset <= offset else {
        throw damage("\(reason), before a record at \(found.offset) that was written later")
      }
      lastEnd = found.offset + UInt64(found.head.recordByteCount)
      start = lastEnd
    }
    return lastEnd
  }

  /// Does any record of that life say that the log before it was durable?
  static func vouchesForPredecessor(
    _ file: any ReadableFile, _ header: LogHeader
  ) throws(EngineError) -> Bool {
    let window = LogWindow(file)
    var start = UInt64(LogFormat.headerByteCount)
    while let found = try window.nextRecord(from: start, of: header) {
      if found.head.syncedOffset > 0 { return true }
      start = found.offset + UInt64(found.head.recordByteCount)
    }
    return false
  }

  // MARK: What a file is

  /// The header of a log file, or nil for a file that holds no log that matters: a new one, or one
  /// whose life had just begun.
  ///
  /// - Parameter oldestLive: Logs with lower numbers are dead, and files are recycled only then.
  package static func header(
    of file: any ReadableFile, oldestLive: LogNumber
  ) throws(EngineError) -> LogHeader? {
    let window = LogWindow(file)
    let present = Int(Swift.min(file.byteCount, UInt64(LogFormat.headerByteCount)))
    let bytes = try window.view(at: 0, count: present)
    guard let header = LogHeader(bytes) else {
      try refuseLostHeader(window, bytes, oldestLive)
      return nil
    }
    guard (LogFormat.oldestVersion...LogFormat.version).contains(header.version) else {
      throw .unsupportedVersion(
        path: file.path, found: header.version, newestKnown: LogFormat.version)
    }
    guard header.number < oldestLive || file.byteCount >= header.capacity else {
      throw .corrupt(
        path: file.path, offset: file.byteCount,
        reason: "the file ends here, and had \(header.capacity) bytes")
    }
    return header
  }

  /// Without a header: a life that had not begun, unless records of a live log are there.
  private static func refuseLostHeader(
    _ window: LogWindow, _ header: ByteView, _ oldestLive: LogNumber
  ) throws(EngineError) {
    if header.count < LogFormat.headerByteCount {
      // A header is written only into a file that is durably longer.
      guard header.buffer.allSatisfy({ $0 == 0 }) else {
        throw .corrupt(path: window.file.path, offset: 0, reason: "the file was cut")
      }
      return
    }
    let start = UInt64(LogFormat.headerByteCount)
    if let found = try window.nextRecord(from: start, notBefore: oldestLive) {
      throw .corrupt(
        path: window.file.path, offset: 0,
        reason: "no header, and a record of log \(found.head.number.rawValue) at \(found.offset)")
    }
  }
}
