// Looks every quarter of a second whether the disk has left an operation hanging, on a thread of
// its own: every lane may be waiting for that disk.

internal import Logging
internal import Runtime
internal import VFS

/// Logs stalls of the disk while they last.
final class StallReporter: Sendable {
  private static let pauseNanoseconds: UInt64 = 250_000_000

  private let stopped: Bell
  private let thread: WorkerThread?

  init(_ watch: StallWatch, logger: Logger) {
    let stopped = Bell()
    self.stopped = stopped
    // Without a thread the store runs as well; it only says less.
    thread = WorkerThread(name: "stall-watch") {
      while !stopped.wait(atMostNanoseconds: StallReporter.pauseNanoseconds) {
        StallReporter.report(watch.look(), to: logger)
      }
    }
  }

  /// Once.
  func stop() {
    stopped.ring()
    thread?.join()
  }

  private static func report(_ findings: StallWatch.Findings, to logger: Logger) {
    for stall in findings.stalled {
      logger.error("the disk does not answer", metadata: metadata(stall))
    }
    for stall in findings.ended {
      logger.notice("the disk answers again", metadata: metadata(stall))
    }
  }

  private static func metadata(_ stall: StallWatch.Stall) -> Logger.Metadata {
    [
      "operation": "\(stall.operation.rawValue)", "path": "\(stall.path)",
      "ms": "\(stall.nanoseconds / 1_000_000)",
    ]
  }
}
