// What can be set on the HTTP front: each with unit, default and reason.

package import HTTP1

/// Limits and times of the HTTP front.
package struct HTTPOptions: Sendable {
  package var limits = HTTPLimits()
  /// Bytes of one request body. 64 MiB: the largest value fits after base64, memory stays bounded.
  package var bodyByteCount = 64 << 20
  /// Bytes of all request bodies in flight; beyond it a request is told to come back.
  package var bodiesByteCount = 256 << 20
  /// Requests of one connection under way; beyond it no more are read.
  package var pipelineDepth = 64
  /// Bytes of answers of one connection that are ready before their turn; beyond it no more
  /// requests are read.
  package var earlyByteCount = 1 << 20
  /// Reads held by `Prefer: wait`, over all connections.
  package var waitingRequestCount = 10_000
  /// Longest `Prefer: wait`, in seconds; below what proxies usually allow an answer to take.
  package var longestWaitSeconds = 300
  /// Nanoseconds between two looks at the deadlines below.
  package var tickNanoseconds: UInt64 = 1_000_000_000
  /// Ticks from a request's first byte to the end of its head.
  package var headerTicks: UInt64 = 10
  /// Ticks within which another `bodyProgressByteCount` of a body must come.
  package var bodyTicks: UInt64 = 30
  package var bodyProgressByteCount = 16 << 10
  /// Ticks within which an ingest stream must bring something: pipelines pause.
  package var ingestIdleTicks: UInt64 = 300
  /// Nanoseconds between two progress lines of an ingest stream.
  package var progressNanoseconds: UInt64 = 100_000_000
  /// Ticks without a request.
  package var idleTicks: UInt64 = 75
  /// Nanoseconds that one read may hold a loop before others have their turn.
  package var sliceNanoseconds: UInt64 = 500_000
  /// Wait for the threads that read from the disk from which on, once it lasts, reads that need
  /// them are refused; 0: never.
  package var shedNanoseconds: UInt64 = 0
  /// Bytes of one slice of a stream.
  package var sliceByteCount = 64 << 10
  /// Bytes at which a page is cut even below its limit.
  package var pageByteCount = 16 << 20
  /// Resident bytes of the process, for the metrics; nil leaves the figure out.
  package var residentByteCount: @Sendable () -> UInt64? = { nil }
  /// Disk operations that take too long, for metrics and statistics; nil leaves them out.
  package var diskStalls: @Sendable () -> DiskStalls? = { nil }
  /// TLS handshakes, for the metrics; a front each, none where fronts speak plainly.
  package var handshakes: @Sendable () -> [HandshakeFigures] = { [] }
  package init() {}
}

/// What became of a front's TLS handshakes since the start.
package struct HandshakeFigures: Sendable {
  /// `http`, `tcp`.
  package var front: String
  /// Completed, resumed ones included.
  package var done: UInt64
  package var resumed: UInt64
  package var failed: UInt64

  package init(front: String, done: UInt64, resumed: UInt64, failed: UInt64) {
    self.front = front
    self.done = done
    self.resumed = resumed
    self.failed = failed
  }
}

/// Disk operations that were not done after seconds.
package struct DiskStalls: Sendable {
  /// Still not done.
  package var current: Int
  /// Since the start.
  package var total: UInt64

  package init(current: Int, total: UInt64) {
    self.current = current
    self.total = total
  }
}
