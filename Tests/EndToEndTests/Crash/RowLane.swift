// Single-row operations of every kind over one front, one after the other: with one client, each
// answer is known beforehand.

import Client
import DataModel
import Foundation
import TestSupport

/// Rows of one register and one counter, all this lane's. `@unchecked`: one thread at a time, as
/// `CrashLane` says.
final class RowLane: CrashLane, @unchecked Sendable {
  private let table: String
  private let front: NetworkFront
  private let rowCount: Int
  private var random: SeededGenerator
  private var certain: [RowState]
  /// Sent without an answer.
  private var pending: (row: Int, operation: RowOperation)?
  /// Answers that were wrong already when they came.
  private var wrong: [String] = []
  private var refused: [String] = []
  private var lastValue: UInt32 = 0
  private(set) var sentCount = 0
  private(set) var acknowledgedCount = 0

  init(_ table: String, _ front: NetworkFront, rowCount: Int, seed: UInt64) {
    self.table = table
    self.front = front
    self.rowCount = rowCount
    random = SeededGenerator(seed: seed)
    certain = Array(repeating: .empty, count: rowCount)
  }

  func prepare(_ server: ServerAddresses) throws {
    let client = try StoreClient(connectingTo: server.tcp)
    defer { client.close() }
    try client.createTable(RegisterTable.definition(named: table))
  }

  func load(_ server: ServerAddresses, until isOver: @Sendable () -> Bool) {
    guard let store = try? front.connect(to: server, table: table) else { return }
    while !isOver(), !store.isBroken {
      let row = Int.random(in: 0..<rowCount, using: &random)
      if random.chance(0.1) {
        guard let states = store.read(rows: [row]) else { break }
        if states != [certain[row]] {
          wrong.append("\(table): row \(row) read as \(states), not \(certain[row])")
        }
        continue
      }
      let operation = draw(row)
      sentCount += 1
      switch store.perform(operation, row: row) {
      case .notSent: continue
      case .unknown:
        pending = (row: row, operation: operation)
        refused += store.refusals
        return
      case .known(let outcome):
        acknowledgedCount += 1
        guard let next = operation.applied(to: certain[row], answering: outcome) else {
          wrong.append("\(table): \(operation) of row \(row) \(certain[row]): \(outcome)")
          continue
        }
        certain[row] = next
      }
    }
    refused += store.refusals
  }

  private func draw(_ row: Int) -> RowOperation {
    lastValue += 1
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: return .set(lastValue)
    case 30..<55: return .increment(Int64.random(in: 1...9, using: &random))
    case 55..<80:
      return .compareAndSet(
        expected: certain[row].register ?? 0, new: lastValue,
        otherwise: random.chance(0.5) ? lastValue : nil)
    case 80..<85: return .setIfEmpty(lastValue)
    case 85..<90: return .deleteRegister
    case 90..<95: return .deleteRow
    default: return .replace(register: lastValue, counter: Int64(lastValue % 100))
    }
  }

  func verify(_ server: ServerAddresses) throws -> CrashFindings {
    let store = try front.connect(to: server, table: table)
    var findings = CrashFindings()
    findings.invented = wrong
    findings.refused = refused
    wrong = []
    refused = []
    guard let states = store.read(rows: Array(0..<rowCount)) else {
      throw ServerStartFailure(status: nil, errors: "\(table) cannot be read")
    }
    for (row, state) in states.enumerated() {
      findings.verifiedCount += 1
      if state == certain[row] { continue }
      if let pending, pending.row == row,
        pending.operation.applied(to: certain[row], answering: nil) == state
      {
        certain[row] = state
        continue
      }
      let text = "\(table): row \(row) is \(state), not \(certain[row])"
      if (state.register ?? 0) > lastValue {
        findings.invented.append(text)
      } else {
        findings.lost.append(text)
      }
      certain[row] = state
    }
    pending = nil
    return findings
  }
}
