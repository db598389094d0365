// What a store must hold after a restart: the model, the changes since the last durable one, and
// what was asked for without an answer that settles it.

import DataModel
import LSM
import TestSupport
import Tablets

/// Why a run is wrong.
struct Difference: Error, CustomStringConvertible {
  var text: String
  init(_ text: String) { self.text = text }
  var description: String { text }
}

/// What one request did to the rows of a table.
struct JournalEntry: Sendable {
  var changes: [(key: String, before: RowModel?, after: RowModel?)]
  var durability: Durability
}

/// The requests of one table since everything was durable, oldest first.
struct Journal: Sendable {
  /// Acknowledged; the model has them.
  var entries: [JournalEntry] = []
  /// How many of the entries survive a power cut.
  var durableCount = 0
  /// Asked for and not answered, or answered with an error that leaves it open; the model has them
  /// not. They come in order, each with all before it.
  var pending: [JournalEntry] = []

  /// A request that changed nothing wrote nothing, and so synced nothing.
  mutating func acknowledge(_ entry: JournalEntry) {
    guard !entry.changes.isEmpty else { return }
    entries.append(entry)
    if entry.durability == .sync { durableCount = entries.count }
  }

  /// Forgets what no crash can take back.
  mutating func prune() {
    guard durableCount > 0 else { return }
    entries.removeFirst(durableCount)
    durableCount = 0
  }
}

/// A change of the schema that may be there after a restart, or not.
enum SchemaDoubt: Sendable {
  case created(TableDefinition)
  case dropped
  case altered([TableChange])
}

/// A state of the store in which a crash may leave it.
struct StoreExpectation: Sendable {
  var store = ModelStore()
  var journals: [String: Journal] = [:]
  var doubts: [String: SchemaDoubt] = [:]

  // MARK: After a restart

  /// Finds out which of the possible states the opened service is in, and takes it over.
  ///
  /// - Parameters:
  ///   - isPowerCut: What was acknowledged without a sync may be gone.
  ///   - now: Microseconds on the wall clock.
  /// - Throws: `Difference` when it is in none.
  mutating func settle(_ service: TableService, isPowerCut: Bool, now: Int64) throws {
    let found = try StoreExpectation.unique(service.definitions().map { ($0.name, $0) })
    for name in Set(store.tables.keys).union(doubts.keys).union(found.keys).sorted() {
      try settleSchema(name, found[name], now: now)
      guard found[name] != nil else { continue }
      let table = try service.find(name)
      let rows = try table.rows(ScanRequest(options: ReadOptions(versions: 0)))
      try settleRows(name, rows, isPowerCut: isPowerCut, now: now)
    }
    doubts = [:]
  }

  private static func unique<Value>(_ pairs: [(String, Value)]) throws -> [String: Value] {
    var values: [String: Value] = [:]
    for (name, value) in pairs where values.updateValue(value, forKey: name) != nil {
      throw Difference("\(name) is there twice")
    }
    return values
  }

  private mutating func settleSchema(
    _ name: String, _ found: TableDefinition?, now: Int64
  ) throws {
    if store.tables[name]?.definition == found { return }
    switch doubts[name] {
    case .created(let definition) where found == definition:
      store.tables[name] = ModelTable(definition)
      journals[name] = Journal()
    case .dropped where found == nil:
      store.tables[name] = nil
      journals[name] = nil
    case .altered(let changes):
      try? alter(name, changes, now: now)
      if store.tables[name]?.definition == found { return }
      fallthrough
    default:
      throw Difference(
        "table \(name) is \(found.map { "\($0)" } ?? "absent"), expected "
          + "\(store.tables[name].map { "\($0.definition)" } ?? "absent")")
    }
  }

