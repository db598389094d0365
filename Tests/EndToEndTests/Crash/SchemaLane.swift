// Tables that come, change and go while the server is killed: each change is there or not, a table
// that went has taken its rows with it.

import Client
import DataModel
import Foundation
import TestSupport

/// Tables of this lane's own. `@unchecked`: one thread at a time, as `CrashLane` says.
final class SchemaLane: CrashLane, @unchecked Sendable {
  /// Nil: no such table. Else its families, and whether its one row was written.
  private struct State: Equatable {
    var families: Set<String>
    var hasRow = false
  }

  private static let prefix = "schema-"
  private static let tableCount = 5

  private var random: SeededGenerator
  private var certain = [State?](repeating: nil, count: tableCount)
  private var pending: (table: Int, state: State?)?
  private var refused: [String] = []
  private(set) var sentCount = 0
  private(set) var acknowledgedCount = 0

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  func prepare(_ server: ServerAddresses) throws {}

  func load(_ server: ServerAddresses, until isOver: @Sendable () -> Bool) {
    do {
      let client = try StoreClient(connectingTo: server.tcp)
      defer { client.close() }
      while !isOver() {
        let table = Int.random(in: 0..<Self.tableCount, using: &random)
        sentCount += 1
        try change(table, client)
        pending = nil
        acknowledgedCount += 1
        // Not all the time: a change of schema holds up what others do.
        usleep(UInt32.random(in: 0...20_000, using: &random))
      }
    } catch {
      // What is pending stays in doubt.
      refused += Refusal.texts(of: error, "schema")
    }
  }

  private func change(_ table: Int, _ client: StoreClient) throws {
    let name = Self.prefix + "\(table)"
    guard var state = certain[table] else {
      let new = State(families: ["f"])
      pending = (table: table, state: new)
      try client.createTable(RegisterTable.definition(named: name))
      certain[table] = new
      return
    }
    let extra = "x\(Int.random(in: 0..<3, using: &random))"
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      pending = (table: table, state: nil)
      try client.dropTable(name)
      certain[table] = nil
      return
    case 1, 2:
      let isThere = state.families.contains(extra)
      if isThere { state.families.remove(extra) } else { state.families.insert(extra) }
      pending = (table: table, state: state)
      _ = try client.alterTable(
        name, [isThere ? .dropFamily(extra) : .createFamily(FamilyDefinition(name: extra))])
    default:
      state.hasRow = true
      pending = (table: table, state: state)
      _ = try client.mutate(name, RegisterTable.list(.set(1), row: 0))
    }
    certain[table] = state
  }

  func verify(_ server: ServerAddresses) throws -> CrashFindings {
    let client = try StoreClient(connectingTo: server.tcp)
    defer { client.close() }
    var findings = CrashFindings()
    findings.refused = refused
    refused = []
    let tables = try client.tables().filter { $0.name.hasPrefix(Self.prefix) }
    for table in 0..<Self.tableCount {
      findings.verifiedCount += 1
      let name = Self.prefix + "\(table)"
      var found: State?
      if let definition = tables.first(where: { $0.name == name }) {
        let row = try client.get(name, key: RegisterTable.key(0), options: ReadOptions())
        found = State(families: Set(definition.families.map(\.name)), hasRow: row != nil)
      }
      if found == certain[table] { continue }
      if let pending, pending.table == table, pending.state == found {
        certain[table] = found
        continue
      }
      let text = "\(name) is \(Self.text(found)), not \(Self.text(certain[table]))"
      if found == nil || (certain[table]?.hasRow == true && found?.hasRow == false) {
        findings.lost.append(text)
      } else {
        findings.invented.append(text)
      }
      certain[table] = found
    }
    pending = nil
    return findings
  }

  private static func text(_ state: State?) -> String {
    state.map { "\($0.families.sorted())\($0.hasRow ? " with its row" : "")" } ?? "no table"
  }
}
