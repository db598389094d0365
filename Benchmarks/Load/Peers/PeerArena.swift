// Runs contests: starts the servers that a contest needs, fills them, and measures both sides in
// turn, so that a drift of the machine meets both.

import Foundation

/// Settings of all contests.
struct ArenaOptions: Sendable {
  /// By program.
  var programs: [String: String] = [:]
  /// Servers that run already, by program: their addresses.
  var addresses: [String: String] = [:]
  var directory: String
  var serverProcessor = 0
  var loaderProcessor = 1
  var rounds = 3
  /// Seconds under load before the first measurement of a contest.
  var soak = 8.0
  var warmUp = 1.0
  var duration = 3.0
  var records: UInt64 = 1_000_000
}

/// The servers of a comparison and the loader.
final class PeerArena {
  private let options: ArenaOptions
  private var servers: [PeerSystem: PeerServer] = [:]
  private var filled: Set<String> = []

  init(_ options: ArenaOptions) { self.options = options }

  /// Why a system cannot take part; nil when it can.
  func obstacle(to system: PeerSystem) -> String? {
    if given(system) != nil || options.programs[system.program] != nil { return nil }
    return "\(system.program) is not installed"
  }

  /// What runs already promises nothing about durability.
  private func given(_ system: PeerSystem) -> String? {
    system == .redisDurable ? nil : options.addresses[system.program]
  }

  /// Ends servers that `next` does not need.
  func keepOnly(_ next: Contest?) {
    let needed = next.map { [$0.ours.system, $0.theirs.system] } ?? []
    for (system, server) in servers where !needed.contains(system) && isAlone(system, next) {
      server.stop()
      servers[system] = nil
      filled = filled.filter { !$0.hasPrefix("\(system.rawValue) ") }
    }
  }

  /// Servers with data stay for the next contests, but durable ones have the disk to themselves.
  private func isAlone(_ system: PeerSystem, _ next: Contest?) -> Bool {
    next == nil || system == .strataDurable || system == .redisDurable
      || next?.ours.system == .strataDurable
  }

  func run(_ contest: Contest) throws -> [ContestResult] {
    keepOnly(contest)
    let ours = try prepare(contest.ours, contest)
    let theirs = try prepare(contest.theirs, contest)
    for system in [contest.ours.system, contest.theirs.system] { servers[system]?.waitUntilIdle() }
    try soak(ours)
    try soak(theirs)
    var results: [ContestResult] = []
    for shape in contest.shapes {
      var left: [RunResult] = []
      var right: [RunResult] = []
      for _ in 0..<options.rounds {
        left.append(try measure(ours, contest.ours.system, shape))
        right.append(try measure(theirs, contest.theirs.system, shape))
      }
      results.append(
        ContestResult(
          contest: contest.name, ours: PeerArena.median(left), theirs: PeerArena.median(right),
          goal: contest.goals[shape.text]))
    }
    return results
  }

  /// Lets the caches of a server settle: some shapes alone would take minutes to touch every key.
  private func soak(_ run: LoadRun) throws {
    var run = run
    run.connections = 16
    run.depth = 16
    run.warmUp = 0
    run.duration = options.soak
    _ = try run.measure()
  }

  static func median(_ results: [RunResult]) -> RunResult {
    let sorted = results.sorted { $0.operationsPerSecond < $1.operationsPerSecond }
    return sorted[sorted.count / 2]
  }

  private func measure(
    _ run: LoadRun, _ system: PeerSystem, _ shape: LoadShape
  ) throws -> RunResult {
    var run = run
    run.connections = shape.connections
    run.depth = shape.pipeline
    return RunResult(run, system: system.rawValue, try run.measure())
  }

  // MARK: - Preparing

  /// Starts and fills what the side needs; the run to be repeated.
  private func prepare(_ side: ContestSide, _ contest: Contest) throws -> LoadRun {
    let address = try SocketAddress(try address(of: side))
    var plan = TrafficPlan(
      workload: side.workload, dialect: dialect(of: side, address),
      records: max(options.records / contest.fewerRecords, 1), keys: .uniform)
    plan.checksValues = side.system != .nginx
    var run = LoadRun(address: address, plan: plan)
    run.warmUp = options.warmUp
    run.duration = options.duration
    run.pin = options.loaderProcessor
    run.serverProcesses = servers[side.system]?.processes ?? []
    try fill(side, run)
    return run
  }

  private func address(of side: ContestSide) throws -> String {
    if let given = given(side.system) { return given }
    if servers[side.system] == nil {
      guard let program = options.programs[side.system.program] else {
        throw BenchmarkFailure("\(side.system.program) is not installed.")
      }
      let name = side.system.rawValue.replacingOccurrences(of: " ", with: "-")
      servers[side.system] = try PeerServer(
        side.system, program: program, processor: options.serverProcessor,
        directory: "\(options.directory)/\(name)")
    }
    guard let server = servers[side.system] else { return "" }
    guard side.system.isStrata else { return server.address }
    return switch side.front {
    case .tcp: server.address
    case .http: server.http
    case .grpc: server.grpc
    }
  }

  private func dialect(of side: ContestSide, _ address: SocketAddress) -> any Dialect {
    switch side.system {
    case .strata, .strataDurable, .bigtableEmulator: side.front.dialect(address)
    case .redis, .redisDurable: RedisDialect()
    case .memcached: MemcachedDialect()
    case .nginx: StaticFileDialect(path: PeerServer.staticFilePath)
    }
  }

  private func fill(_ side: ContestSide, _ run: LoadRun) throws {
    let shape = side.workload.shape
    let name = "\(side.system.rawValue) \(shape.name)"
    guard side.system != .nginx, filled.insert(name).inserted else { return }
    if side.system.isStrata || side.system == .bigtableEmulator {
      let table = TableFill(
        address: run.address, front: side.front, shape: shape, records: run.plan.records)
      if try !table.isDone() { _ = try table.fill(run) }
      return
    }
    var filling = run
    filling.plan.workload = .fill(shape, rowsPerRequest: 1)
    filling.connections = 16
    filling.depth = 32
    _ = try filling.fill()
  }
}
