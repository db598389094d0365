// Slow clients beside good ones: what the good ones notice, and what an idle one costs.

import Foundation
import Glibc
import Testing

@Suite(.serialized) struct SlowClientTests {
  /// Idle connections of the full size; without it a small slice runs, and times are only shown.
  private static let fullSize =
    ProcessInfo.processInfo.environment["STRATA_IDLE_CONNECTIONS"].flatMap { Int($0) }
  private static let isSlow = ProcessInfo.processInfo.environment["STRATA_READY_SECONDS"] != nil
  private static let idleByteCount = 32 << 10

  /// Connections of each habit.
  private static func count(_ habit: SlowHabit) -> Int {
    let idle = fullSize ?? 400
    switch habit {
    case .idle: return idle
    case .halfOpen: return idle / 10
    case .slowReader, .slowWriter: return idle / 100
    }
  }

  /// All, or those that are asked for.
  private static let habits: [SlowHabit] =
    ProcessInfo.processInfo.environment["STRATA_SLOW_HABITS"].map { names in
      names.split(separator: ",").compactMap { SlowHabit(rawValue: String($0)) }
    } ?? SlowHabit.allCases

  /// Rounds of each kind at full size, and short measurements in each: what else the machine does
  /// spoils some, what slow clients do spoils all.
  private static let roundCount = fullSize == nil ? 1 : 7
  private static let measurementCount = fullSize == nil ? 1 : 4

  /// What good clients saw of one front: p50, p99 and the longest, in microseconds, of each
  /// measurement.
  private struct Seen {
    var p50: [Double] = []
    var p99: [Double] = []
    var max: [Double] = []

    /// The lower quartile: what else the machine does only ever adds, to as many as half of them.
    static func quiet(_ values: [Double]) -> Double {
      values.isEmpty ? 0 : values.sorted()[values.count / 4]
    }
    var quietP99: Double { Seen.quiet(p99) }
    var text: String {
      let sorted = p99.sorted().map { Int($0) }
      let spread = sorted.isEmpty ? "" : "\(sorted[0])-\(sorted[sorted.count / 2])"
      return "\(Int(Seen.quiet(p50))) / \(Int(quietP99)) (\(spread)) / \(Int(Seen.quiet(max)))"
    }
  }

  private static let fronts = ["tcp", "http"]

  /// Point reads at a steady rate, far below what the server can do.
  private func bench(
    _ front: String, _ server: ServerProcess, _ directory: TemporaryDirectory,
    into seen: inout Seen
  ) throws {
    let json = directory.path("\(front).json")
    let isFull = Self.fullSize != nil
    let result = try run(
      Programs.path("kvbench"),
      [
        "run", "get", "--load", "--records", "20000", "--protocol", front, "--server",
        front == "tcp" ? server.tcp : server.http, "--shape", "16x1", "--rate",
        isFull ? "5000" : "500", "--warm-up", isFull ? "200ms" : "100ms", "--duration",
        isFull ? "300ms" : "500ms", "--json", json, "--pin", "1",
      ])
    #expect(result.status == 0, "\(result.errors) \(result.output)")
    let data = try Data(contentsOf: URL(filePath: json))
    let report = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let runs = try #require(report?["runs"] as? [[String: Any]])
    let latency = try #require(runs.first?["latency"] as? [String: Double])
    let outcomes = try #require(runs.first?["outcomes"] as? [String: Int])
    #expect(outcomes["retryLater"] == 0)
    seen.p50.append(latency["p50"] ?? 0)
    seen.p99.append(latency["p99"] ?? 0)
    seen.max.append(latency["max"] ?? 0)
  }

  @Test(.disabled(if: isSlow, "it measures time"))
  func `good clients hardly notice slow ones, and an idle one is cheap`() throws {
    raiseDescriptorLimit()
    try #require(!Self.habits.isEmpty, "one of \(SlowHabit.allCases.map(\.rawValue))")
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(
      directory: directory.path("data"),
      ["--durability", "none", "--loops", "1"]
        + (Self.fullSize == nil ? [] : ["--shed-after", "50ms"]))
    if Self.fullSize != nil { try pin(server) }
    let awake = AwakeCores(Self.fullSize == nil ? [] : [0, 1])
    defer { awake.end() }
    let memory = ServerMemory(of: server)
    var idleByteCount = 0
    var table = "point reads beside others; p50 / p99 (least-median) / max in µs | tcp | http\n"
    func note(_ name: String, _ seen: [Seen]) {
      table += "\(name) | " + seen.map(\.text).joined(separator: " | ") + "\n"
    }
    for habit in Self.habits {
      let count = Self.count(habit)
      var alone = Self.fronts.map { _ in Seen() }
      var beside = alone
      // In turns, so that both see the same of what else the machine does.
      for round in 0..<Self.roundCount {
        // What comes first has no better time for it.
        let fronts = Array(Self.fronts.enumerated())
        let order = Array(
          repeatElement(round % 2 == 0 ? fronts : fronts.reversed(), count: Self.measurementCount)
            .joined())
        for (index, front) in order {
          try bench(front, server, directory, into: &alone[index])
        }
        let before = memory.residentByteCount
        let crowd = try SlowCrowd(habit, count: count, server: server)
        if habit == .idle {
          idleByteCount = max(idleByteCount, (memory.residentByteCount - before) / count)
        }
        for (index, front) in order {
          try bench(front, server, directory, into: &beside[index])
        }
        crowd.end()
        memory.settle()
      }
      note("nobody else", alone)
      note("\(count) \(habit.title)", beside)
      guard Self.fullSize != nil else { continue }
      for (index, front) in Self.fronts.enumerated() {
        #expect(
          beside[index].quietP99 <= 2 * alone[index].quietP99, "\(habit.title), \(front)")
      }
    }
    print(table + "an idle connection: \(idleByteCount) bytes")
    #expect(idleByteCount <= Self.idleByteCount)
    #expect(server.stop() == 0)
  }

  /// The server has core 0; the good clients have core 1, and so have the slow ones, which this
  /// process is.
  private func pin(_ server: ServerProcess) throws {
    let taskset = URL(filePath: "/usr/bin/taskset")
    for (core, process) in [("0", server.processIdentifier), ("1", getpid())] {
      let result = try run(taskset, ["-a", "-c", "-p", core, "\(process)"])
      #expect(result.status == 0, "\(result.errors)")
    }
  }

  private func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
