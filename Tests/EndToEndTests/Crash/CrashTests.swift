// Kills a loaded server with SIGKILL at random moments of its life and looks at what is left: every
// acknowledged row, none that nobody sent, each row and request whole. STRATA_CRASH_CYCLES and
// STRATA_CRASH_ROWS set how often and over how many rows, STRATA_READY_SECONDS how long a start may
// take; the programs may be a release build (STRATA_PROGRAMS).

import Bytes
import Client
import DataModel
import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct CrashTests {
  private static func setting(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name]
  }

  static let cycles = setting("STRATA_CRASH_CYCLES").flatMap { Int($0) } ?? 8
  static let rowCount = setting("STRATA_CRASH_ROWS").flatMap { Int($0) } ?? 2_000
  static let readySeconds = setting("STRATA_READY_SECONDS").flatMap { Double($0) } ?? 2
  static let seed = setting("STRATA_SEED").flatMap { UInt64($0) } ?? 2025

  @Test func `kill -9 loses nothing that was acknowledged and invents nothing`() throws {
    let world = try CrashWorld(seed: Self.seed, rowCount: Self.rowCount)
    var random = SeededGenerator(seed: Self.seed)
    var server = try world.prepare()
    var total = CrashFindings()
    for cycle in 0..<Self.cycles {
      // Each kind comes early, so that a short run has them all.
      let moments = KillMoment.allCases
      let moment = cycle < moments.count ? moments[cycle] : KillMoment.draw(&random)
      let place = "seed \(Self.seed), cycle \(cycle), killed in \(moment)"
      var findings: CrashFindings
      do {
        try world.loadAndKill(server, moment)
        server = try world.start()
        findings = try world.verify(server)
      } catch {
        Issue.record("\(place): \(error)")
        return
      }
      #expect(server.secondsToReady < Self.readySeconds, "\(place): ready in time")
      // Who has been told to stop may refuse.
      if moment == .shutdown { findings.refused = [] }
      #expect(findings.isClean, "\(place): \(findings)")
      total += findings
    }
    #expect(server.stop() == 0)
    server = try world.start()
    let findings = try world.verify(server)
    #expect(findings.isClean, "seed \(Self.seed), after a clean stop: \(findings)")
    server.kill()
    report(world, total)
  }

  private func report(_ world: CrashWorld, _ total: CrashFindings) {
    let sent = world.lanes.reduce(0) { $0 + $1.sentCount }
    let acknowledged = world.lanes.reduce(0) { $0 + $1.acknowledgedCount }
    #expect(world.lanes.allSatisfy { $0.acknowledgedCount > 0 }, "every lane did something")
    #expect(acknowledged < sent, "nothing was in flight when a kill came: nothing was tested")
    print(
      "crash test: \(Self.cycles) cycles and \(world.startKillCount) kills while starting, "
        + "\(sent) rows sent, \(acknowledged) acknowledged, \(total.lost.count) lost, "
        + "\(total.invented.count) invented, \(total.torn.count) torn, slowest start "
        + String(format: "%.2f", world.slowestStart) + " s, seed \(Self.seed)")
  }

  // MARK: - What must be noticed

  /// A world with something in every lane, its server alive and verified.
  private func loadedWorld() throws -> (CrashWorld, ServerProcess) {
    let world = try CrashWorld(seed: Self.seed, rowCount: 400)
    try world.loadAndKill(try world.prepare(.logsOnly), .load, afterMilliseconds: 500)
    let server = try world.start(.logsOnly)
    let findings = try world.verify(server)
    #expect(findings.isClean, "\(findings)")
    return (world, server)
  }

  @Test func `a row that goes, comes or changes behind the oracle's back is noticed`() throws {
    let (world, server) = try loadedWorld()
    let client = try StoreClient(connectingTo: server.tcp)
    var key: [UInt8] = []
    try client.scan("scores", ScanRequest(limit: 1)) { row in
      key = row.key.array
      return false
    }
    var list = MutationList()
    ByteView.of(key) { list.beginRow($0) }
    list.deleteFromRow()
    #expect(try client.mutate("scores", list).isEmpty)
    let lost = try world.verify(server)
    #expect(lost.lost.count == 1, "\(lost)")
    #expect(lost.invented.count == 0, "\(lost)")

    _ = try client.mutate("features", RegisterTable.list(.set(1), row: 0))
    _ = try client.readModifyWrite(
      "counters", key: RegisterTable.key(0), rules: [RegisterTable.rule(1)])
    let invented = try world.verify(server)
    #expect(invented.invented.count == 2, "\(invented)")
    #expect(invented.lost.isEmpty, "\(invented)")

    _ = try client.readModifyWrite(
      "counters", key: RegisterTable.key(0), rules: [RegisterTable.rule(-1)])
    _ = try client.mutate("single-http", RegisterTable.list(.deleteRow, row: 0))
    try client.dropTable("features")
    try client.createTable(
      TableDefinition(name: "features", families: [FamilyDefinition(name: "f")]))
    let gone = try world.verify(server)
    for table in ["features", "counters"] {
      #expect(gone.lost.contains { $0.hasPrefix(table) }, "\(gone)")
    }
    server.kill()
  }

  @Test("a log that lost its newest half is noticed", arguments: [true, false])
  func damagedLog(isTruncated: Bool) throws {
    let (world, server) = try loadedWorld()
    try world.loadAndKill(server, .load, afterMilliseconds: 500)
    let log = try #require(try fullestLog(in: world.directory))
    var bytes = try Data(contentsOf: log)
    let end = try #require(bytes.lastIndex { $0 != 0 })
    if isTruncated {
      bytes.removeSubrange((end / 2)...)
    } else {
      bytes.resetBytes(in: (end / 2)...end)
    }
    try bytes.write(to: log)
    do {
      let findings = try world.verify(try world.start(.logsOnly))
      #expect(!findings.lost.isEmpty, "half of \(log.path) is gone: \(findings)")
    } catch {
      // The table is refused, and the file named.
      #expect("\(error)".contains("\(log.lastPathComponent) is damaged"), "\(error)")
    }
  }

  /// The log that holds most, of whatever table.
  private func fullestLog(in directory: String) throws -> URL? {
    let root = URL(filePath: directory)
    let paths = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String }
    let logs = (paths ?? []).filter { $0.hasSuffix(".log") }.map { root.appending(path: $0) }
    return try logs.max { left, right in
      try used(left) < used(right)
    }
  }

  /// Bytes of a log up to its last that is not zero.
  private func used(_ log: URL) throws -> Int {
    try Data(contentsOf: log).lastIndex { $0 != 0 } ?? 0
  }
}
