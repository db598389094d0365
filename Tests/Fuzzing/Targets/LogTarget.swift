// Two logs, of which the first is sealed with the second one's number, and the second states where
// the first one ended or was made ready before that, damaged by the input's edits. The replay gives
// the records that were written, in order, from the first, or refuses; it never ends early where a
// record, seal or header that is whole proves that more was durable.
//
//   input := mode: u8 (1: checksums are made right after the edits; 2: the second log was made
//            ready before the first one ended) │ edits; operation & 8 chooses the second log

import Bytes
import TestSupport
import VFS

@testable import LSM

final class LogTarget: FuzzTarget {
  /// A record as it was written.
  private struct Written {
    let log: Int
    let range: Range<Int>
    let payload: [UInt8]
    let sequence: UInt64
    let syncedOffset: UInt64
  }

  /// Two logs as they were written.
  private struct Pair {
    let files: [EditedFile]
    let written: [Written]
    /// Where the first log's seal stands.
    let seal: Range<Int>
    let isMadeReady: Bool
  }

  private let pairs: [Pair]
  /// That of the current input.
  private var pair: Pair
  private var files: [EditedFile] { pair.files }
  private var written: [Written] { pair.written }

  init() throws {
    pairs = try [false, true].map { try LogTarget.pair(isMadeReady: $0) }
    pair = pairs[0]
  }

  private static func pair(isMadeReady: Bool) throws -> Pair {
    var records: [Written] = []
    let disk = SimulatedFileSystem()
    try disk.createDirectory("/db")
    let older = try newLog(disk, 0, number: 3, behind: .none)
    try fill(older, slot: 0, firstSequence: 1, &records)
    let end = LogEnd(number: LogNumber(3), byteCount: older.byteCount)
    let newer = try newLog(
      disk, 1, number: 4, behind: isMadeReady ? .open(end.number) : .ended(end))
    try older.seal(by: LogNumber(4))
    if isMadeReady { newer.follow(older) }
    try fill(newer, slot: 1, firstSequence: 10, &records)
    return Pair(
      files: [0, 1].map { EditedFile("/db/\($0).log", disk.contents(of: "/db/\($0).log") ?? []) },
      written: records,
      seal: Int(end.byteCount)..<Int(end.byteCount) + LogFormat.sealByteCount,
      isMadeReady: isMadeReady)
  }

  private static func newLog(
    _ disk: SimulatedFileSystem, _ slot: Int, number: UInt64, behind previous: LogPredecessor
  ) throws -> LogWriter {
    try LogWriter(
      try disk.create("/db/\(slot).log"), number: LogNumber(number), salt: 0x5a17_0000,
      previous: previous, capacity: 384)
  }

  /// Writes four records, in the second log not all of them synced.
  private static func fill(
    _ writer: LogWriter, slot: Int, firstSequence: UInt64, _ records: inout [Written]
  ) throws {
    var sequence = firstSequence
    for index in 0..<4 {
      var batch = WriteBatch()
      for entry in 0...index % 2 {
        ByteView.of([UInt8](repeating: UInt8(index), count: 1 + entry * 3)) { bytes in
          batch.append(entry == 0 ? .put : .merge, key: bytes, value: bytes)
        }
      }
      let start = Int(writer.byteCount)
      let synced = writer.syncedByteCount
      try writer.reserve(payloadByteCount: batch.byteCount)
      try writer.add(batch.encoded, entryCount: batch.count)
      let end = Int(try writer.append(firstSequence: SequenceNumber(sequence)))
      if slot == 0 || index == 1 { try writer.sync() }
      records.append(
        Written(
          log: slot, range: start..<end, payload: batch.encoded.array, sequence: sequence,
          syncedOffset: synced))
      sequence += UInt64(batch.count)
    }
  }

