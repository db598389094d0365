// Histories of a real server, over both fronts, that is killed and started again meanwhile, have an
// order. STRATA_HISTORIES and STRATA_HISTORY_OPERATIONS set how many and how long.

import Client
import Foundation
import Synchronization
import TestSupport
import Testing

/// Where the server is at the moment; clients look here when theirs is gone.
private final class AddressBoard: Sendable {
  private let addresses = Mutex<ServerAddresses?>(nil)
  private let hasGivenUp = Atomic<Bool>(false)

  var now: ServerAddresses? {
    get { addresses.withLock { $0 } }
    set { addresses.withLock { $0 = newValue } }
  }

  /// No server will come.
  var isAbandoned: Bool { hasGivenUp.load(ordering: .relaxed) }
  func abandon() { hasGivenUp.store(true, ordering: .relaxed) }

  /// What servers refused: nobody tells them to stop, so they have no reason.
  private let refused = Mutex<[String]>([])
  var refusals: [String] { refused.withLock { $0 } }
  func refuse(_ texts: [String]) { refused.withLock { $0 += texts } }
}

/// A client's store that connects again when its connection is gone.
private final class ReconnectingStore: RowStore {
  private let board: AddressBoard
  private let front: NetworkFront
  private var store: (any NetworkStore)?

  deinit { board.refuse(store?.refusals ?? []) }

  init(_ board: AddressBoard, _ front: NetworkFront) {
    self.board = board
    self.front = front
  }

  func perform(_ operation: RowOperation, row: Int) -> RowAnswer {
    connected()?.perform(operation, row: row) ?? .unknown
  }

  func read(rows: [Int]) -> [RowState]? { connected()?.read(rows: rows) }

  /// Waits for a server that can be connected to: what is not sent is not recorded.
  private func connected() -> (any NetworkStore)? {
    while !board.isAbandoned {
      if let store, !store.isBroken { return store }
      board.refuse(store?.refusals ?? [])
      store = nil
      if let addresses = board.now {
        store = try? front.connect(to: addresses, table: RegisterTable.name)
      }
      if store == nil { usleep(1_000) }
    }
    return nil
  }
}

/// A server over one directory that is killed and comes back. `@unchecked`: used by the test's
/// thread before and after the recording, by the disturbing one during it.
private final class MortalServer: @unchecked Sendable {
  let board = AddressBoard()
  private let directory: TemporaryDirectory
  private var server: ServerProcess
  private(set) var killCount = 0
  private(set) var failure: (any Error)?

  init(seed: UInt64) throws {
    directory = try TemporaryDirectory()
    server = try Self.start(directory, seed)
    let client = try StoreClient(connectingTo: server.tcp)
    try client.createTable(RegisterTable.definition())
    client.close()
    board.now = server.addresses
  }

  func die() { server.kill() }

  func dieAndComeBack(_ draw: UInt64) {
    server.kill()
    killCount += 1
    board.now = nil
    do {
      if let end = server.unexpectedEnd { throw ServerStartFailure(status: nil, errors: end) }
      server = try Self.start(directory, draw)
      board.now = server.addresses
    } catch {
      failure = error
      board.abandon()
    }
  }

  /// So small that flushes and compactions run within a history. What survives SIGKILL is the same
  /// with every durability.
  private static func start(
    _ directory: TemporaryDirectory, _ draw: UInt64
  ) throws -> ServerProcess {
    try ServerProcess(
      directory: directory.path("data"),
      ["--memory", "64MiB", "--durability", ["sync", "interval", "none"][Int(draw % 3)]],
      environment: [
        "STRATA_ENGINE_MEMTABLE": "64KiB", "STRATA_ENGINE_LOG_FILE": "64KiB",
        "STRATA_ENGINE_TABLE_FILE": "64KiB", "STRATA_ENGINE_LEVEL": "128KiB",
      ])
  }
}

@Suite(.serialized) struct NetworkHistoryTests {
  private static func setting(_ name: String, _ standard: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
  }

  static let historyCount = setting("STRATA_HISTORIES", 2)
  static let operationCount = setting("STRATA_HISTORY_OPERATIONS", 2_000)
  static let seed = UInt64(setting("STRATA_SEED", 2025))

  /// What became of one history.
  private struct Figures {
    var recorded = 0
    var unanswered = 0
    var kills = 0
    var violations = 0
  }

  @Test func `histories of a server that is killed meanwhile are linearizable`() throws {
    var all = Figures()
    for number in 0..<Self.historyCount {
      let figures = try run(seed: Self.seed &+ UInt64(number))
      all.recorded += figures.recorded
      all.unanswered += figures.unanswered
      all.kills += figures.kills
      all.violations += figures.violations
    }
    #expect(all.unanswered > 0, "the server was killed while nobody waited: nothing was tested")
    print(
      "linearizability, over the network: \(Self.historyCount) histories, \(all.recorded) "
        + "operations, \(all.kills) kills, \(all.unanswered) without an answer, "
        + "\(all.violations) violations, seed \(Self.seed)")
  }

  private func run(seed: UInt64) throws -> Figures {
    let server = try MortalServer(seed: seed)
    var plan = HistoryPlan(seed: seed)
    plan.operationCount = Self.operationCount
    let board = server.board
    let history = HistoryRecorder.record(
      plan,
      makeStore: { client in ReconnectingStore(board, client % 3 == 0 ? .http : .binary) },
      disturb: { progress in
        var random = SeededGenerator(seed: seed)
        for moment in Self.moments(&random) {
          progress.wait(for: moment)
          server.dieAndComeBack(random.next())
        }
      })
    server.die()
    #expect(server.failure == nil, "seed \(seed)")
    #expect(board.refusals.isEmpty, "seed \(seed)")
    var figures = Figures()
    figures.recorded = history.count
    figures.unanswered = history.count { $0.outcome == nil }
    figures.kills = server.killCount
    switch LinearizabilityChecker.check(history) {
    case .linearizable: break
    case .violation(let violation):
      figures.violations += 1
      Issue.record("seed \(seed): \(violation)")
    case .undecided(let row, let reason):
      Issue.record("seed \(seed): row \(row): \(reason)")
    }
    return figures
  }

  private static func moments(_ random: inout SeededGenerator) -> [Int] {
    (0..<Int.random(in: 2...4, using: &random)).map { _ in
      Int.random(in: operationCount / 20..<operationCount, using: &random)
    }.sorted()
  }
}