  private mutating func settleRows(
    _ name: String, _ rows: [TestRow], isPowerCut: Bool, now: Int64
  ) throws {
    guard var table = store.tables[name], var journal = journals[name] else {
      throw Difference("table \(name) is nobody's")
    }
    let found = try StoreExpectation.unique(rows.map { ($0.key, $0.cells) })
    let all = journal.entries + journal.pending
    for entry in journal.pending {
      for change in entry.changes { table.rows[change.key] = change.after }
    }
    let options = ReadOptions(versions: 0)
    func isRight(_ key: String) -> Bool {
      table.allows(found[key] ?? [], table.current(key, now: now), options, now: now)
    }
    var wrong = Set(Set(table.rows.keys).union(found.keys).filter { !isRight($0) })
    var count = all.count
    let floor = isPowerCut ? journal.durableCount : journal.entries.count
    let newest = wrong
    while !wrong.isEmpty {
      guard count > floor else {
        throw Difference(
          StoreExpectation.explain(
            name, table, found, newest: newest, oldest: wrong, journal, now: now))
      }
      count -= 1
      for change in all[count].changes.reversed() { table.rows[change.key] = change.before }
      for change in all[count].changes {
        if isRight(change.key) { wrong.remove(change.key) } else { wrong.insert(change.key) }
      }
    }
    store.tables[name] = table
    journal.entries = Array(all[..<count])
    journal.pending = []
    journals[name] = journal
  }

  private static func explain(
    _ name: String, _ table: ModelTable, _ found: [String: [TestCell]], newest: Set<String>,
    oldest: Set<String>, _ journal: Journal, now: Int64
  ) -> String {
    let key = oldest.min() ?? ""
    return "table \(name) is no state between \(journal.durableCount) and "
      + "\(journal.entries.count)+\(journal.pending.count) requests: row \(key) is "
      + "\(found[key] ?? []), the oldest possible state has "
      + "\(table.current(key, now: now).cells()) (rows wrong in the newest: \(newest.sorted()), "
      + "in the oldest: \(oldest.sorted()))"
  }

  // MARK: Schema

  mutating func create(_ definition: TableDefinition) throws(ModelRefusal) {
    try store.create(definition)
    journals[definition.name] = Journal()
    doubts[definition.name] = nil
  }

  mutating func drop(_ name: String) throws(ModelRefusal) {
    try store.drop(name)
    journals[name] = nil
    doubts[name] = nil
  }

  /// Also what a crash could bring back shows under the new definition.
  mutating func alter(
    _ name: String, _ changes: [TableChange], now: Int64
  ) throws(ModelRefusal) {
    var table = try store.table(name)
    let rules = table.rules
    try table.alter(changes, now: now)
    store.tables[name] = table
    doubts[name] = nil
    var dropped: Set<String> = []
    for case .dropFamily(let family) in changes { dropped.insert(family) }
    func change(_ entries: inout [JournalEntry]) {
      for index in entries.indices {
        for place in entries[index].changes.indices {
          table.change(
            &entries[index].changes[place].before, dropped: dropped, oldRules: rules, now: now)
          table.change(
            &entries[index].changes[place].after, dropped: dropped, oldRules: rules, now: now)
        }
      }
    }
    guard var journal = journals[name] else { return }
    change(&journal.entries)
    change(&journal.pending)
    journals[name] = journal
  }

  // MARK: What time and requests make durable

  mutating func everythingIsDurable(in name: String) {
    guard var journal = journals[name] else { return }
    journal.durableCount = journal.entries.count
    journals[name] = journal
  }

  /// Commits that are synced within an interval have been.
  mutating func intervalHasPassed() {
    for (name, var journal) in journals {
      if let last = journal.entries.lastIndex(where: { $0.durability != .none }) {
        journal.durableCount = max(journal.durableCount, last + 1)
        journals[name] = journal
      }
    }
  }

  /// What was acknowledged without a sync may be gone for good.
  mutating func powerHasGone() {
    for (name, var journal) in journals {
      journal.pending = journal.entries[journal.durableCount...] + journal.pending
      // The model goes back with them.
      for entry in journal.entries[journal.durableCount...].reversed() {
        for change in entry.changes.reversed() {
          store.tables[name]?.rows[change.key] = change.before
        }
      }
      journal.entries.removeLast(journal.entries.count - journal.durableCount)
      journals[name] = journal
    }
  }

  mutating func prune() {
    for name in Array(journals.keys) { journals[name]?.prune() }
  }
}
