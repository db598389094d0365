// kvbench peers: our server beside Redis, memcached, nginx and Google's Bigtable emulator, all
// driven by the same loop.

import ArgumentParser
import Foundation

struct PeersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peers",
    abstract: "Measures our server beside others, in one run.",
    discussion: """
      Starts kvserver with one event loop, redis-server, memcached, nginx with one worker and
      cbtemulator (Google's Bigtable emulator), as far as they are installed, each
      pinned to --server-cpu in a directory below --work-dir, loads them from --loader-cpu in turn
      (ours, theirs, ours, theirs, …) and shows the medians. 1,000,000 keys of 100 bytes.

      EXAMPLES
        kvbench peers --kvserver .build/release/kvserver --work-dir /var/tmp
        kvbench peers --quick --only redis
        kvbench peers --only 'Bigtable emulator' --cbtemulator ~/go/bin/cbtemulator
        kvbench peers --redis 127.0.0.1:6379 --only 'get / redis'
      """)

  @Option(help: "Our server (default: beside this program).")
  var kvserver: String?

  @Option(help: "Google's Bigtable emulator (default: cbtemulator in the PATH).")
  var cbtemulator: String?

  @Option(name: .customLong("work-dir"), help: "Where directories are made; its disk is measured.")
  var workDirectory = "/tmp"

  @Flag(help: "A tenth of the keys, one round of a second each.")
  var quick = false

  @Option(help: "Only comparisons whose name contains this.")
  var only: String?

  @Option(help: "Measurements of each side.")
  var rounds: Int?

  @Option(help: "Of each measurement.")
  var duration: DurationArgument?

  @Option(name: .customLong("warm-up"), help: "Before each measurement.")
  var warmUp: DurationArgument?

  @Option(help: "Keys; rows of 50 columns are a fiftieth of it, pages and durable rows a tenth.")
  var records: UInt64?

  @Option(name: .customLong("server-cpu"), help: "Processor of the servers.")
  var serverProcessor = 0

  @Option(name: .customLong("loader-cpu"), help: "Processor of the loader.")
  var loaderProcessor = 1

  @Option(help: "A Redis that runs already, HOST:PORT; its processor time is not known then.")
  var redis: String?

  @Option(help: "A memcached that runs already.")
  var memcached: String?

  @OptionGroup var output: ReportOptions

  func validate() throws {
    if let rounds, rounds < 1 { throw ValidationError("--rounds is at least 1.") }
    if let records, records < 1_000 { throw ValidationError("--records is at least 1000.") }
  }

  func run() throws {
    let contests = Contest.all.filter { only == nil || $0.name.contains(only ?? "") }
    guard !contests.isEmpty else {
      throw BenchmarkFailure("No comparison is called \(only ?? "").")
    }
    let directory = "\(workDirectory)/kvbench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    let caretaker = try Caretaker(of: directory)
    defer { caretaker.clearAway() }
    let arena = PeerArena(options(directory))
    defer { arena.keepOnly(nil) }
    var results: [ContestResult] = []
    var failures: [String] = []
    for contest in contests {
      let obstacles = [contest.ours.system, contest.theirs.system].compactMap(arena.obstacle)
      guard obstacles.isEmpty else {
        failures.append("\(contest.name): left out, \(obstacles.joined(separator: ", ")).")
        continue
      }
      FileHandle.standardError.write(Data("\(contest.name) …\n".utf8))
      do { results += try arena.run(contest) } catch {
        failures.append("\(contest.name): failed, \(error)")
      }
    }
    print(ContestResult.table(results))
    for failure in failures { print(failure) }
    for run in results.flatMap({ [$0.ours, $0.theirs] }) {
      if let problem = run.problem { print("\(run.identity): \(problem)") }
    }
    let report = RunReport(runs: results.flatMap { [$0.ours, $0.theirs] })
    print(report.machine.line)
    try output.write(report, title: "kvbench peers")
    if results.contains(where: { $0.ours.errors + $0.theirs.errors > 0 }) || results.isEmpty {
      throw BenchmarkFailure("There were errors, or nothing could be measured.")
    }
  }

  private func options(_ directory: String) -> ArenaOptions {
    var options = ArenaOptions(directory: directory)
    options.serverProcessor = serverProcessor
    options.loaderProcessor = loaderProcessor
    options.rounds = rounds ?? (quick ? 1 : 3)
    options.duration = duration?.seconds ?? (quick ? 1 : 3)
    options.soak = quick ? 2 : 8
    options.warmUp = warmUp?.seconds ?? (quick ? 0.3 : 1)
    options.records = records ?? (quick ? 100_000 : 1_000_000)
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appending(path: "kvserver").path
    options.programs["kvserver"] = PeersCommand.installed(kvserver ?? own)
    for name in ["redis-server", "memcached", "nginx"] {
      let places = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
      options.programs[name] = places.compactMap { PeersCommand.installed("\($0)/\(name)") }.first
    }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let emulators = path.split(separator: ":").map { "\($0)/cbtemulator" }
    options.programs["cbtemulator"] =
      (cbtemulator.map { [$0] } ?? emulators).compactMap(PeersCommand.installed).first
    options.addresses["redis-server"] = redis
    options.addresses["memcached"] = memcached
    return options
  }

  private static func installed(_ path: String) -> String? {
    FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }
}
