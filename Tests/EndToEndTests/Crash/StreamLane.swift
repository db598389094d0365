// Bulk load over a mutate stream: rows of two families overwritten again and again, some deleted,
// many requests in flight.

import Bytes
import Client
import DataModel
import Foundation
import TestSupport

/// Requests of many rows. `@unchecked`: one thread at a time, as `CrashLane` says.
final class StreamLane: CrashLane, @unchecked Sendable {
  /// A request whose acknowledgement has not come.
  private struct Request {
    /// New version by row; 0 deletes the row.
    var versions: [Int: UInt32]
  }

  private static let window = 8

  private let table: String
  private let rowCount: Int
  private let rowsPerRequest: Int
  /// Each version is a cell beside the older ones, not in their place.
  private let keepsVersions: Bool
  private var random: SeededGenerator
  /// Version of each row, 0 for none, as far as it is certain.
  private var certain: [UInt32]
  private var pending: [UInt64: Request] = [:]
  private var pendingRows: Set<Int> = []
  private var lastVersion: UInt32 = 0
  private var refused: [String] = []
  private(set) var sentCount = 0
  private(set) var acknowledgedCount = 0

  init(_ table: String, rowCount: Int, keepsVersions: Bool, seed: UInt64) {
    self.table = table
    self.rowCount = rowCount
    self.keepsVersions = keepsVersions
    rowsPerRequest = min(50, rowCount / (2 * StreamLane.window))
    random = SeededGenerator(seed: seed)
    certain = Array(repeating: 0, count: rowCount)
  }

  func prepare(_ server: ServerAddresses) throws {
    let client = try StoreClient(connectingTo: server.tcp)
    defer { client.close() }
    let families = ["f", "g"].map { FamilyDefinition(name: $0, gc: .maxVersions(2)) }
    try client.createTable(TableDefinition(name: table, families: families))
  }

  func load(_ server: ServerAddresses, until isOver: @Sendable () -> Bool) {
    do {
      let client = try StoreClient(connectingTo: server.tcp)
      defer { client.close() }
      let stream = try client.mutationStream(table, window: StreamLane.window)
      stream.onAcknowledged = { [unowned self] in acknowledge($0) }
      var list = MutationList()
      var number: UInt64 = 0
      while !isOver() {
        list.clear()
        let request = draw()
        for (row, version) in request.versions.sorted(by: { $0.key < $1.key }) {
          append(row, version, to: &list)
        }
        // In doubt from before the sending on.
        number += 1
        pending[number] = request
        pendingRows.formUnion(request.versions.keys)
        sentCount += request.versions.count
        _ = try stream.send(list)
      }
      try stream.finish()
    } catch {
      // What is pending stays in doubt.
      refused += Refusal.texts(of: error, table)
    }
  }

  private func acknowledge(_ acknowledgement: MutationStream.Acknowledgement) {
    refused += acknowledgement.rejected.map { "\(table): \($0.code) \($0.message)" }
    guard let request = pending.removeValue(forKey: acknowledgement.number) else { return }
    acknowledgedCount += request.versions.count
    settle(request.versions)
  }

  private func settle(_ versions: [Int: UInt32]) {
    for (row, version) in versions {
      certain[row] = version
      pendingRows.remove(row)
    }
  }

  /// Rows of which nothing is in flight, each with its next version.
  private func draw() -> Request {
    var versions: [Int: UInt32] = [:]
    while versions.count < rowsPerRequest {
      let row = Int.random(in: 0..<rowCount, using: &random)
      guard versions[row] == nil, !pendingRows.contains(row) else { continue }
      lastVersion += 1
      versions[row] = random.chance(0.05) ? 0 : lastVersion
    }
    return Request(versions: versions)
  }

  // MARK: - Rows

  private func key(_ row: Int) -> String {
    // Spread over the key space, so that flushes and compactions overlap.
    String(format: "%08x-%07d", (row &* 0x9e37_79b1) & 0xffff_ffff, row)
  }

  private func value(_ row: Int, _ version: UInt32) -> String {
    let filler = String(repeating: "\(version % 10)", count: Int(version &* 7919 % 400))
    return "row \(row) version \(version) \(filler)"
  }

  private func time(_ version: UInt32) -> Timestamp {
    Timestamp(microseconds: keepsVersions ? Int64(version) * 1_000 : 1_000)
  }

  private func append(_ row: Int, _ version: UInt32, to list: inout MutationList) {
    ByteView.of(key(row)) { list.beginRow($0) }
    guard version > 0 else { return list.deleteFromRow() }
    for (family, value) in [("f", value(row, version)), ("g", "\(version)")] {
      ByteView.of(family) { family in
        ByteView.of("q") { qualifier in
          ByteView.of(value) { value in
            list.setCell(
              family: family, qualifier: qualifier, timestamp: time(version), value: value)
          }
        }
      }
    }
  }

  // MARK: - Verification

  func verify(_ server: ServerAddresses) throws -> CrashFindings {
    let client = try StoreClient(connectingTo: server.tcp)
    defer { client.close() }
    var findings = CrashFindings()
    findings.refused = refused
    refused = []
    var found = [UInt32](repeating: 0, count: rowCount)
    try client.scan(table, ScanRequest()) { row in
      findings.verifiedCount += 1
      let key = String(decoding: row.key.array, as: UTF8.self)
      guard let number = Int(key.suffix(7)), number < rowCount, self.key(number) == key else {
        findings.invented.append("\(table): row \(key)")
        return true
      }
      let cells = row.cells.map { String(decoding: $0.value.array, as: UTF8.self) }
      guard cells.count == 2, let version = UInt32(cells[1]), version <= lastVersion,
        cells[0] == value(number, version),
        row.cells.allSatisfy({ $0.timestamp == time(version) })
      else {
        findings.torn.append("\(table): row \(key): \(cells.map { $0.prefix(40) })")
        return true
      }
      found[number] = version
      return true
    }
    compare(found, &findings)
    return findings
  }

  /// Each request whole or not at all, each other row as it was acknowledged.
  private func compare(_ found: [UInt32], _ findings: inout CrashFindings) {
    for request in pending.values {
      let applied = request.versions.count { found[$0.key] == $0.value }
      let untouched = request.versions.count { found[$0.key] == certain[$0.key] }
      // A deletion of a row that is not there is both.
      if applied == request.versions.count {
        settle(request.versions)
      } else if untouched < request.versions.count {
        findings.torn.append(
          "\(table): a request of \(request.versions.count) rows: \(applied) new, "
            + "\(untouched) old")
      }
    }
    pending.removeAll()
    pendingRows.removeAll()
    for row in 0..<rowCount where found[row] != certain[row] {
      let text = "\(table): row \(key(row)) has version \(found[row]), not \(certain[row])"
      if found[row] > certain[row] {
        findings.invented.append(text)
      } else {
        findings.lost.append(text)
      }
      certain[row] = found[row]
    }
  }
}
