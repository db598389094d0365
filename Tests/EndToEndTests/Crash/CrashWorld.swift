// A server that is started with random options, loaded and killed, again and again, over one data
// directory; and what every restart must find.

import Foundation
import Glibc
import Synchronization
import TestSupport

/// When in a server's life the kill comes.
enum KillMoment: String, CaseIterable {
  /// Under full load.
  case load
  /// While it starts, once or more, before it starts for good; then under load.
  case startup
  /// A while after the load has ended: flushes and compactions go on.
  case compaction
  /// Under load it is asked to stop; the kill comes on top.
  case shutdown

  static func draw(_ random: inout SeededGenerator) -> KillMoment {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<45: .load
    case 45..<65: .startup
    case 65..<80: .compaction
    default: .shutdown
    }
  }
}

/// How a server is started.
struct ServerDraw {
  var arguments: [String]
  var environment: [String: String]

  /// Whatever a user might set; what survives SIGKILL is the same with all of it.
  init(_ random: inout SeededGenerator) {
    func pick(_ values: [String]) -> String { values.randomElement(using: &random) ?? "" }
    arguments = [
      "--memory", pick(["64MiB", "128MiB", "512MiB"]), "--loops", pick(["1", "2", "4"]),
      "--durability", pick(["sync", "sync", "interval", "none"]),
    ]
    environment = [
      "STRATA_ENGINE_MEMTABLE": pick(["64KiB", "256KiB", "1MiB", "32MiB"]),
      "STRATA_ENGINE_LOG_FILE": pick(["64KiB", "256KiB", "1MiB", "16MiB"]),
      "STRATA_ENGINE_TABLE_FILE": pick(["64KiB", "256KiB", "1MiB", "16MiB"]),
      "STRATA_ENGINE_LEVEL": pick(["128KiB", "1MiB", "64MiB"]),
      "STRATA_ENGINE_BLOCK": pick(["512B", "4KiB", "32KiB"]),
      "STRATA_ENGINE_COMPRESSION": pick(["true", "false"]),
    ]
  }

  /// Nothing is flushed: what was acknowledged is in the logs alone.
  static let logsOnly = ServerDraw(
    arguments: ["--durability", "sync"], environment: ["STRATA_ENGINE_LOG_FILE": "64MiB"])

  private init(arguments: [String], environment: [String: String]) {
    self.arguments = arguments
    self.environment = environment
  }
}

/// The directory, its loads and its figures.
final class CrashWorld {
  let directory: String
  let lanes: [any CrashLane]
  private let folder: TemporaryDirectory
  private var random: SeededGenerator
  private(set) var slowestStart = 0.0
  private(set) var startKillCount = 0

  /// - Parameter rowCount: Rows of each bulk table.
  init(seed: UInt64, rowCount: Int) throws {
    folder = try TemporaryDirectory()
    directory = folder.path("data")
    random = SeededGenerator(seed: seed)
    lanes = [
      StreamLane("scores", rowCount: rowCount, keepsVersions: false, seed: seed &+ 1),
      StreamLane("features", rowCount: rowCount, keepsVersions: true, seed: seed &+ 2),
      RowLane("single-binary", .binary, rowCount: 50, seed: seed &+ 3),
      RowLane("single-http", .http, rowCount: 50, seed: seed &+ 4),
      CounterLane("counters", seed: seed &+ 5),
      SchemaLane(seed: seed &+ 6),
    ]
  }

  /// Starts a server for the first time.
  func prepare(_ draw: ServerDraw? = nil) throws -> ServerProcess {
    let server = try start(draw)
    for lane in lanes { try lane.prepare(server.addresses) }
    return server
  }

  /// Starts a server with options of its own.
  func start(_ draw: ServerDraw? = nil) throws -> ServerProcess {
    let draw = draw ?? ServerDraw(&random)
    let server = try ServerProcess(
      directory: directory, draw.arguments, environment: draw.environment)
    slowestStart = max(slowestStart, server.secondsToReady)
    return server
  }

  func verify(_ server: ServerProcess) throws -> CrashFindings {
    var findings = CrashFindings()
    for lane in lanes { findings += try lane.verify(server.addresses) }
    return findings
  }

  /// Loads the server, for a random time where none is given, and kills it at this moment of its
  /// life.
  func loadAndKill(
    _ server: ServerProcess, _ moment: KillMoment, afterMilliseconds: Int? = nil
  ) throws {
    let milliseconds = afterMilliseconds ?? Int.random(in: 20...600, using: &random)
    switch moment {
    case .load, .startup:
      load(server) {
        usleep(UInt32(milliseconds) * 1_000)
        server.kill()
      }
    case .compaction:
      load(server) { usleep(UInt32(milliseconds) * 1_000) }
      usleep(UInt32.random(in: 0...300_000, using: &random))
    case .shutdown:
      let grace = UInt32.random(in: 0...60_000, using: &random)
      load(server) {
        usleep(UInt32(milliseconds) * 1_000)
        server.requestStop()
        usleep(grace)
        server.kill()
      }
    }
    server.kill()
    if let end = server.unexpectedEnd { throw ServerStartFailure(status: nil, errors: end) }
    guard moment == .startup else { return }
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let draw = ServerDraw(&random)
      startKillCount += 1
      try ServerProcess.killWhileStarting(
        directory: directory, draw.arguments, environment: draw.environment,
        afterMilliseconds: Int.random(in: 0...60, using: &random))
    }
  }

  /// All lanes at once, until `during` returns.
  private func load(_ server: ServerProcess, while during: () -> Void) {
    let isOver = Flag()
    let (lanes, addresses) = (lanes, server.addresses)
    let threads = Thread {
      TestThreads.run(lanes.count) { index in
        lanes[index].load(addresses) { isOver.isSet }
      }
      isOver.finish()
    }
    threads.start()
    during()
    isOver.set()
    isOver.waitUntilFinished()
  }
}

/// Set by one thread, seen by others; finished once.
private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  private let finished = Atomic<Bool>(false)

  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
  func finish() { finished.store(true, ordering: .releasing) }
  func waitUntilFinished() {
    while !finished.load(ordering: .acquiring) { usleep(500) }
  }
}
