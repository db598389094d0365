// Looks every quarter of a second whether the disk has left an operation hanging, on a thread of
// its own: every lane may be waiting for that disk.

internal import Logging
internal import Runtime
internal import Synchronization
internal import VFS

/// Logs stalls of the disk while they last.
final class StallReporter: Sendable {
  private static let pauseNanoseconds: UInt64 = 250_000_000

  private let isStopped = Atomic<Bool>(false)

  init(_ watch: StallWatch, logger: Logger, scheduler: any Scheduler) {
    // Without a thread the store runs as well; it only says less.
    _ = WorkerThread(name: "stall-watch") { [self] in
      while !isStopped.load(ordering: .acquiring) {
        scheduler.pause(nanoseconds: StallReporter.pauseNanoseconds)
        StallReporter.report(watch.look(), to: logger)
      }
    }
  }

  func stop() { isStopped.store(true, ordering: .releasing) }

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
