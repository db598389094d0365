// What is compared with what: one kind of request on our server and on another one.

/// One side of a contest.
struct ContestSide: Sendable {
  var system: PeerSystem
  var workload: Workload
  /// Of ours.
  var front = Front.tcp
}

/// Two sides in the same shapes.
struct Contest: Sendable {
  var name: String
  var ours: ContestSide
  var theirs: ContestSide
  var shapes: [LoadShape]
  /// Least ratio of throughput that we want, by shape.
  var goals: [String: Double] = [:]
  /// Rows are large: so many times fewer of them.
  var fewerRecords: UInt64 = 1

  static let all = redisAndOthers + bigtable

  /// Calls of Bigtable's API, on one connection and on several.
  private static let bigtable: [Contest] = {
    let shapes = [LoadShape(1, 1), LoadShape(1, 16), LoadShape(16, 16)]
    let goals = Dictionary(uniqueKeysWithValues: shapes.map { ($0.text, 2.0) })
    let read = Workload.simple("ReadRows", .value, .read)
    let write = Workload.simple("MutateRow", .value, .updateAll)
    let range = Workload.simple("ReadRows of 100", .ordered, .range(100))
    let scan = Workload.simple("ReadRows from a key on", .ordered, .range(100, isOpen: true))
    let scanGoals = goals.mapValues { _ in 20.0 }
    func contest(
      _ name: String, _ system: PeerSystem, _ workload: Workload, goals: [String: Double] = [:]
    ) -> Contest {
      Contest(
        name: "\(name) / Bigtable emulator",
        ours: ContestSide(system: system, workload: workload, front: .grpc),
        theirs: ContestSide(system: .bigtableEmulator, workload: workload, front: .grpc),
        shapes: shapes, goals: goals, fewerRecords: 10)
    }
    return [
      contest("gRPC ReadRows, a row", .strata, read, goals: goals),
      contest("gRPC ReadRows, a range of 100 rows", .strata, range, goals: scanGoals),
      contest("gRPC ReadRows, 100 rows from a key on", .strata, scan, goals: scanGoals),
      contest("gRPC MutateRow, not synced", .strata, write, goals: goals),
      contest("gRPC MutateRow, durable", .strataDurable, write),
    ]
  }()

  private static let redisAndOthers: [Contest] = {
    let usual = [LoadShape(1, 1), LoadShape(16, 1), LoadShape(16, 16), LoadShape(16, 64)]
    let get = Workload.simple("get", .value, .read)
    let set = Workload.simple("upsert", .value, .updateAll)
    let row = Workload.simple("wide-row", .wide, .read)
    let page = Workload.simple("http-get", .page, .read)
    return [
      Contest(
        name: "get / redis GET", ours: ContestSide(system: .strata, workload: get),
        theirs: ContestSide(system: .redis, workload: get), shapes: usual,
        goals: ["1x1": 2, "16x1": 1.15, "16x16": 1.8, "16x64": 1.8]),
      Contest(
        name: "get / memcached get", ours: ContestSide(system: .strata, workload: get),
        theirs: ContestSide(system: .memcached, workload: get), shapes: usual),
      Contest(
        name: "upsert, not synced / redis SET",
        ours: ContestSide(system: .strata, workload: set),
        theirs: ContestSide(system: .redis, workload: set), shapes: usual,
        goals: ["16x1": 1.1, "16x16": 1.4]),
      Contest(
        name: "row of 50 columns / redis HGETALL",
        ours: ContestSide(system: .strata, workload: row),
        theirs: ContestSide(system: .redis, workload: row), shapes: usual,
        goals: ["16x1": 1.5, "16x16": 2], fewerRecords: 50),
      Contest(
        name: "row of 200 bytes by HTTP / nginx, a file",
        ours: ContestSide(system: .strata, workload: page, front: .http),
        theirs: ContestSide(system: .nginx, workload: page), shapes: usual,
        goals: ["16x1": 1.2], fewerRecords: 10),
      Contest(
        name: "durable upsert / redis SET, AOF always",
        ours: ContestSide(system: .strataDurable, workload: set),
        theirs: ContestSide(system: .redisDurable, workload: set),
        shapes: [LoadShape(64, 1), LoadShape(64, 16)], goals: ["64x1": 1.6, "64x16": 1.4],
        fewerRecords: 10),
    ]
  }()
}

/// How one shape of a contest went.
struct ContestResult: Sendable {
  var contest: String
  var ours: RunResult
  var theirs: RunResult
  var goal: Double?

  var ratio: Double { ours.operationsPerSecond / max(theirs.operationsPerSecond, 1e-9) }

  static func table(_ results: [ContestResult]) -> String {
    var table = TextTable([
      "ours / theirs", "shape", "ours/s", "theirs/s", "ratio", "goal", "", "p50 µs", "theirs",
      "p99 µs", "theirs", "CPU µs/op", "theirs", "errors", "theirs",
    ])
    for result in results {
      let (ours, theirs) = (result.ours, result.theirs)
      table.add([
        result.contest, ours.shape, NumberText.grouped(ours.operationsPerSecond),
        NumberText.grouped(theirs.operationsPerSecond), NumberText.decimals(result.ratio, 2),
        result.goal.map { NumberText.decimals($0, 2) } ?? "–",
        result.goal.map { result.ratio >= $0 ? "met" : "MISSED" } ?? "",
        NumberText.short(ours.latency.p50), NumberText.short(theirs.latency.p50),
        NumberText.short(ours.latency.p99), NumberText.short(theirs.latency.p99),
        ours.serverMicrosecondsPerOperation.map { NumberText.decimals($0, 2) } ?? "–",
        theirs.serverMicrosecondsPerOperation.map { NumberText.decimals($0, 2) } ?? "–",
        "\(ours.errors + ours.outcomes.retryLater)",
        "\(theirs.errors + theirs.outcomes.retryLater)",
      ])
    }
    return table.text
  }
}
