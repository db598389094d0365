// The part of a log file that is in memory while it is read: one stretch of bytes that moves
// forwards and grows only for a record that is longer, after its length was checked.

internal import Bytes
internal import VFS

/// What stands at an offset of a log.
enum LogSlot {
  case whole(LogRecordHeader, payload: ByteView)
  /// No record of this life; `claimedByteCount` when it begins like one.
  case none(reason: String, claimedByteCount: UInt64)
}

/// Reads stretches of one file.
final class LogWindow {
  static let byteCount = 256 << 10

  let file: any ReadableFile
  private var buffer = ByteBuffer(capacity: LogWindow.byteCount)
  private var start: UInt64 = 0

  init(_ file: any ReadableFile) { self.file = file }

  /// `count` bytes at `offset`, valid until the next call.
  func view(at offset: UInt64, count: Int) throws(EngineError) -> ByteView {
    let end = start + UInt64(buffer.count)
    if offset < start || offset > end || UInt64(count) > end - offset {
      try load(at: offset, count: count)
    }
    let first = Int(offset - start)
    return buffer.view[first..<first + count]
  }

  private func load(at offset: UInt64, count: Int) throws(EngineError) {
    buffer.clear(keepingAtMost: Swift.max(LogWindow.byteCount, count))
    start = offset
    let rest = file.byteCount > offset ? file.byteCount - offset : 0
    let wanted = Int(Swift.min(UInt64(Swift.max(LogWindow.byteCount, count)), rest))
    let file = file
    do throws(FileError) {
      _ = try buffer.append(capacity: wanted) { (room) throws(FileError) in
        try file.read(into: room, at: offset, wait: .allowed) ?? 0
      }
    } catch {
      throw EngineError(error)
    }
    guard buffer.count >= count else {
      throw .corrupt(
        path: file.path, offset: offset + UInt64(buffer.count),
        reason: "the file ends within bytes it should have")
    }
  }

  // MARK: Records

  /// The record at `offset` of the life that `header` began, if it is whole before `limit`.
  func record(
    at offset: UInt64, before limit: UInt64, of header: LogHeader
  ) throws(EngineError) -> LogSlot {
    let headCount = LogFormat.recordHeaderByteCount
    guard offset <= limit, limit - offset >= UInt64(headCount) else {
      return .none(reason: "no room for a record", claimedByteCount: 0)
    }
    let head = LogRecordHeader(try view(at: offset, count: headCount))
    guard head.number == header.number, head.salt == header.salt else {
      return .none(reason: "no record", claimedByteCount: 0)
    }
    guard head.payloadCount <= LogFormat.payloadByteCount,
      UInt64(head.recordByteCount) <= limit - offset
    else {
      return .none(reason: "record longer than its log", claimedByteCount: UInt64(headCount))
    }
    let bytes = try view(at: offset, count: headCount + head.payloadCount)
    let payload = bytes.dropFirst(headCount)
    let checksum = LogRecordHeader.checksum(
      header: bytes, payloadChecksum: CRC32C.checksum(payload))
    guard checksum == head.checksum else {
      return .none(
        reason: "record with a wrong checksum", claimedByteCount: UInt64(head.recordByteCount))
    }
    return .whole(head, payload: payload)
  }

  /// The first whole record of that life at or behind `start`.
  func nextRecord(
    from start: UInt64, of header: LogHeader
  ) throws(EngineError) -> (offset: UInt64, head: LogRecordHeader)? {
    try nextRecord(from: start, numbers: header.number...header.number, salt: header.salt)
  }

  /// The first whole record at or behind `start` of any log from `oldestLive` on.
  func nextRecord(
    from start: UInt64, notBefore oldestLive: LogNumber
  ) throws(EngineError) -> (offset: UInt64, head: LogRecordHeader)? {
    try nextRecord(from: start, numbers: oldestLive...LogNumber(.max), salt: nil)
  }

  /// Tries every aligned offset: lengths in front of it are not to be trusted.
  private func nextRecord(
    from start: UInt64, numbers: ClosedRange<LogNumber>, salt: UInt32?
  ) throws(EngineError) -> (offset: UInt64, head: LogRecordHeader)? {
    let headCount = LogFormat.recordHeaderByteCount
    let numberOffset = 8
    var offset = start
    while offset <= file.byteCount, file.byteCount - offset >= UInt64(headCount) {
      let rest = file.byteCount - offset
      let stretch = try view(at: offset, count: Int(Swift.min(rest, UInt64(LogWindow.byteCount))))
      // The number's place in the last header that the stretch holds whole.
      let words = stretch.prefix((stretch.count - headCount) / 8 * 8 + numberOffset + 8)
      var next = numberOffset
      while let found = words.firstWord(
        from: next, lowest: Swift.max(1, numbers.lowerBound.rawValue),
        highest: numbers.upperBound.rawValue)
      {
        next = found + LogFormat.alignment
        let index = found - numberOffset
        let head = LogRecordHeader(stretch[index..<index + headCount])
        guard salt == nil || head.salt == salt,
          head.payloadCount <= LogFormat.payloadByteCount,
          UInt64(head.recordByteCount) <= rest - UInt64(index),
          try isWhole(head, at: offset + UInt64(index))
        else { continue }
        return (offset + UInt64(index), head)
      }
      offset += UInt64(words.count - numberOffset)
    }
    return nil
  }

  /// Checks the checksum piece by piece: a length found in rubble takes no memory.
  private func isWhole(_ head: LogRecordHeader, at offset: UInt64) throws(EngineError) -> Bool {
    let scan = LogWindow(file)
    var checksum: UInt32 = 0
    var at = offset + UInt64(LogFormat.recordHeaderByteCount)
    var rest = head.payloadCount
    while rest > 0 {
      let piece = try scan.view(at: at, count: Swift.min(rest, LogWindow.byteCount))
      checksum = CRC32C.checksum(piece, seed: checksum)
      at += UInt64(piece.count)
      rest -= piece.count
    }
    let header = try scan.view(at: offset, count: LogFormat.recordHeaderByteCount)
    return LogRecordHeader.checksum(header: header, payloadChecksum: checksum) == head.checksum
  }
}
