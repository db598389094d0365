// The live logs of one engine as one sequence of records. Each log's header names the log before
// it, and each log that ended is sealed with the number of the next. What follows a log L, by what
// there is:
//
//   1. A log whose header says where L ended: written by a start, which had made L durable up to
//      there. L is whole up to that point or damaged. Logs that were made ready behind L, and did
//      not count for that start, do not count at all.
//   2. The log that L's seal names, whose header was durable before the seal was written. Only when
//      the two newest logs are such a pair can L be not durable yet; a record of the newest one
//      with a syncedOffset says that it is.
//   3. A log that was made ready behind L, and L has no seal. If one of its records says that L is
//      durable, L is damaged. Otherwise L ends there, with a torn tail or without, and nothing of
//      the other log counts: what was written to it, nobody was told to be durable.
//   4. None: L is the newest, and may have a torn tail; if it has a seal, a log is missing.

package import VFS

/// A log that must be replayed.
package struct LiveLog: Sendable {
  package let path: String
  package let number: LogNumber
  /// Bytes of the file.
  package let byteCount: UInt64

  init(_ file: any ReadableFile, _ header: LogHeader) {
    path = file.path
    number = header.number
    byteCount = file.byteCount
  }
}

/// Bytes of a log that replay has read and that may not be durable.
package struct UnprovenBytes: Equatable, Sendable {
  package let path: String
  package let range: Range<UInt64>
}

