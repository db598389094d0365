// Drives an engine from a number of threads, each operation timed.

import Bytes
import Glibc
import Histogram
import Runtime
import Synchronization

/// What a thread has at hand; nothing of it is made anew in the loop.
final class Worker {
  /// Counts workers, so that none draws again what one before it has drawn.
  private static let count = Atomic<UInt64>(0)
  var random: SplitMix64
  let text = KeyText()
  let values: ValuePool

  init(values: ValuePool) {
    var seeds = SplitMix64(seed: Worker.count.add(1, ordering: .relaxed).newValue)
    random = SplitMix64(seed: seeds.next())
    self.values = values
  }

  /// Evenly, below `count`.
  @inline(__always)
  func draw(_ count: Int) -> UInt64 {
    random.next().multipliedFullWidth(by: UInt64(count)).high
  }
}

/// How long and from how many threads.
struct Pace: Sendable {
  var threads = 1
  /// Of all threads together.
  var steps = UInt64.max
  var seconds = Double.infinity
  /// Operations that one step is.
  var operationsPerStep: UInt64 = 1
}

/// What a drive gave.
struct DriveResult: Sendable {
  var operations: UInt64 = 0
  var seconds = 0.0
  var latencies = Latencies.empty
  /// Of the process, background threads included.
  var cpuSeconds = 0.0

  func measurement(_ engine: String, _ workload: Workload, threads: Int) -> Measurement {
    var measurement = Measurement(engine: engine, workload: workload.rawValue)
    measurement.threads = threads
    measurement.operations = operations
    measurement.seconds = seconds
    measurement.operationsPerSecond = Double(operations) / seconds
    measurement.cpuMicrosecondsPerOperation = cpuSeconds * 1e6 / Double(max(operations, 1))
    measurement.set(latencies)
    measurement.peakBytes = ProcessFigures.peakByteCount
    return measurement
  }
}

/// Runs `step` with a session, the thread's worker and the number of the step, over and over.
func drive<E: MeasuredEngine>(
  _ engine: E, _ pace: Pace, values: ValuePool,
  step: @escaping @Sendable (E.Session, Worker, UInt64) throws -> Void
) throws -> DriveResult {
  let gate = StartGate(threads: pace.threads)
  let outcome = Mutex((latencies: Latencies.empty, steps: UInt64(0), failure: (any Error)?.none))
  var threads: [WorkerThread] = []
  for index in 0..<pace.threads {
    let thread = WorkerThread(name: "bench-\(index)") {
      var latencies = Latencies.empty
      var steps: UInt64 = 0
      var failure: (any Error)?
      do {
        let session = try engine.makeSession()
        let worker = Worker(values: values)
        gate.wait()
        try drive(pace, first: index, into: &latencies, counting: &steps) { number in
          try step(session, worker, number)
        }
      } catch {
        gate.abandon()
        failure = error
      }
      outcome.withLock {
        $0.latencies.add(latencies)
        $0.steps += steps
        $0.failure = $0.failure ?? failure
      }
    }
    guard let thread else { throw EngineFailure("the system has no thread left") }
    threads.append(thread)
  }
  gate.open()
  let before = ProcessFigures.now()
  let started = SystemTime().monotonicNanoseconds
  for thread in threads { thread.join() }
  let ended = SystemTime().monotonicNanoseconds
  return try outcome.withLock { outcome in
    if let failure = outcome.failure { throw failure }
    return DriveResult(
      operations: outcome.steps * pace.operationsPerStep,
      seconds: Double(ended - started) / 1e9, latencies: outcome.latencies,
      cpuSeconds: ProcessFigures.now().cpuSeconds - before.cpuSeconds)
  }
}

/// One thread's loop. The end of a step is the beginning of the next: one look at the clock each.
@inline(__always)
private func drive(
  _ pace: Pace, first: Int, into latencies: inout Latencies, counting steps: inout UInt64,
  _ step: (UInt64) throws -> Void
) throws {
  let time = SystemTime()
  let stride = UInt64(pace.threads)
  var last = time.monotonicNanoseconds
  let end = pace.seconds == .infinity ? .max : last + UInt64(pace.seconds * 1e9)
  var number = UInt64(first)
  while number < pace.steps, last < end {
    try step(number)
    let now = time.monotonicNanoseconds
    _ = latencies.record(min(now - last, Latencies.longest), count: 1)
    last = now
    steps += 1
    number += stride
  }
}

/// Lets all threads begin together.
private final class StartGate: Sendable {
  private let waiting: Atomic<Int>
  private let opened = Latch()

  init(threads: Int) { waiting = Atomic(threads) }

  func wait() {
    waiting.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    opened.wait()
  }

  /// A thread that will not come.
  func abandon() { waiting.wrappingSubtract(1, ordering: .acquiringAndReleasing) }

  /// Opens it when all threads wait.
  func open() {
    while waiting.load(ordering: .acquiring) > 0 { usleep(100) }
    opened.open()
  }
}
