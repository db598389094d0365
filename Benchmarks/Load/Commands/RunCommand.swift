// kvbench run: one workload in one or several shapes.

import ArgumentParser

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs workloads against a running Strata server.",
    discussion: """
      WORKLOADS
      \(Workload.all.map { "  " + $0.name.padded(14) + $0.summary }.joined(separator: "\n"))

      Closed loop: each connection sends its pipeline, waits for all answers, sends again.
      --rate opens the loop: requests go out when they are due, and latency counts from then.

      EXAMPLES
        kvbench run get --load --shape 1x1,16x1,16x16,16x64 --pin 1 --server-pid $(pidof kvserver)
        kvbench run ycsb-a ycsb-b ycsb-c --load --records 1000000 --json ycsb.json
        kvbench run range-poll --load --protocol http --changed 5%
        kvbench run stream-load --load --protocol http --tls-ca dev-cert/ca.pem \
          --server localhost:8080
        kvbench run mixed --load --rate 50000 --shape 64x16 --duration 60s --html mixed.html
      """)

  @Argument(help: "Workloads, one after another.")
  var workloads: [String]

  @Option(help: "Address of the front (default: the protocol's own port on this machine).")
  var server: String?

  @Option(name: .customLong("protocol"), help: "Which front to load: tcp or http.")
  var front = Front.tcp

  @Option(
    help: ArgumentHelp(
      """
      Connections × requests in flight on each, one or several (default: 16x16; scan: 1x1; \
      stream-load: 1x64, and 1x4096 over HTTP, which acknowledges ten times a second).
      """))
  var shape: LoadShapes?

  @Option(help: "Connections; with --pipeline instead of --shape.")
  var connections: Int?

  @Option(help: "Requests in flight on each connection.")
  var pipeline: Int?

  @Option(help: "Requests a second to send, whatever the answers do: an open loop.")
  var rate: Double?

  @Option(name: .customLong("warm-up"), help: "Before measuring.")
  var warmUp = DurationArgument(seconds: 2)

  @Option(help: "Of the measurement, each shape.")
  var duration = DurationArgument(seconds: 10)

  @Option(help: "Rows of the table.")
  var records: UInt64 = 1_000_000

  @Option(help: "Which rows: uniform, zipfian or latest (default: as the workload has it).")
  var keys: KeyChoice?

  @Flag(help: "Fill the table first, unless it is.")
  var load = false

  @Option(help: "Of range-poll: ranges that change before they are polled.")
  var changed = ShareArgument(0.1)

  @Option(help: "One answer in so many is compared with what was written.")
  var verify = 64

  @Option(help: "Loading threads.")
  var threads = 1

  @Option(help: "Processor of the first loading thread; the others take the next ones.")
  var pin: Int?

  @Option(help: "Microseconds to ask the sockets before sleeping.")
  var spin: UInt64 = 0

  @Option(name: .customLong("server-pid"), help: "Server process whose processor time is shown.")
  var serverProcess: Int32?

  @OptionGroup var security: SecurityOptions

  @Option(help: "Write the results as JSON.")
  var json: String?

  @Option(help: "Write a page with latency curves.")
  var html: String?

  @Option(help: "Seed of all draws.")
  var seed: UInt64 = 1

  func validate() throws {
    for name in workloads where Workload.named(name) == nil {
      let known = Workload.all.map(\.name).joined(separator: ", ")
      throw ValidationError("There is no workload \(name). There are \(known).")
    }
    guard records > 0, records < 10_000_000_000, threads > 0, verify > 0, duration.seconds > 0
    else { throw ValidationError("Counts and times must be above 0.") }
    if let rate, !(rate > 0 && rate < 1e8) { throw ValidationError("--rate is above 0.") }
    for count in [connections, pipeline].compactMap(\.self) where count < 1 {
      throw ValidationError("--connections and --pipeline are above 0.")
    }
  }

  private func shapes(_ workload: Workload) -> [LoadShape] {
    if connections != nil || pipeline != nil { return [LoadShape(connections ?? 1, pipeline ?? 1)] }
    if let shape { return shape.shapes }
    switch workload.name {
    // Whole scans side by side would all end at once, or not at all.
    case "scan": return [LoadShape(1, 1)]
    case "stream-load": return [front == .tcp ? LoadShape(1, 64) : LoadShape(1, 4_096)]
    default: return [LoadShape(16, 16)]
    }
  }

  func run() throws {
    var address = try SocketAddress(server ?? front.defaultServer)
    address.security = try security.security(front)
    var results: [RunResult] = []
    for workload in workloads.compactMap(Workload.named) {
      var run = loadRun(workload, address)
      try prepare(run)
      for shape in shapes(workload) {
        run.connections = shape.connections
        run.depth = shape.pipeline
        results.append(RunResult(run, system: front.rawValue, try run.measure()))
      }
    }
    let report = RunReport(runs: results)
    print(report.table)
    for run in results {
      if let problem = run.problem { print("\(run.identity): \(problem)") }
      if run.outcomes.done == 0 { print("\(run.identity): nothing was answered in time.") }
      if run.unsent > 0 {
        let isMuch = run.unsent * 100 > run.outcomes.done
        print(
          "\(run.identity): \(run.unsent) requests were due and unanswered at the end"
            + (isMuch ? ": this rate is too high." : "."))
      }
    }
    if let json { try report.write(to: json) }
    if let html { try HTMLReport(report, title: "kvbench run").write(to: html) }
    if results.contains(where: { $0.errors > 0 || $0.outcomes.done == 0 }) {
      throw BenchmarkFailure("There were errors or no answers.")
    }
  }

  private func loadRun(_ workload: Workload, _ address: SocketAddress) -> LoadRun {
    var plan = TrafficPlan(
      workload: workload, dialect: front.dialect(address), records: records,
      keys: keys ?? workload.keys)
    plan.changedShare = changed.share
    plan.sampling = verify
    plan.seed = seed
    var run = LoadRun(address: address, plan: plan)
    run.threads = threads
    run.requestsPerSecond = rate
    run.warmUp = warmUp.seconds
    run.duration = duration.seconds
    run.spinMicroseconds = spin
    run.pin = pin
    run.serverProcesses = serverProcess.map { [$0] } ?? []
    return run
  }

  private func prepare(_ run: LoadRun) throws {
    try TableFill(
      address: run.address, front: front, shape: run.plan.workload.shape, records: records
    ).prepare(run, mayFill: load)
  }
}

extension String {
  /// With spaces behind, up to `count` letters.
  func padded(_ count: Int) -> String {
    self + String(repeating: " ", count: max(count - self.count, 0))
  }
}
