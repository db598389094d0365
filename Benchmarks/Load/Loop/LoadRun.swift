// One run: threads that load, and beside them what the server's processor time was.

import CLinux
import Histogram
import Runtime
import Synchronization

/// A run to be made.
struct LoadRun: Sendable {
  var address: SocketAddress
  var plan: TrafficPlan
  var connections = 1
  var depth = 1
  var threads = 1
  var requestsPerSecond: Double?
  var warmUp = 2.0
  var duration = 10.0
  var spinMicroseconds: UInt64 = 0
  /// Processor of the first thread; the next ones take the next.
  var pin: Int?
  /// Whose processor time is reported.
  var serverProcesses: [Int32] = []
  var countsFromSending = false
  var batch = 1

  /// Threads take connections in turn, at least one each.
  private func options(_ thread: Int) -> LoaderOptions {
    var options = LoaderOptions()
    options.connections = connections / threads + (thread < connections % threads ? 1 : 0)
    options.depth = depth
    options.requestsPerSecond = requestsPerSecond.map { $0 / Double(threads) }
    options.warmUpNanoseconds = UInt64(warmUp * 1e9)
    options.durationNanoseconds = UInt64(duration * 1e9)
    options.spinNanoseconds = spinMicroseconds * 1_000
    options.countsFromSending = countsFromSending
    options.batch = batch
    return options
  }

  /// Fills a table; the time it took.
  func fill() throws -> LoaderResult {
    var options = options(0)
    options.connections = connections
    options.warmUpNanoseconds = 0
    options.durationNanoseconds = 3_600_000_000_000
    options.keepsSeconds = false
    let traffic = try Traffic(
      plan, thread: 0, connections: connections, depth: depth, contents: RowContents())
    Processor.pin(to: pin)
    let result = try Loader(options, traffic, address).run()
    let bad = result.counts.errors + result.counts.retryLater
    guard bad == 0 else {
      throw BenchmarkFailure(
        "Filling failed \(bad) times: \(result.firstProblem ?? "refused for now").")
    }
    return result
  }

  /// Loads and measures.
  func measure() throws -> LoadMeasurement {
    var run = self
    run.threads = max(min(threads, connections), 1)
    run.plan.threads = run.threads
    let outcome = Mutex<[Result<LoaderResult, BenchmarkFailure>]>([])
    let contents = RowContents()
    var workers: [WorkerThread] = []
    for thread in 0..<run.threads {
      let made = run
      let worker = WorkerThread(name: "load-\(thread)") {
        let result: Result<LoaderResult, BenchmarkFailure>
        do { result = .success(try made.load(thread, contents)) } catch {
          result = .failure(error as? BenchmarkFailure ?? BenchmarkFailure("\(error)"))
        }
        outcome.withLock { $0.append(result) }
      }
      guard let worker else { throw BenchmarkFailure("No thread left.") }
      workers.append(worker)
    }
    var residentByteCount: UInt64 = 0
    let isFinished = {
      residentByteCount = max(
        residentByteCount, Processor.residentByteCount(of: run.serverProcesses))
      return outcome.withLock { $0.count } == run.threads
    }
    Processor.sleep(warmUp, unless: isFinished)
    let before = ProcessorTime(of: serverProcesses)
    Processor.sleep(duration, unless: isFinished)
    let spent = ProcessorTime(of: serverProcesses).seconds(since: before)
    for worker in workers { worker.join() }
    var measurement = LoadMeasurement(serverSeconds: spent)
    measurement.residentByteCount = residentByteCount
    for result in outcome.withLock({ $0 }) { measurement.add(try result.get()) }
    return measurement
  }

  private func load(_ thread: Int, _ contents: RowContents) throws -> LoaderResult {
    Processor.pin(to: pin.map { $0 + thread })
    // A sleep until a request is due ends when it is due.
    strata_set_timer_slack(1)
    let options = options(thread)
    let traffic = try Traffic(
      plan, thread: thread, connections: options.connections, depth: options.depth,
      contents: contents)
    return try Loader(options, traffic, address).run()
  }
}

/// All threads' results as one.
struct LoadMeasurement: Sendable {
  var kindNames: [String] = []
  var latencies: [Latencies] = []
  var seconds: [Latencies] = []
  var counts = OutcomeCounts()
  var operationsPerSecond = 0.0
  var receivedBytesPerSecond = 0.0
  var loaderMicroseconds = 0.0
  var wallSeconds = 0.0
  var unsent: UInt64 = 0
  var sent: UInt64 = 0
  var unanswered: UInt64 = 0
  var refusals = Latencies.empty
  var longestEarlyRefusal: UInt64 = 0
  /// The most that the servers had in memory, looked at four times a second.
  var residentByteCount: UInt64 = 0
  var firstProblem: String?
  /// Of the servers' processors; nil where they are not known.
  var serverSeconds: Double?

  init(serverSeconds: Double?) { self.serverSeconds = serverSeconds }

  mutating func add(_ result: LoaderResult) {
    let elapsed = max(Double(result.nanoseconds), 1) / 1e9
    counts = counts + result.counts
    operationsPerSecond += Double(result.counts.done) / elapsed
    receivedBytesPerSecond += Double(result.receivedByteCount) / elapsed
    loaderMicroseconds += Double(result.processorNanoseconds) / 1e3
    wallSeconds = max(wallSeconds, elapsed)
    unsent += result.unsent
    sent += result.sent
    unanswered += result.unanswered
    refusals.add(result.refusals)
    longestEarlyRefusal = max(longestEarlyRefusal, result.longestEarlyRefusal)
    firstProblem = firstProblem ?? result.firstProblem
    kindNames = result.kindNames
    latencies = LoadMeasurement.sum(latencies, result.latencies)
    seconds = LoadMeasurement.sum(seconds, result.seconds)
  }

  private static func sum(_ left: [Latencies], _ right: [Latencies]) -> [Latencies] {
    var sum = left.count >= right.count ? left : right
    let other = left.count >= right.count ? right : left
    for (index, more) in other.enumerated() { sum[index].add(more) }
    return sum
  }

  /// Of all kinds.
  var all: Latencies {
    latencies.dropFirst().reduce(latencies.first ?? .empty) { sum, next in
      var sum = sum
      sum.add(next)
      return sum
    }
  }
}
