// Kills a loaded server with SIGKILL at random moments and looks at what is left: every
// acknowledged row, and no row that nobody sent. STRATA_CRASH_CYCLES sets how often; the programs
// may be a release build (STRATA_PROGRAMS).

import Bytes
import Client
import DataModel
import Foundation
import Testing

@Suite(.serialized) struct CrashTests {
  /// What was sent and what was answered, by row number.
  struct Oracle {
    /// Rows below this number have been sent at some time.
    var sent = 0
    var acknowledged: Set<Int> = []

    static func key(_ number: Int) -> String {
      // Spread over the key space, so that flushes and compactions overlap.
      String(format: "%08x-%07d", (number &* 0x9e37_79b1) & 0xffff_ffff, number)
    }

    static func value(_ number: Int) -> String { "value of row \(number), as it was sent" }
  }

  static let cycles =
    ProcessInfo.processInfo.environment["STRATA_CRASH_CYCLES"].flatMap { Int($0) } ?? 8
  static let seed =
    ProcessInfo.processInfo.environment["STRATA_SEED"].flatMap { UInt64($0) } ?? 2025

  @Test func `kill -9 loses no acknowledged row and invents none`() throws {
    let directory = try TemporaryDirectory()
    var random = SeededDraws(seed: Self.seed)
    var oracle = Oracle()
    var slowest = 0.0
    for cycle in 0..<Self.cycles {
      let memory = ["64MiB", "256MiB", "1GiB"][Int(random.below(3))]
      let server = try ServerProcess(
        directory: directory.path("data"), ["--memory", memory, "--durability", "sync"])
      slowest = max(slowest, server.secondsToReady)
      #expect(server.secondsToReady < 2 || cycle == 0, "cycle \(cycle): ready in time")
      try verify(oracle, on: server, cycle: cycle)
      let moment = 20 + Int(random.below(600))
      let victim = server.processIdentifier
      let killer = Thread {
        usleep(UInt32(moment) * 1_000)
        kill(victim, SIGKILL)
      }
      killer.start()
      load(&oracle, on: server)
      server.kill()
    }
    let server = try ServerProcess(directory: directory.path("data"))
    try verify(oracle, on: server, cycle: Self.cycles)
    #expect(server.stop() == 0)
    print(
      "crash test: \(Self.cycles) cycles, \(oracle.sent) rows sent, "
        + "\(oracle.acknowledged.count) acknowledged, slowest start \(slowest) s, seed \(Self.seed)"
    )
  }

  /// Sends rows until the server is gone.
  private func load(_ oracle: inout Oracle, on server: ServerProcess) {
    var acknowledged: [UInt64] = []
    var requests: [UInt64: Range<Int>] = [:]
    do {
      let client = try StoreClient(connectingTo: server.tcp)
      if oracle.sent == 0 {
        try client.createTable(
          TableDefinition(name: "rows", families: [FamilyDefinition(name: "f")]))
      }
      let stream = try client.mutationStream("rows", window: 8)
      stream.onAcknowledged = { acknowledged.append($0.number) }
      var list = MutationList()
      while true {
        list.clear()
        let rows = oracle.sent..<oracle.sent + 100
        for number in rows { Self.append(number, to: &list) }
        oracle.sent = rows.upperBound
        requests[try stream.send(list)] = rows
      }
    } catch {
      for number in acknowledged { oracle.acknowledged.formUnion(requests[number] ?? 0..<0) }
    }
  }

  private static func append(_ number: Int, to list: inout MutationList) {
    let key = Array(Oracle.key(number).utf8)
    let value = Array(Oracle.value(number).utf8)
    key.withUnsafeBytes { list.beginRow(ByteView($0)) }
    let family: StaticString = "f"
    let qualifier: StaticString = "q"
    value.withUnsafeBytes {
      list.setCell(
        family: ByteView(UnsafeRawPointer(family.utf8Start), count: 1),
        qualifier: ByteView(UnsafeRawPointer(qualifier.utf8Start), count: 1),
        timestamp: Timestamp(microseconds: 1_000), value: ByteView($0))
    }
  }

  private func verify(_ oracle: Oracle, on server: ServerProcess, cycle: Int) throws {
    guard oracle.sent > 0 else { return }
    let client = try StoreClient(connectingTo: server.tcp)
    var seen: Set<Int> = []
    var invented = 0
    try client.scan("rows", ScanRequest()) { row in
      let key = String(decoding: row.key.array, as: UTF8.self)
      guard let number = Int(key.suffix(7)), number < oracle.sent, Oracle.key(number) == key,
        row.cells.count == 1,
        String(decoding: row.cells[0].value.array, as: UTF8.self) == Oracle.value(number)
      else {
        invented += 1
        return true
      }
      seen.insert(number)
      return true
    }
    let lost = oracle.acknowledged.subtracting(seen)
    #expect(lost.isEmpty, "cycle \(cycle): \(lost.count) acknowledged rows are missing")
    #expect(invented == 0, "cycle \(cycle): \(invented) rows that nobody sent")
  }
}

/// Random numbers from a seed (SplitMix64).
struct SeededDraws {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: UInt64) -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return (mixed ^ (mixed >> 31)) % bound
  }
}
