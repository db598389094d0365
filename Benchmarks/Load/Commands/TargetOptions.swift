// What every command that loads a running server asks: which server, which table, with what.

import ArgumentParser
import Client
import ConnectionArguments
import TLS

/// A server that runs already, and the table to load it with.
struct TargetOptions: ParsableArguments {
  @Option(help: "Address of the front (default: the protocol's own port on this machine).")
  var server: String?

  @Option(name: .customLong("protocol"), help: "Which front to load: tcp, http or grpc.")
  var front = Front.tcp

  @OptionGroup var tls: TLSOptions

  @Option(help: "Rows of the table.")
  var records: UInt64 = 1_000_000

  @Flag(help: "Fill the table first, unless it is.")
  var load = false

  @Option(help: "Seed of all draws.")
  var seed: UInt64 = 1

  @Option(help: "Processor of the first loading thread; any others take the next ones.")
  var pin: Int?

  @Option(name: .customLong("server-pid"), help: "Server process whose time and memory are shown.")
  var serverProcess: Int32?

  func validate() throws {
    guard records > 0, records < 10_000_000_000 else {
      throw ValidationError("--records is above 0 and below 10,000,000,000.")
    }
  }

  /// A run of the workload against this server, its table filled where that was asked for.
  func run(_ workload: Workload, keys: KeyChoice? = nil) throws -> LoadRun {
    var address = try SocketAddress(server ?? front.defaultServer)
    address.security = try security()
    var plan = TrafficPlan(
      workload: workload, dialect: front.dialect(address), records: records,
      keys: keys ?? workload.keys)
    plan.seed = seed
    var run = LoadRun(address: address, plan: plan)
    run.pin = pin
    run.serverProcesses = serverProcess.map { [$0] } ?? []
    try TableFill(address: address, front: front, shape: workload.shape, records: records)
      .prepare(run, mayFill: load)
    return run
  }

  /// Nil for plain connections.
  private func security() throws -> LoadSecurity? {
    do {
      return try tls.rules().map { rules in
        LoadSecurity(
          client: try TLSClient(
            authorities: rules.authorities, identity: rules.identity,
            protocols: [front.applicationProtocol]),
          store: try ClientTLS(
            authorities: rules.authorities, identity: rules.identity, serverName: rules.serverName),
          serverName: rules.serverName)
      }
    } catch {
      throw BenchmarkFailure("\(error)")
    }
  }
}

/// Where results go beside the terminal.
struct ReportOptions: ParsableArguments {
  @Option(help: "Write the results as JSON.")
  var json: String?

  @Option(help: "Write a page with latency curves.")
  var html: String?

  func write(_ report: RunReport, title: String) throws {
    if let json { try report.write(to: json) }
    if let html { try HTMLReport(report, title: title).write(to: html) }
  }
}
