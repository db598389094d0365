// Logs in memory for the log tests: written record by record, replayed, damaged.

import Bytes
import LSM
import TestSupport
import VFS

/// What a replay gave.
struct Replay: Equatable {
  var payloads: [[UInt8]] = []
  var firstSequences: [UInt64] = []
  var droppedByteCount: UInt64 = 0
}

/// Log files in a simulated file system.
struct LogWorld {
  static let salt: UInt32 = 0x5a17_0001
  var files = SimulatedFileSystem()

  init() throws {
    try files.createDirectory("/db")
    try files.syncDirectory("/")
  }
  init(_ files: SimulatedFileSystem) { self.files = files }

  static func path(_ slot: Int) -> String { "/db/\(slot).log" }

  /// A new log in a new or recycled file.
  func writer(
    slot: Int = 1, number: UInt64 = 1, previous: LogEnd? = nil, capacity: UInt64 = 1_024,
    salt: UInt32 = LogWorld.salt
  ) throws -> LogWriter {
    try writer(
      slot: slot, number: number, behind: previous.map { .ended($0) } ?? .none,
      capacity: capacity, salt: salt)
  }

  /// A log that is made ready behind `writer`, and goes on there if `isBegun`.
  func next(
    _ writer: LogWriter, slot: Int, isBegun: Bool = true, capacity: UInt64 = 1_024
  ) throws -> LogWriter {
    let next = try self.writer(
      slot: slot, number: writer.number.rawValue + 1, behind: .open(writer.number),
      capacity: capacity)
    if isBegun {
      try writer.seal(by: next.number)
      next.follow(writer)
    }
    return next
  }

  func writer(
    slot: Int, number: UInt64, behind previous: LogPredecessor, capacity: UInt64,
    salt: UInt32 = LogWorld.salt
  ) throws -> LogWriter {
    let path = LogWorld.path(slot)
    let exists = try files.exists(path)
    let file = try exists ? files.openForOverwriting(path) : files.create(path)
    try files.syncDirectory("/db")
    return try LogWriter(
      file, number: LogNumber(number), salt: salt, previous: previous, capacity: capacity)
  }

  /// Replays all logs in `slots`.
  func replay(_ slots: [Int] = [1], oldestLive: UInt64 = 1) throws -> Replay {
    let opened = try slots.map { try files.openForReading(LogWorld.path($0)) }
    let chain = try LogChain(opened, oldestLive: LogNumber(oldestLive), in: "/db")
    var replay = Replay()
    while let record = try chain.next() {
      replay.payloads.append(record.payload.array)
      replay.firstSequences.append(record.firstSequence.rawValue)
    }
    replay.droppedByteCount = chain.droppedByteCount
    return replay
  }

  func bytes(_ slot: Int = 1) throws -> [UInt8] {
    guard let bytes = files.contents(of: LogWorld.path(slot)) else {
      throw FileError.io(path: LogWorld.path(slot), operation: .open, errno: 2)
    }
    return bytes
  }

  func setBytes(_ bytes: [UInt8], _ slot: Int = 1) {
    files.setContents(of: LogWorld.path(slot), to: bytes)
  }
}

extension LogWriter {
  /// Makes the log durable and says where it ends.
  func finish() throws -> LogEnd {
    try sync()
    return LogEnd(number: number, byteCount: byteCount)
  }

  /// One record of one batch with one entry.
  @discardableResult
  func write(_ payload: [UInt8], at sequence: UInt64) throws -> UInt64 {
    try reserve(payloadByteCount: payload.count)
    try ByteView.of(payload) { (view) throws(FileError) in try add(view, entryCount: 1) }
    return try append(firstSequence: SequenceNumber(sequence))
  }
}

/// Bytes that differ from place to place and payload to payload.
func payload(_ seed: Int, count: Int) -> [UInt8] {
  let period = (0..<251).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ seed) | 1 }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count + period.count)
  while bytes.count < count { bytes += period }
  bytes.removeLast(bytes.count - count)
  return bytes
}
