// A data directory's life on a disk that fails: tables made, filled, changed and dropped, and the
// service opened again, each judged by what was acknowledged.

import DataModel
import LSM
import TestSupport
import Tablets
import Testing
import VFS

/// What a service shows of one table.
struct ShownTable: Hashable {
  /// Rules by family.
  var families: [String: String] = [:]
  /// ROW/FAMILY.
  var cells: Set<String> = []
}

typealias ShownTables = [String: ShownTable]

/// One life with one planted fault.
final class FaultyServiceLife {
  let world: ServiceWorld
  /// Every state that could be there; more than one after a failure whose outcome nobody knows.
  private var possible: Set<ShownTables> = [[:]]
  /// Tables of which a failed write may be there; until they are opened again they take no other.
  private var failedTables: Set<String> = []
  private(set) var problems: [String] = []

  init(seed: UInt64, fault: FaultPlan.Rule) {
    world = ServiceWorld(seed: seed)
    world.options.engine.logFileByteCount = 8 << 10
    world.files.plan = FaultPlan([fault], seed: seed)
  }

  var hitCount: Int { world.files.failedOperationCount }

  /// Goes on whatever fails.
  func run() {
    for round in 0..<3 {
      guard let service = try? world.open() else { continue }
      failedTables = []
      look(at: service, isNew: true, "opened")
      live(round, service)
      look(at: service, isNew: false, "before it was closed")
      service.close()
      world.scheduler.runReady()
    }
  }

  private func live(_ round: Int, _ service: TableService) {
    let name = "a\(round)"
    create(name, service)
    write("r", "f", to: name, service)
    alter(name, .createFamily(FamilyDefinition(name: "g")), service) { $0.families["g"] = "-" }
    write("r", "g", to: name, service)
    write("s", "g", to: name, service)
    if let table = try? service.find(name) { try? table.flush() }
    let stricter = FamilyDefinition(name: "f", gc: .maxVersions(2))
    alter(name, .updateFamily(stricter), service) { $0.families["f"] = "versions=2" }
    create("b", service)
    write("r", "f", to: "b", service)
    alter(name, .dropFamily("g"), service) { table in
      table.families["g"] = nil
      table.cells = table.cells.filter { !$0.hasSuffix("/g") }
    }
    world.scheduler.runReady()
    if definitions(service).contains("b") {
      change("drop b", { $0["b"] = nil }, { try service.dropTable("b") })
    }
    write("t", "f", to: name, service)
  }

  // MARK: Changes

  private func definitions(_ service: TableService) -> [String] {
    service.definitions().map(\.name)
  }

  private func create(_ name: String, _ service: TableService) {
    if definitions(service).contains(name) { return }
    let definition = TableDefinition(name: name, families: [FamilyDefinition(name: "f")])
    change(
      "create \(name)", { $0[name] = ShownTable(families: ["f": "-"]) },
      { try service.createTable(definition) })
  }

  private func alter(
    _ name: String, _ wanted: TableChange, _ service: TableService,
    _ apply: (inout ShownTable) -> Void
  ) {
    guard definitions(service).contains(name) else { return }
    change(
      "\(wanted) of \(name)", { tables in tables[name].map { apply(&tables[name, default: $0]) } },
      { _ = try service.alterTable(name, [wanted]) })
  }

  private func write(
    _ key: String, _ family: String, to name: String, _ service: TableService
  ) {
    guard let table = try? service.find(name), !failedTables.contains(name),
      table.schema.definition.families.contains(where: { $0.name == family })
    else { return }
    let isDone = change(
      "write \(key)/\(family) to \(name)",
      { tables in tables[name]?.cells.insert("\(key)/\(family)") },
      { try world.apply(table, key, [.set(family, "q", 1_000, [1])]) })
    if !isDone { failedTables.insert(name) }
  }

  /// Asks for a change; where it fails it may be there or not.
  @discardableResult
  private func change(
    _ what: String, _ apply: (inout ShownTables) -> Void, _ act: () throws -> Void
  ) -> Bool {
    let after = Set(
      possible.map { state in
        var state = state
        apply(&state)
        return state
      })
    do {
      try act()
      possible = after
      return true
    } catch {
      if error is Unanswered { problems.append("\(what): nobody answered") }
      possible.formUnion(after)
      return false
    }
  }

  // MARK: What is there

  /// - Parameter isNew: The service was just opened: what it shows is what there is.
  private func look(at service: TableService, isNew: Bool, _ moment: String) {
    guard service.damagedTables.isEmpty, let shown = try? Self.shown(by: service) else { return }
    if !possible.contains(shown) { problems.append("\(moment): \(shown), not \(possible)") }
    if isNew { possible = [shown] }
  }

  private static func shown(by service: TableService) throws -> ShownTables {
    var tables: ShownTables = [:]
    for definition in service.definitions() {
      var shown = ShownTable()
      for family in definition.families { shown.families[family.name] = family.gc?.text ?? "-" }
      for row in try service.find(definition.name).rows(ScanRequest()) {
        for cell in row.cells { shown.cells.insert("\(row.key)/\(cell.family)") }
      }
      tables[definition.name] = shown
    }
    return tables
  }

  /// The disk is well again: the directory as it is, and after power cuts of every kind.
  func checkWhatIsLeft() {
    world.files.plan = nil
    for share in [0, 0.5, 1] {
      check(world.files.crashClone(keeping: share, seed: world.seed), "share \(share)")
    }
    world.scheduler.dropAll()
    check(world.files, "without a crash")
  }

  private func check(_ files: SimulatedFileSystem, _ moment: String) {
    let clock = ManualClock()
    let scheduler = ManualScheduler(clock: clock, seed: world.seed)
    do {
      let service = try ServiceWorld.open(
        files, clock: clock, scheduler: scheduler, seed: world.seed, options: world.options)
      defer { service.close() }
      for damaged in service.damagedTables {
        problems.append("\(moment): \(damaged.name) is damaged: \(damaged.error.message)")
      }
      let shown = try Self.shown(by: service)
      if !possible.contains(shown) { problems.append("\(moment): \(shown), not \(possible)") }
      try service.createTable(TableDefinition(name: "afterwards", families: []))
    } catch {
      problems.append("\(moment): \(error)")
    }
  }
}
