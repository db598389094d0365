// What happens in the background, as log lines.

internal import LSM
internal import Logging

/// Logs engine events.
struct EngineEventLog: Sendable {
  let logger: Logger

  func log(_ event: EngineEvent) {
    switch event {
    case .recovered(let directory, let records, let tornByteCount):
      logger.log(
        level: tornByteCount > 0 ? .notice : .info, "recovered",
        metadata: [
          "directory": "\(directory)", "log_records": "\(records)",
          "torn_tail_bytes": "\(tornByteCount)",
        ])
    case .flushed(let directory, let byteCount, let nanoseconds):
      logger.info(
        "flushed",
        metadata: [
          "directory": "\(directory)", "bytes": "\(byteCount)",
          "ms": "\(nanoseconds / 1_000_000)",
        ])
    case .compacted(let directory, let from, let to, let read, let written, let nanoseconds):
      logger.info(
        "compacted",
        metadata: [
          "directory": "\(directory)", "from_level": "\(from)", "to_level": "\(to)",
          "bytes_read": "\(read)", "bytes_written": "\(written)",
          "ms": "\(nanoseconds / 1_000_000)",
        ])
    case .collected: break
    case .writersSlowed(let directory, let bytesPerSecond):
      logger.notice(
        "writers are slowed: flushes and compactions are behind",
        metadata: ["directory": "\(directory)", "bytes_per_second": "\(bytesPerSecond)"])
    case .backgroundFailed(let directory, let job, let error):
      logger.error(
        "background job failed",
        metadata: ["directory": "\(directory)", "job": "\(job)", "error": "\(error)"])
    case .becameReadOnly(let directory, let cause):
      logger.critical(
        "writes are refused until restart",
        metadata: ["directory": "\(directory)", "cause": "\(cause)"])
    }
  }
}