  func run(_ input: ByteView) throws(Finding) {
    var input = FuzzInput(input)
    let mode = input.byte()
    pair = pairs[mode & 2 == 0 ? 0 : 1]
    for file in files { file.restore() }
    while !input.isAtEnd {
      let operation = input.byte()
      files[operation & 8 == 0 ? 0 : 1].edit(operation, &input)
    }
    let isRepaired = mode & 1 != 0
    if isRepaired { repair() }
    var count = 0
    do throws(EngineError) {
      let chain = try LogChain(files, oldestLive: LogNumber(3), in: "/db")
      while let record = try chain.next() {
        try? LogTarget.walk(record.payload)
        if !isRepaired, try checkedRecord(record, count, chain) == .forged { return }
        count += 1
        if count > 1_000 { throw EngineError.rejected(Finding("a replay without end")) }
      }
    } catch {
      guard case .rejected(let finding as Finding) = error else { return }
      throw finding
    }
    if !isRepaired { try checkEnd(count) }
  }

  private enum Judgement { case right, forged }

  /// Compares a record with the one that was written in its place.
  private func checkedRecord(
    _ record: LogRecord, _ index: Int, _ chain: LogChain
  ) throws(EngineError) -> Judgement {
    if index < written.count, record.payload.array == written[index].payload,
      record.firstSequence.rawValue == written[index].sequence
    {
      return .right
    }
    // Another record: the edits may have made one, checksum and all.
    guard let end = chain.end, let file = files.first(where: { $0.path == chain.current?.path })
    else { throw .rejected(Finding("a record out of no log")) }
    let start = Int(end.byteCount) - LogFormat.recordByteCount(payload: record.payload.count)
    guard isWhole(file, at: start, payloadCount: record.payload.count) else {
      throw .rejected(Finding("record \(index) is none that was written"))
    }
    return .forged
  }

  /// A replay that ended without a refusal after `count` records has lost none that is proven.
  private func checkEnd(_ count: Int) throws(Finding) {
    guard count < written.count else { return }
    let end = written[count]
    try checkSeal(end)
    if end.log == 0, !pair.isMadeReady, files[1].isIntact(0..<LogFormat.headerByteCount) {
      throw Finding("the first log ends after \(count) records, and the second says more")
    }
    for later in written[count...] where files[later.log].isIntact(later.range) {
      // Of a log that was made ready, only what says so itself.
      let isProof =
        later.log == end.log
        ? later.syncedOffset > UInt64(end.range.lowerBound)
        : !pair.isMadeReady || later.syncedOffset > 0
      if isProof { throw Finding("\(count) records, and one at \(later.range) of \(later.log)") }
    }
  }

  /// Without the second log the first one's seal is the end of the replay, not of the log.
  private func checkSeal(_ end: Written) throws(Finding) {
    let isSecondThere = end.range.lowerBound > written[4].range.lowerBound && end.log == 1
    let sum = files[1].checksum(0..<12).flatMap {
      files[1].checksum(16..<LogFormat.headerByteCount, seed: $0)
    }
    guard !isSecondThere, sum != files[1].word(at: 12), files[0].isIntact(pair.seal) else { return }
    throw Finding("the second log is gone, and the first one's seal names it")
  }

  private func isWhole(_ file: EditedFile, at start: Int, payloadCount: Int) -> Bool {
    let body = start + LogFormat.recordHeaderByteCount
    guard let payload = file.checksum(body..<body + payloadCount),
      let whole = file.checksum(start + 4..<body, seed: payload)
    else { return false }
    return whole == file.word(at: start)
  }

  /// Makes the checksums of headers and records right for what the edits left.
  private func repair() {
    for record in written {
      let file = files[record.log]
      let body = record.range.lowerBound + LogFormat.recordHeaderByteCount
      guard let count = file.word(at: record.range.lowerBound + 4), count < 4_096,
        let payload = file.checksum(body..<body + Int(count)),
        let sum = file.checksum(record.range.lowerBound + 4..<body, seed: payload)
      else { continue }
      file.set(sum, at: record.range.lowerBound)
    }
    for file in files {
      guard let front = file.checksum(0..<12),
        let sum = file.checksum(16..<LogFormat.headerByteCount, seed: front)
      else { continue }
      file.set(sum, at: 12)
    }
  }

  private static func walk(_ payload: ByteView) throws(ByteReadError) {
    var entries = WriteBatchReader(payload)
    while try entries.next() != nil {}
  }
}
