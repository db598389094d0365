// Counters that several clients of both fronts increment at once: what is there lies between what
// was acknowledged and what was sent.

import Client
import DataModel
import Foundation
import Synchronization
import TestSupport

/// Shared counters.
final class CounterLane: CrashLane {
  private struct Tally {
    var sent: Int64 = 0
    var acknowledged: Int64 = 0
  }

  private static let rowCount = 4

  private let table: String
  private let fronts: [NetworkFront] = [.binary, .http, .binary]
  private let seed: UInt64
  private let tallies = Mutex<[Tally]>(Array(repeating: Tally(), count: rowCount))
  private let refused = Mutex<[String]>([])
  private let sent = Atomic<Int>(0)
  private let acknowledged = Atomic<Int>(0)

  init(_ table: String, seed: UInt64) {
    self.table = table
    self.seed = seed
  }

  var sentCount: Int { sent.load(ordering: .relaxed) }
  var acknowledgedCount: Int { acknowledged.load(ordering: .relaxed) }

  func prepare(_ server: ServerAddresses) throws {
    let client = try StoreClient(connectingTo: server.tcp)
    defer { client.close() }
    try client.createTable(RegisterTable.definition(named: table))
  }

  func load(_ server: ServerAddresses, until isOver: @Sendable () -> Bool) {
    let start = UInt64(sentCount)
    withoutActuallyEscaping(isOver) { isOver in
      TestThreads.run(fronts.count) { [self] index in
        var random = SeededGenerator(seed: seed &+ start &* 8 &+ UInt64(index))
        guard let store = try? fronts[index].connect(to: server, table: table) else { return }
        while !isOver(), !store.isBroken {
          let row = Int.random(in: 0..<Self.rowCount, using: &random)
          let amount = Int64.random(in: 1...5, using: &random)
          tallies.withLock { $0[row].sent += amount }
          sent.add(1, ordering: .relaxed)
          guard case .known = store.perform(.increment(amount), row: row) else {
            let refusals = store.refusals
            refused.withLock { $0 += refusals }
            return
          }
          tallies.withLock { $0[row].acknowledged += amount }
          acknowledged.add(1, ordering: .relaxed)
        }
      }
    }
  }

  func verify(_ server: ServerAddresses) throws -> CrashFindings {
    let store = try NetworkFront.binary.connect(to: server, table: table)
    guard let states = store.read(rows: Array(0..<Self.rowCount)) else {
      throw ServerStartFailure(status: nil, errors: "\(table) cannot be read")
    }
    var findings = CrashFindings()
    findings.refused = refused.withLock { refused in
      defer { refused = [] }
      return refused
    }
    tallies.withLock { tallies in
      for (row, state) in states.enumerated() {
        findings.verifiedCount += 1
        let (value, tally) = (state.counter ?? 0, tallies[row])
        let text =
          "\(table): counter \(row) is \(value), of \(tally.sent) sent and "
          + "\(tally.acknowledged) acknowledged"
        if value < tally.acknowledged { findings.lost.append(text) }
        if value > tally.sent { findings.invented.append(text) }
        tallies[row] = Tally(sent: value, acknowledged: value)
      }
    }
    return findings
  }
}
