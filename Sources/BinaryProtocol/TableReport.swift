// What a server tells about one of its tables: the Statistics operation's answer.

internal import Bytes

/// Figures of one table, as an operator reads them.
package struct TableReport: Sendable, Hashable {
  /// One level of the table's engine.
  package struct Level: Sendable, Hashable {
    package var fileCount: UInt64 = 0
    package var byteCount: UInt64 = 0
    package var entryCount: UInt64 = 0
    package init() {}
  }

  package var name = ""
  package var approximateRows: UInt64 = 0
  package var approximateCells: UInt64 = 0
  /// Bytes on disk.
  package var byteCount: UInt64 = 0
  package var lastWriteMicroseconds: Int64?
  package var maxCellTimestamp: Int64?
  package var putsTotal: UInt64 = 0
  package var deletesTotal: UInt64 = 0
  /// Level 0 first.
  package var levels: [Level] = []
  package var memtableByteCount: UInt64 = 0
  package var sealedMemtableCount: UInt64 = 0
  package var logByteCount: UInt64 = 0
  /// Bytes that compactions still have to rewrite before the levels are in shape.
  package var compactionDebtByteCount: UInt64 = 0
  /// Since the table was opened: bytes committed, then written to logs, by flushes, by compactions.
  package var bytesCommitted: UInt64 = 0
  package var bytesLogged: UInt64 = 0
  package var bytesFlushed: UInt64 = 0
  package var bytesCompacted: UInt64 = 0
  package var commits: UInt64 = 0
  package var longestCommitNanoseconds: UInt64 = 0
  package var lastSequence: UInt64 = 0

  package init() {}
}

extension TableReport {
  init(wire message: ByteView) throws(WireError) {
    self.init()
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: name = try reader.string()
      case 2: approximateRows = try reader.varint()
      case 3: approximateCells = try reader.varint()
      case 4: byteCount = try reader.varint()
      case 5: lastWriteMicroseconds = try reader.sfixed64()
      case 6: maxCellTimestamp = try reader.sfixed64()
      case 7: putsTotal = try reader.varint()
      case 8: deletesTotal = try reader.varint()
      case 9: levels.append(try Level(wire: try reader.bytes()))
      case 10: memtableByteCount = try reader.varint()
      case 11: sealedMemtableCount = try reader.varint()
      case 12: logByteCount = try reader.varint()
      case 13: compactionDebtByteCount = try reader.varint()
      case 14: bytesCommitted = try reader.varint()
      case 15: bytesLogged = try reader.varint()
      case 16: bytesFlushed = try reader.varint()
      case 17: bytesCompacted = try reader.varint()
      case 18: commits = try reader.varint()
      case 19: longestCommitNanoseconds = try reader.varint()
      case 20: lastSequence = try reader.varint()
      default: try reader.skip()
      }
    }
  }

  func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, string: name)
    buffer.appendField(2, varint: approximateRows)
    buffer.appendField(3, varint: approximateCells)
    buffer.appendField(4, varint: byteCount)
    if let lastWriteMicroseconds { buffer.appendField(5, presentFixed: lastWriteMicroseconds) }
    if let maxCellTimestamp { buffer.appendField(6, presentFixed: maxCellTimestamp) }
    buffer.appendField(7, varint: putsTotal)
    buffer.appendField(8, varint: deletesTotal)
    for level in levels { buffer.appendMessage(9) { level.encode(into: &$0) } }
    buffer.appendField(10, varint: memtableByteCount)
    buffer.appendField(11, varint: sealedMemtableCount)
    buffer.appendField(12, varint: logByteCount)
    buffer.appendField(13, varint: compactionDebtByteCount)
    buffer.appendField(14, varint: bytesCommitted)
    buffer.appendField(15, varint: bytesLogged)
    buffer.appendField(16, varint: bytesFlushed)
    buffer.appendField(17, varint: bytesCompacted)
    buffer.appendField(18, varint: commits)
    buffer.appendField(19, varint: longestCommitNanoseconds)
    buffer.appendField(20, varint: lastSequence)
  }
}

extension TableReport.Level {
  init(wire message: ByteView) throws(WireError) {
    self.init()
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: fileCount = try reader.varint()
      case 2: byteCount = try reader.varint()
      case 3: entryCount = try reader.varint()
      default: try reader.skip()
      }
    }
  }

  func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, varint: fileCount)
    buffer.appendField(2, varint: byteCount)
    buffer.appendField(3, varint: entryCount)
  }
}
