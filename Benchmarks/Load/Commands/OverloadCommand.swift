// kvbench overload: what a server does with several times what it can do.

import ArgumentParser

struct OverloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overload",
    abstract: "Offers a running Strata server several times its peak.",
    discussion: """
      First the peak: the best of closed loops. Then an open loop offers --factor times as many
      requests a second, sent in batches as large as those of the peak. A fleet that asks more than
      a server can do does not wait for answers, so the loop has as many requests in flight as
      that rate makes in the time that a refusal may take: with fewer it would not be open.

      Times count from the moment a request is handed to the network, to the moment this program
      has read the answer. A connection whose peer has no room takes no request, and what could
      not be sent within 20 ms is given up: that is neither the server's refusal nor its delay,
      and is counted apart (not sent).

      Wanted: goodput of at least 80 % of the peak, refusals within 50 ms, memory within
      --memory, no errors, nothing without an answer. Exit code 1 if it is otherwise.

      EXAMPLES
        kvbench overload --load --pin 1 --server-pid $(pidof kvserver) --memory 512MiB
        kvbench overload ycsb-b --load --protocol http --duration 60s
      """)

  @Argument(help: "The workload.")
  var workload = "mixed"

  @OptionGroup var target: TargetOptions

  @Option(help: "Offered requests, as a multiple of the peak.")
  var factor = 5.0

  @Option(help: "Of the overload.")
  var duration = DurationArgument(seconds: 600)

  @Option(name: .customLong("warm-up"), help: "Before each measurement: overload begins here.")
  var warmUp = DurationArgument(seconds: 2)

  @Option(name: .customLong("peak-shape"), help: "Closed loops of which the best is the peak.")
  var peakShapes = LoadShapes([LoadShape(16, 16), LoadShape(64, 16), LoadShape(64, 64)])

  @Option(name: .customLong("peak-duration"), help: "Of each of them.")
  var peakDuration = DurationArgument(seconds: 5)

  @Option(help: "Connections × requests in flight on each under overload.")
  var shape: LoadShapes?

  @Option(help: "What the server was given (its --memory), as 512MiB or 1GiB.")
  var memory: SizeArgument?

  @Option(help: "Write the result as JSON.")
  var json: String?

  func validate() throws {
    guard Workload.named(workload) != nil else {
      throw ValidationError("There is no workload \(workload): see kvbench run --help.")
    }
    guard factor > 0, factor <= 1_000, duration.seconds > 0, peakDuration.seconds > 0
    else { throw ValidationError("Factors, counts and times must be above 0.") }
  }

  /// So many in flight that five times a peak of 200,000 a second can be offered for as long as a
  /// refusal may take; an HTTP pipeline is as deep as the server takes it, and calls of gRPC are
  /// as many.
  private static func shape(_ front: Front) -> LoadShape {
    front == .tcp ? LoadShape(32, 8_192) : LoadShape(1_000, 64)
  }

  func run() throws {
    guard let workload = Workload.named(workload) else { return }
    var run = try target.run(workload)
    run.warmUp = warmUp.seconds
    run.duration = peakDuration.seconds
    var peak: (shape: LoadShape, measured: LoadMeasurement)?
    for shape in peakShapes.shapes {
      run.connections = shape.connections
      run.depth = shape.pipeline
      let measured = try run.measure()
      if measured.operationsPerSecond > peak?.measured.operationsPerSecond ?? 0 {
        peak = (shape, measured)
      }
    }
    guard let peak else {
      throw BenchmarkFailure("Nothing was answered while looking for the peak.")
    }
    let shape = shape?.shapes.first ?? OverloadCommand.shape(target.front)
    run.connections = shape.connections
    run.depth = shape.pipeline
    run.requestsPerSecond = peak.measured.operationsPerSecond * factor
    run.countsFromSending = true
    run.batch = min(peak.shape.pipeline, shape.pipeline)
    run.duration = duration.seconds
    let report = OverloadReport(
      run, system: target.front.rawValue, peak: peak.measured, peakShape: peak.shape,
      overload: try run.measure(), memoryByteCount: memory?.byteCount)
    print(report.table)
    if let json { try report.write(to: json) }
    guard report.shortfalls.isEmpty else {
      throw BenchmarkFailure("Not as wanted: \(report.shortfalls.joined(separator: ", ")).")
    }
  }
}
