// kvbench run: one workload in one or several shapes.

import ArgumentParser

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs workloads against a running server.",
    discussion: """
      WORKLOADS
      \(Workload.all.map { "  " + $0.name.padded(14) + $0.summary }.joined(separator: "\n"))

      Over grpc every workload but stream-load, on any server of Bigtable's API: calls on one
      connection are streams of one HTTP/2 session, and rows are read with ReadRows.

      Closed loop: each connection sends its pipeline, waits for all answers, sends again.
      --rate opens the loop: requests go out when they are due, and latency counts from then.

      EXAMPLES
        kvbench run get --load --shape 1x1,16x1,16x16,16x64 --pin 1 --server-pid $(pidof kvserver)
        kvbench run ycsb-a ycsb-b ycsb-c --load --records 1000000 --json ycsb.json
        kvbench run range-poll --load --protocol http --changed 5%
        kvbench run get upsert batch-get --load --protocol grpc --shape 1x1,1x16,16x16
        kvbench run get --load --protocol grpc --server 127.0.0.1:9000  # Google's emulator, too
        kvbench run stream-load --load --protocol http --tls-ca dev-cert/ca.pem \
          --server localhost:8080
        kvbench run mixed --load --rate 50000 --shape 64x16 --duration 60s --html mixed.html
      """)

  @Argument(help: "Workloads, one after another.")
  var workloads: [String]

  @OptionGroup var target: TargetOptions

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

  @Option(help: "Which rows: uniform, zipfian or latest (default: as the workload has it).")
  var keys: KeyChoice?

  @Option(help: "Of range-poll: ranges that change before they are polled.")
  var changed = ShareArgument(0.1)

  @Option(help: "One answer in so many is compared with what was written.")
  var verify = 64

  @Option(help: "Loading threads.")
  var threads = 1

  @Option(help: "Microseconds to ask the sockets before sleeping.")
  var spin: UInt64 = 0

  @OptionGroup var output: ReportOptions

  func validate() throws {
    for name in workloads where Workload.named(name) == nil {
      let known = Workload.all.map(\.name).joined(separator: ", ")
      throw ValidationError("There is no workload \(name). There are \(known).")
    }
    guard threads > 0, verify > 0, duration.seconds > 0 else {
      throw ValidationError("Counts and times must be above 0.")
    }
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
    case "stream-load": return [target.front == .tcp ? LoadShape(1, 64) : LoadShape(1, 4_096)]
    default: return [LoadShape(16, 16)]
    }
  }

  func run() throws {
    var results: [RunResult] = []
    for workload in workloads.compactMap(Workload.named) {
      var run = try loadRun(workload)
      for shape in shapes(workload) {
        run.connections = shape.connections
        run.depth = shape.pipeline
        results.append(RunResult(run, system: target.front.rawValue, try run.measure()))
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
    try output.write(report, title: "kvbench run")
    if results.contains(where: { $0.errors > 0 || $0.outcomes.done == 0 }) {
      throw BenchmarkFailure("There were errors or no answers.")
    }
  }

  private func loadRun(_ workload: Workload) throws -> LoadRun {
    var run = try target.run(workload, keys: keys)
    run.plan.changedShare = changed.share
    run.plan.sampling = verify
    run.threads = threads
    run.requestsPerSecond = rate
    run.warmUp = warmUp.seconds
    run.duration = duration.seconds
    run.spinMicroseconds = spin
    return run
  }
}

extension String {
  /// With spaces behind, up to `count` letters.
  func padded(_ count: Int) -> String {
    self + String(repeating: " ", count: max(count - self.count, 0))
  }
}
