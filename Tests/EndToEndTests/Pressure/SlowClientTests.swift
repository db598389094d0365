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

  /// What good clients saw of one front: p50, p99 and the longest, in microseconds.
  private struct Seen {
    var p50 = 0.0
    var p99 = 0.0
    var max = 0.0

    var text: String { "\(Int(p50)) / \(Int(p99)) / \(Int(max))" }
  }

  private static let fronts = ["tcp", "http"]

  /// Point reads at a steady rate, far below what the server can do.
  private func bench(_ front: String, _ server: ServerProcess, _ directory: TemporaryDirectory)
    throws
    -> Seen
  {
    let json = directory.path("\(front).json")
    let isFull = Self.fullSize != nil
    let result = try run(
      Programs.path("kvbench"),
      [
        "run", "get", "--load", "--records", "20000", "--protocol", front, "--server",
        front == "tcp" ? server.tcp : server.http, "--shape", "16x1", "--rate",
        isFull ? "5000" : "500", "--warm-up", isFull ? "1s" : "100ms", "--duration",
        isFull ? "3s" : "500ms", "--json", json, "--pin", "1",
      ])
    #expect(result.status == 0, "\(result.errors) \(result.output)")
    let data = try Data(contentsOf: URL(filePath: json))
    let report = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let runs = try #require(report?["runs"] as? [[String: Any]])
    let latency = try #require(runs.first?["latency"] as? [String: Double])
    let outcomes = try #require(runs.first?["outcomes"] as? [String: Int])
    #expect(outcomes["retryLater"] == 0)
    return Seen(p50: latency["p50"] ?? 0, p99: latency["p99"] ?? 0, max: latency["max"] ?? 0)
  }

  @Test(.disabled(if: isSlow, "it measures time"))
  func `good clients hardly notice slow ones, and an idle one is cheap`() throws {
    raiseDescriptorLimit()
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(
      directory: directory.path("data"),
      ["--durability", "none", "--loops", "1"]
        + (Self.fullSize == nil ? [] : ["--shed-after", "50ms"]))
    if Self.fullSize != nil { try pin(server) }
    let memory = ServerMemory(of: server)
    var seen: [(name: String, fronts: [Seen])] = []
    var baseline: [Double] { Self.fronts.indices.map { max(seen[0].1[$0].p99, seen[1].1[$0].p99) } }
    func isNoticed(_ found: [Seen]) -> Bool {
      zip(found, baseline).contains { $0.p99 > 2 * $1 }
    }
    func measure(_ name: String) throws {
      var found = try Self.fronts.map { try bench($0, server, directory) }
      // What else the machine does may spoil one measurement; what slow clients do spoils all.
      for _ in 0..<2 where Self.fullSize != nil && seen.count >= 2 && isNoticed(found) {
        found = try Self.fronts.map { try bench($0, server, directory) }
      }
      seen.append((name, found))
    }
    try measure("nobody else")
    try measure("nobody else, again")
    var idleByteCount = 0
    for habit in SlowHabit.allCases {
      let before = memory.residentByteCount
      let count = Self.count(habit)
      let crowd = try SlowCrowd(habit, count: count, server: server)
      if habit == .idle { idleByteCount = (memory.residentByteCount - before) / count }
      try measure("\(count) \(habit.title)")
      print("\(habit): \((memory.residentByteCount - before) >> 10) KiB more in memory")
      crowd.end()
    }
    var table = "point reads beside others; p50 / p99 / max in µs | tcp | http\n"
    for (name, fronts) in seen {
      table += "\(name) | " + fronts.map(\.text).joined(separator: " | ") + "\n"
    }
    print(table + "an idle connection: \(idleByteCount) bytes")
    #expect(idleByteCount <= Self.idleByteCount)
    if Self.fullSize != nil {
      for (name, fronts) in seen { #expect(!isNoticed(fronts), "\(name)") }
    }
    #expect(server.stop() == 0)
  }

  /// The good clients have core 1, the server has core 0.
  private func pin(_ server: ServerProcess) throws {
    let taskset = URL(filePath: "/usr/bin/taskset")
    let result = try run(taskset, ["-a", "-c", "-p", "0", "\(server.processIdentifier)"])
    #expect(result.status == 0, "\(result.errors)")
  }

  private func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