/// Replays an engine's live logs, oldest first, holding one record at a time.
package final class LogChain {
  private typealias Log = (file: any ReadableFile, header: LogHeader)

  /// Files that hold no live log: to be recycled or removed. All of them are known once `next` has
  /// returned nil.
  package private(set) var sparePaths: [String]
  /// The highest number found, dead logs included; the next log's must be above it.
  package let highestNumber: LogNumber?
  /// Records given so far.
  package private(set) var recordCount = 0
  private var logs: [Log]
  private var position = 0
  /// Of the log before the current one, where its seal alone links the two.
  private var sealed: UnprovenBytes?
  private var reader: LogReader?
  private var lastSequence = SequenceNumber.zero

  /// - Parameters:
  ///   - files: Every log file of the engine, in any order.
  ///   - oldestLive: From the manifest: logs with lower numbers are dead.
  ///   - begun: From the manifest too: the newest log that it knows to have begun.
  ///   - directory: Where the files are, to be named where one of them is missing.
  /// - Throws: `.corrupt` where a live log is lost or doubled, or its header is.
  package init(
    _ files: [any ReadableFile], oldestLive: LogNumber, begun: LogNumber? = nil,
    in directory: String
  ) throws(EngineError) {
    var live: [Log] = []
    var spare: [String] = []
    var highest: LogNumber?
    for file in files {
      guard let header = try LogReader.header(of: file, oldestLive: oldestLive) else {
        spare.append(file.path)
        continue
      }
      highest = highest.map { Swift.max($0, header.number) } ?? header.number
      if header.number < oldestLive {
        spare.append(file.path)
      } else {
        live.append((file, header))
      }
    }
    live.sort { $0.header.number < $1.header.number }
    let logs = try LogChain.link(live, oldestLive, &spare)
    if let begun, begun >= oldestLive, !logs.contains(where: { $0.header.number == begun }) {
      throw .corrupt(
        path: directory, offset: 0,
        reason: "log \(begun.rawValue), which the manifest knows to have begun, is missing")
    }
    self.logs = logs
    sparePaths = spare
    highestNumber = highest
  }

  /// Each log behind the one that it names, without those that a later start left out.
  private static func link(
    _ sorted: [Log], _ oldestLive: LogNumber, _ spare: inout [String]
  ) throws(EngineError) -> [Log] {
    var linked: [Log] = []
    var before: LogNumber?
    for log in sorted {
      let (file, header) = log
      if header.number == before {
        throw .corrupt(
          path: file.path, offset: 0,
          reason: "a second log with number \(header.number.rawValue)")
      }
      before = header.number
      if case .ended(let end) = header.previous {
        // Whatever is the first has begun: the manifest says that it is alive.
        while linked.count > 1, let last = linked.last, last.header.number > end.number,
          case .open = last.header.previous
        {
          spare.append(last.file.path)
          linked.removeLast()
        }
      }
      let named = header.previous.number ?? LogNumber(0)
      // The oldest live log's predecessor is dead, or there never was one.
      let isMissing = linked.last.map { named != $0.header.number } ?? (named >= oldestLive)
      if isMissing {
        throw .corrupt(
          path: file.path, offset: 0,
          reason: "log \(named.rawValue), which came before this one, is missing")
      }
      linked.append(log)
    }
    return linked
  }

  /// Paths of the live logs, oldest first.
  package var livePaths: [String] { logs.map { $0.file.path } }
  /// The live logs, oldest first.
  package var live: [LiveLog] { logs.map { LiveLog($0.file, $0.header) } }
  /// The log that the last record came from.
  package var current: LiveLog? {
    reader == nil ? nil : LiveLog(logs[position].file, logs[position].header)
  }
  /// The number of the newest live log.
  package var newestNumber: LogNumber? { logs.last?.header.number }
  /// Bytes of a torn tail; known once `next` has returned nil.
  package var droppedByteCount: UInt64 { reader?.droppedByteCount ?? 0 }
  /// Where the newest log ended; known once `next` has returned nil.
  package var end: LogEnd? { reader?.end }
  /// What must be made durable before a successor's header states that end; known once `next` has
  /// returned nil.
  package var unproven: [UnprovenBytes] {
    guard let reader else { return [] }
    // A record that vouches for its own log vouches for those before.
    let older = reader.vouchedOffset == 0 ? sealed : nil
    let newest = UnprovenBytes(
      path: reader.path, range: reader.vouchedOffset..<reader.end.byteCount)
    return (older.map { [$0] } ?? []) + [newest]
  }

  /// The next record, or nil behind the last. Sequence numbers only grow.
  package func next() throws(EngineError) -> LogRecord? {
    while true {
      guard let reader else {
        if logs.isEmpty { return nil }
        try startLog(0)
        continue
      }
      if let record = try reader.next() {
        guard record.firstSequence > lastSequence,
          record.entryCount > 0,
          record.firstSequence.rawValue <= UInt64.max - UInt64(record.entryCount)
        else {
          throw .corrupt(
            path: reader.path, offset: reader.end.byteCount,
            reason: "the record that ends here begins at entry "
              + "\(record.firstSequence.rawValue), after \(lastSequence.rawValue)")
        }
        lastSequence = SequenceNumber(
          record.firstSequence.rawValue + UInt64(record.entryCount) - 1)
        recordCount += 1
        return record
      }
      guard position + 1 < logs.count, try goesOn(behind: reader) else {
        if let successor = reader.successor {
          throw .corrupt(
            path: reader.path, offset: reader.end.byteCount,
            reason: "log \(successor.rawValue), which goes on where this one ends, is missing")
        }
        return nil
      }
      try startLog(position + 1)
    }
  }

  /// Does the next log count? If it does not it is gone afterwards.
  private func goesOn(behind reader: LogReader) throws(EngineError) -> Bool {
    let next = logs[position + 1]
    guard case .open = next.header.previous else {
      sealed = nil
      return true
    }
    if reader.successor == next.header.number {
      sealed = UnprovenBytes(
        path: reader.path, range: reader.vouchedOffset..<reader.readByteCount)
      return true
    }
    // Another log behind the next one was made ready when this one was durable.
    var isDurable = position + 2 < logs.count
    if !isDurable {
      isDurable = try LogReader.vouchesForPredecessor(next.file, next.header)
    }
    if reader.successor == nil, isDurable {
      throw .corrupt(
        path: reader.path, offset: reader.end.byteCount,
        reason: "no record and no seal, and log \(next.header.number.rawValue) says that this one "
          + "was durable to its end")
    }
    sparePaths.append(next.file.path)
    logs.removeLast(logs.count - position - 1)
    return false
  }

  private func startLog(_ index: Int) throws(EngineError) {
    position = index
    let log = logs[index]
    let successor = index + 1 < logs.count ? logs[index + 1].header : nil
    reader = try LogReader(
      log.file, header: log.header, provenEnd: successor?.previous.byteCount)
  }
}
