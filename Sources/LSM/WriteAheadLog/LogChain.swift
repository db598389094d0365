// The live logs of one engine as one sequence of records. Each log's header names the log before
// it and where that one ended, durably, and each log that ended is sealed with the number of the
// next; so a lost log, or damage anywhere in a log that has a successor, is told from a torn tail,
// which only the newest log can have.

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

/// Replays an engine's live logs, oldest first, holding one record at a time.
package final class LogChain {
  /// Files that hold no live log: to be recycled or removed.
  package let sparePaths: [String]
  /// The highest number found, dead logs included; the next log's must be above it.
  package let highestNumber: LogNumber?
  /// Records given so far.
  package private(set) var recordCount = 0
  private let logs: [(file: any ReadableFile, header: LogHeader)]
  private var position = 0
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
    var live: [(file: any ReadableFile, header: LogHeader)] = []
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
    try LogChain.refuseGaps(live, oldestLive)
    if let begun, begun >= oldestLive, !live.contains(where: { $0.header.number == begun }) {
      throw .corrupt(
        path: directory, offset: 0,
        reason: "log \(begun.rawValue), which the manifest knows to have begun, is missing")
    }
    logs = live
    sparePaths = spare
    highestNumber = highest
  }

  private static func refuseGaps(
    _ logs: [(file: any ReadableFile, header: LogHeader)], _ oldestLive: LogNumber
  ) throws(EngineError) {
    var before: LogNumber?
    for (file, header) in logs {
      if header.number == before {
        throw .corrupt(
          path: file.path, offset: 0,
          reason: "a second log with number \(header.number.rawValue)")
      }
      let named = header.previous?.number
      let isFirst = before == nil
      // The oldest live log's predecessor is dead, or there never was one.
      if isFirst ? (named ?? .init(0)) >= oldestLive : named != before {
        throw .corrupt(
          path: file.path, offset: 0,
          reason: "log \(named?.rawValue ?? 0), which came before this one, is missing")
      }
      before = header.number
    }
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
  /// Where the newest log ended; known once `next` has returned nil. What replay has read may not
  /// be durable yet: sync the file before a successor's header states this end.
  package var end: LogEnd? { reader?.end }
  /// Bytes of the newest log that are surely durable; known once `next` has returned nil.
  package var vouchedByteCount: UInt64 { reader?.vouchedOffset ?? 0 }

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
      if position + 1 == logs.count {
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

  private func startLog(_ index: Int) throws(EngineError) {
    position = index
    let log = logs[index]
    let successor = index + 1 < logs.count ? logs[index + 1].header : nil
    reader = try LogReader(
      log.file, header: log.header, provenEnd: successor?.previous?.byteCount)
  }
}
