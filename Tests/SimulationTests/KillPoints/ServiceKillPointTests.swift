// Crashes between any two file operations of a data directory's schema changes: marker, catalog,
// directories of tables. What a restart finds is what was acknowledged, or that and the change
// that was under way.

import DataModel
import Foundation
import LSM
import TestSupport
import Testing
import VFS

@testable import Tablets

@Suite struct ServiceKillPointTests {
  private static let quota =
    ProcessInfo.processInfo.environment["STRATA_KILL_HITS"].flatMap { Int($0) } ?? 3

  /// Steps that are not an engine's own; those are in KillPointTests.
  static let steps = [
    "catalog log: sync", "catalog log: truncate", "catalog log: write", "catalog: sync",
    "catalog: truncate", "catalog: write", "directory: create",
    "directory: sync after a directory's creation", "directory: sync after a table's removal",
    "directory: sync after no change", "directory: sync after the marker's creation",
    "marker: close", "marker: create", "marker: sync", "marker: write",
    "table: remove its directory",
  ]

  @Test func `no crash of a schema change loses or half makes one`() throws {
    let run = ServiceKillPointRun(quota: Self.quota)
    var seed: UInt64 = 1
    while !run.isDone(Self.steps), seed < 20 + UInt64(Self.quota) * 4, run.losses.isEmpty {
      try run.live(seed: seed)
      seed += 1
    }
    for step in Self.steps { print("kill point: \(step): \(run.hitCount(step)) crashes") }
    print(
      "kill points: schema changes: \(Self.steps.count) steps, "
        + "\(Self.steps.map(run.hitCount).reduce(0, +)) crashes, at least "
        + "\(Self.steps.map(run.hitCount).min() ?? 0) a step, \(run.losses.count) losses")
    #expect(run.losses == [])
    #expect(run.hits.keys.sorted() == Self.steps)
    #expect(run.isDone(Self.steps), "some steps were hit too rarely")
  }
}

/// What a service shows: of each table its families and rows.
private typealias Contents = [String: [String]]

/// Crash states of many lives. `@unchecked`: lives run on one thread.
final class ServiceKillPointRun: @unchecked Sendable {
  private(set) var hits: [String: [CrashKind: Int]] = [:]
  private(set) var losses: [String] = []
  private let quota: Int
  private var acknowledged: Contents = [:]
  private var attempted: Contents = [:]
  private var stepBefore: String?
  private var world = ServiceWorld()

  init(quota: Int) { self.quota = quota }

  func hitCount(_ step: String) -> Int { hits[step]?.values.reduce(0, +) ?? 0 }
  func isDone(_ steps: [String]) -> Bool {
    steps.allSatisfy { step in CrashKind.all.allSatisfy { hits[step]?[$0] ?? 0 >= quota } }
  }

  /// Makes tables, changes, fills and drops them, twice over.
  func live(seed: UInt64) throws {
    world = ServiceWorld(seed: seed)
    acknowledged = [:]
    attempted = [:]
    stepBefore = nil
    let names = DurabilityStepNames()
    let files = world.files
    files.fault = { operation, path, index in
      self.crash(names.name(FileCall(operation: operation, path: path, index: index)))
      return nil
    }
    for round in 0..<2 {
      let service = try world.open()
      try change {
        $0["a\(round)", default: []] = ["f"]
      } _: {
        try service.createTable(Self.definition("a\(round)", ["f"]))
      }
      try write("a\(round)", "row", service)
      try change {
        $0["a\(round)", default: []].insert("g", at: 1)
      } _: {
        _ = try service.alterTable("a\(round)", [.createFamily(FamilyDefinition(name: "g"))])
      }
      try change {
        $0["b", default: []] = ["f"]
      } _: {
        try service.createTable(Self.definition("b", ["f"]))
      }
      try write("b", "row", service)
      try change {
        $0["b"] = nil
      } _: {
        try service.dropTable("b")
      }
      service.close()
      world.scheduler.runReady()
    }
    files.fault = nil
  }

  private static func definition(_ name: String, _ families: [String]) -> TableDefinition {
    TableDefinition(name: name, families: families.map { FamilyDefinition(name: $0) })
  }

  private func change(_ apply: (inout Contents) -> Void, _ act: () throws -> Void) rethrows {
    apply(&attempted)
    try act()
    acknowledged = attempted
  }

  private func write(
    _ table: String, _ key: String, _ service: TableService
  ) throws {
    try change {
      $0[table, default: []].append("row \(key)")
    } _: {
      try world.apply(try service.find(table), key, [.set("f", "q", 1_000, [1])])
    }
  }

  /// Between two operations: after the one before, before this one.
  private func crash(_ step: String?) {
    guard let step else { return }
    let isEngines =
      ["log:", "table file:", "manifest:"].contains { step.hasPrefix($0) }
      || step.hasSuffix("a log's creation") || step.hasSuffix("a log's removal")
      || step.contains("a manifest's") || step.contains("a table file's")
    let sides = [(stepBefore, true), (isEngines ? nil : step, false)]
    stepBefore = isEngines ? nil : step
    for share in [0, 0.5, 1] {
      var isWanted = false
      for case (let name?, let isAfter) in sides {
        let kind = CrashKind(isAfter: isAfter, share: share)
        let count = hits[name, default: [:]][kind, default: 0]
        guard count < quota else { continue }
        hits[name, default: [:]][kind] = count + 1
        isWanted = true
      }
      guard isWanted, let loss = loss(keeping: share) else { continue }
      losses.append("seed \(world.seed): before \(step), share \(share): \(loss)")
    }
  }

  private func loss(keeping share: Double) -> String? {
    let seed = world.seed &+ UInt64(world.files.operationCount)
    let files = world.files.crashClone(keeping: share, seed: seed)
    do {
      let clock = ManualClock()
      let scheduler = ManualScheduler(clock: clock, seed: seed)
      let service = try ServiceWorld.open(
        files, clock: clock, scheduler: scheduler, seed: seed, options: world.options)
      defer { service.close() }
      let found = try contents(of: service)
      if found == acknowledged || found == attempted { return nil }
      return "\(found) is neither \(acknowledged) nor \(attempted)"
    } catch {
      return "cannot be opened: \(error)"
    }
  }

  private func contents(of service: TableService) throws -> Contents {
    var contents: Contents = [:]
    for definition in service.definitions() {
      let rows = try service.find(definition.name).rows(ScanRequest())
      contents[definition.name] =
        definition.families.map(\.name).sorted() + rows.map { "row \($0.key)" }
    }
    if let damaged = service.damagedTables.first { throw damaged.error }
    return contents
  }
}
