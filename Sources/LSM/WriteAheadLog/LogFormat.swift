// A log file: a header, then one record a commit group. Integers are little-endian.
//
//   file    := header │ record* │ anything
//   header  := magic: 8 bytes │ version: u32 │ crc32c: u32 │ number: u64 │ previousNumber: u64
//              │ previousByteCount: u64 │ capacity: u64 │ salt: u32 │ zero: u32        (56 bytes)
//              previousByteCount is 0 where the log before was still being written
//   record  := crc32c: u32 │ payloadCount: u32 │ number: u64 │ syncedOffset: u64
//              │ firstSequence: u64 │ entryCount: u32 │ salt: u32 │ payload │ zeros to 8 (40 + n)
//   payload := batch*, as WriteBatch draws it
//   seal    := a record with entryCount 0, firstSequence 0 and as payload the number of the log
//              that goes on, a u64: written behind the last record before anything in that log
//
// syncedOffset says that all bytes of the file before it were durable, and all of the log before;
// it is 0 until the latter is known.
//
// The header's checksum covers its other 52 bytes; a record's covers the payload, then the 36
// header bytes after the checksum. Files are preallocated and recycled under their name: what
// follows the last record is zeros or records of an earlier life, told apart by number and salt.

internal import Bytes

/// The number of one life of a log file: grows by creation, never used twice.
package struct LogNumber: Comparable, Hashable, Sendable {
  package let rawValue: UInt64
  package init(_ rawValue: UInt64) { self.rawValue = rawValue }
  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Where a log ended: every record before `byteCount` is whole and durable.
package struct LogEnd: Equatable, Sendable {
  package let number: LogNumber
  /// Offset behind the last record, from the file's start.
  package let byteCount: UInt64
  package init(number: LogNumber, byteCount: UInt64) {
    self.number = number
    self.byteCount = byteCount
  }
}

/// The log before one.
package enum LogPredecessor: Equatable, Sendable {
  /// An engine's first has none.
  case none
  /// Ended there, durably, before this log began.
  case ended(LogEnd)
  /// Was still being written when this log was made ready. Its seal says where it ends, and that
  /// this log has begun.
  case open(LogNumber)

  package var number: LogNumber? {
    switch self {
    case .none: nil
    case .ended(let end): end.number
    case .open(let number): number
    }
  }

  /// Where it ended, if that was known.
  package var byteCount: UInt64? {
    if case .ended(let end) = self { end.byteCount } else { nil }
  }
}

/// What a log file says about itself.
package struct LogHeader: Equatable, Sendable {
  package let version: UInt32
  package let number: LogNumber
  package let previous: LogPredecessor
  /// Bytes the file had, durably, before this header was written: a shorter file has been cut.
  package let capacity: UInt64
  /// Drawn for each life of a file, so that no value can pass for a record: its bytes would have
  /// to hold a salt that nobody was told.
  package let salt: UInt32
}

/// Sizes, tags and limits that writer and reader share. Persisted: never change within a version.
enum LogFormat {
  /// "STRLOG", end of text, end of line: not text, and broken by a transfer as text.
  static let magic: UInt64 = 0x0a03_474f_4c52_5453
  static let version: UInt32 = 2
  /// Version 1 had no logs that were made ready ahead: each header says where the log before ended.
  static let oldestVersion: UInt32 = 1
  static let headerByteCount = 56
  static let recordHeaderByteCount = 40
  static let alignment = 8
  /// Bytes of a seal: every log keeps room for one.
  static let sealByteCount = recordByteCount(payload: 8)
  /// Bytes of one payload: a largest batch beside a group of small ones.
  static let payloadByteCount = Limits.batchByteCount + (16 << 20)

  /// Bytes that a record with such a payload takes in the file.
  static func recordByteCount(payload: Int) -> Int {
    (recordHeaderByteCount + payload + alignment - 1) & ~(alignment - 1)
  }
}

// MARK: - Header

extension LogHeader {
  func encode() -> [UInt8] {
    var buffer = ByteBuffer(capacity: LogFormat.headerByteCount)
    buffer.append(littleEndian: LogFormat.magic)
    buffer.append(littleEndian: version)
    buffer.append(littleEndian: UInt32(0))
    buffer.append(littleEndian: number.rawValue)
    buffer.append(littleEndian: previous.number?.rawValue ?? 0)
    buffer.append(littleEndian: previous.byteCount ?? 0)
    buffer.append(littleEndian: capacity)
    buffer.append(littleEndian: salt)
    buffer.append(littleEndian: UInt32(0))
    buffer.overwrite(littleEndian: LogHeader.checksum(buffer.view), at: 12)
    return buffer.array
  }

  /// Of the bytes around the checksum's own place.
  static func checksum(_ header: ByteView) -> UInt32 {
    let front = CRC32C.checksum(header[0..<12])
    return CRC32C.checksum(header[16..<LogFormat.headerByteCount], seed: front)
  }

  /// nil where the bytes are no header. These 56 bytes keep their places in every version; the
  /// caller judges the version.
  init?(_ bytes: ByteView) {
    guard bytes.count >= LogFormat.headerByteCount,
      bytes.littleEndian64(at: 0) == LogFormat.magic,
      bytes.littleEndian32(at: 12) == LogHeader.checksum(bytes)
    else { return nil }
    version = bytes.littleEndian32(at: 8)
    number = LogNumber(bytes.littleEndian64(at: 16))
    let before = LogNumber(bytes.littleEndian64(at: 24))
    let end = bytes.littleEndian64(at: 32)
    previous =
      before.rawValue == 0
      ? .none
      : end == 0 && version > 1 ? .open(before) : .ended(LogEnd(number: before, byteCount: end))
    capacity = bytes.littleEndian64(at: 40)
    salt = bytes.littleEndian32(at: 48)
  }
}

// MARK: - Record header

/// The fixed part of a record.
struct LogRecordHeader {
  var checksum: UInt32
  var payloadCount: Int
  var number: LogNumber
  /// Every byte of the file before this offset was known durable when the record was written, and
  /// every log before; 0 while those were not.
  var syncedOffset: UInt64
  var firstSequence: SequenceNumber
  var entryCount: UInt32
  var salt: UInt32

  /// Fields as they stand; nothing is believed before `matches`.
  init(_ bytes: ByteView) {
    checksum = bytes.littleEndian32(at: 0)
    payloadCount = Int(bytes.littleEndian32(at: 4))
    number = LogNumber(bytes.littleEndian64(at: 8))
    syncedOffset = bytes.littleEndian64(at: 16)
    firstSequence = SequenceNumber(bytes.littleEndian64(at: 24))
    entryCount = bytes.littleEndian32(at: 32)
    salt = bytes.littleEndian32(at: 36)
  }

  /// Of the record, given its payload.
  static func checksum(header: ByteView, payloadChecksum: UInt32) -> UInt32 {
    CRC32C.checksum(header[4..<LogFormat.recordHeaderByteCount], seed: payloadChecksum)
  }

  /// Bytes of the whole record in the file.
  var recordByteCount: Int { LogFormat.recordByteCount(payload: payloadCount) }
}
