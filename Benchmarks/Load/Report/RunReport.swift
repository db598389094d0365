// What runs measured, as it is kept in JSON files and shown. Microseconds throughout.

import Foundation
import Histogram

/// All runs of one command.
struct RunReport: Codable, Equatable, Sendable {
  var version = 1
  var command: String
  var date: String
  var machine: Machine
  var runs: [RunResult]

  struct Machine: Codable, Equatable, Sendable {
    var processor: String
    var cores: Int
    var kernel: String
  }
}

/// Percentiles in microseconds.
struct LatencySummary: Codable, Equatable, Sendable {
  var p50: Double
  var p90: Double
  var p99: Double
  var p999: Double
  var max: Double
  var mean: Double

  init(_ latencies: Latencies) {
    func at(_ percentile: Double) -> Double {
      latencies.totalCount == 0
        ? 0 : Double(latencies.valueAtPercentile(percentile)) / 1_000
    }
    p50 = at(50)
    p90 = at(90)
    p99 = at(99)
    p999 = at(99.9)
    max = at(100)
    mean = latencies.totalCount == 0 ? 0 : latencies.mean / 1_000
  }
}

/// One run.
struct RunResult: Codable, Equatable, Sendable {
  /// A kind of request of a mix.
  struct Kind: Codable, Equatable, Sendable {
    var name: String
    var operations: UInt64
    var latency: LatencySummary
  }
  /// A point of the latency curve.
  struct CurvePoint: Codable, Equatable, Sendable {
    /// Of operations, below 1.
    var share: Double
    var microseconds: Double
  }

  var workload: String
  var system: String
  var connections: Int
  var pipeline: Int
  var threads: Int
  var keys: String
  var records: UInt64
  /// Requests a second that were to be sent; nil in a closed loop.
  var targetRate: Double?
  var seconds: Double
  var outcomes: OutcomeCounts
  var operationsPerSecond: Double
  var latency: LatencySummary
  var kinds: [Kind]
  var curve: [CurvePoint]
  var timeline: [SecondRecord]
  var serverMicrosecondsPerOperation: Double?
  var loaderMicrosecondsPerOperation: Double
  /// Of one processor.
  var serverShare: Double?
  var loaderShare: Double
  var megabytesPerSecond: Double
  var rowsPerSecond: Double?
  /// Due and never sent or never answered.
  var unsent: UInt64
  var problem: String?

  var errors: UInt64 { outcomes.errors }
  var shape: String { "\(connections)x\(pipeline)" }
  /// What is compared with what.
  var identity: String {
    let rate = targetRate.map { " at \(Int($0))/s" } ?? ""
    return "\(system) \(workload) \(shape)\(rate)"
  }

  init(_ run: LoadRun, system: String, _ measured: LoadMeasurement) {
    let all = measured.all
    workload = run.plan.workload.name
    self.system = system
    connections = run.connections
    pipeline = run.depth
    threads = max(min(run.threads, run.connections), 1)
    keys = run.plan.keys.rawValue
    records = run.plan.records
    targetRate = run.requestsPerSecond
    seconds = measured.wallSeconds
    outcomes = measured.counts
    operationsPerSecond = measured.operationsPerSecond
    latency = LatencySummary(all)
    kinds = zip(measured.kindNames, measured.latencies).map {
      Kind(name: $0, operations: $1.totalCount, latency: LatencySummary($1))
    }
    curve = RunResult.curve(all)
    timeline = measured.seconds.prefix(Int(run.duration)).map {
      SecondRecord(
        operations: $0.totalCount,
        p99Nanoseconds: $0.totalCount == 0 ? 0 : $0.valueAtPercentile(99),
        maxNanoseconds: $0.totalCount == 0 ? 0 : $0.max)
    }
    let done = max(Double(measured.counts.done), 1)
    serverMicrosecondsPerOperation = measured.serverSeconds.map { $0 * 1e6 / done }
    serverShare = measured.serverSeconds.map { $0 / max(run.duration, 1e-9) }
    loaderMicrosecondsPerOperation = measured.loaderMicroseconds / done
    loaderShare = measured.loaderMicroseconds / 1e6 / max(measured.wallSeconds, 1e-9)
    megabytesPerSecond = measured.receivedBytesPerSecond / 1e6
    unsent = measured.unsent
    problem = measured.firstProblem
    rowsPerSecond = RunResult.rows(run.plan).map { $0 * measured.operationsPerSecond }
  }

  /// Rows that one operation carries, where it is not one.
  private static func rows(_ plan: TrafficPlan) -> Double? {
    guard plan.workload.portions.count == 1 else { return nil }
    switch plan.workload.portions[0].action {
    case .batchGet(let count), .range(let count, _), .stream(let count), .fill(let count):
      return Double(count)
    case .fullScan: return Double(plan.records)
    default: return nil
    }
  }

  private static func curve(_ latencies: Latencies) -> [CurvePoint] {
    guard latencies.totalCount > 0 else { return [] }
    var points: [CurvePoint] = []
    for step in latencies.percentiles(ticksPerHalfDistance: 4) where step.percentile < 100 {
      points.append(
        CurvePoint(share: step.percentile / 100, microseconds: Double(step.value) / 1_000))
    }
    return points
  }
}

extension RunReport {
  /// Of this machine, now.
  init(runs: [RunResult]) {
    command = CommandLine.arguments.joined(separator: " ")
    date = Date.now.formatted(.iso8601)
    machine = .current
    self.runs = runs
  }

  init(readingFrom path: String) throws {
    let data: Data
    do { data = try Data(contentsOf: URL(filePath: path)) } catch {
      throw BenchmarkFailure("Cannot read \(path): \(error.localizedDescription)")
    }
    do { self = try JSONDecoder().decode(RunReport.self, from: data) } catch {
      throw BenchmarkFailure("\(path) is not a report of kvbench: \(error)")
    }
  }

  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  func write(to path: String) throws { try encoded().write(to: URL(filePath: path)) }
}

extension RunReport.Machine {
  static var current: RunReport.Machine {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = lines.split(separator: "\n").first { $0.hasPrefix("model name") }
      .flatMap { $0.split(separator: ":", maxSplits: 1).last }
    let release = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
    return RunReport.Machine(
      processor: model.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown processor",
      cores: ProcessInfo.processInfo.activeProcessorCount,
      kernel: "Linux \(release.trimmingCharacters(in: .whitespacesAndNewlines))")
  }

  var line: String { "\(processor), \(cores) cores, \(kernel)" }
}
