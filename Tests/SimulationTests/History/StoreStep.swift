// One step in the life of a store: decided up front, complete in itself, so that a history without
// it is a history too. Descriptions are Swift source: a printed history can be pasted into a test.

import DataModel
import LSM
import TestSupport

/// The mutations of one row.
struct RowChange: Equatable, Sendable {
  var key: String
  var mutations: [TestMutation]
}

/// One request that mutates rows of one table.
struct MutationRequest: Equatable, Sendable {
  var table: String
  var rows: [RowChange]
  var durability: Durability?
}

/// What is done to the store.
enum StoreAction: Sendable {
  case mutate(MutationRequest)
  /// Several requests in flight at once.
  case mutateTogether([MutationRequest])
  case checkAndMutate(
    table: String, key: String, predicate: RowFilter?, ifMatched: [TestMutation],
    otherwise: [TestMutation])
  case readModifyWrite(table: String, key: String, rules: [ReadModifyWriteRule])
  case read(table: String, key: String, options: ReadOptions)
  case scan(table: String, request: ScanRequest)
  case statistics
  case createTable(TableDefinition)
  case dropTable(String)
  case alterTable(String, [TableChange])
  case flush(String)
  case compact(String)
  /// Pieces of background work.
  case work(Int)
  case pass(milliseconds: Int)
  /// Closed in order and opened again; what waits in the background is done before, or forgotten.
  case reopen(finishesWork: Bool)
  /// The process is killed, or with a share below 1 the power goes.
  case crash(share: Double)
  /// Until `heal`, the disk takes this many bytes more.
  case fillDisk(slack: Int)
  case fault(FaultPlan)
  case heal
}

/// A step with its dice.
struct StoreStep: Sendable {
  /// Where it stood in the history that was drawn.
  var index: Int
  var seed: UInt64
  /// Microseconds on the wall clock while it runs.
  var wall: Int64
  var action: StoreAction
}

// MARK: - As Swift source

extension StoreStep: CustomStringConvertible {
  var description: String {
    "StoreStep(index: \(index), seed: \(seed), wall: \(wall), action: \(action))"
  }
}

extension RowChange: CustomStringConvertible {
  var description: String { "RowChange(key: \"\(key)\", mutations: \(mutations))" }
}

extension MutationRequest: CustomStringConvertible {
  var description: String {
    let durability = durability.map { ".\($0)" } ?? "nil"
    return "MutationRequest(table: \"\(table)\", rows: \(rows), durability: \(durability))"
  }
}

extension StoreAction: CustomStringConvertible {
  var description: String {
    switch self {
    case .mutate(let request): ".mutate(\(request))"
    case .mutateTogether(let requests): ".mutateTogether(\(requests))"
    case .checkAndMutate(let table, let key, let predicate, let matched, let otherwise):
      ".checkAndMutate(table: \"\(table)\", key: \"\(key)\", predicate: "
        + "\(predicate.map { "\($0.source)" } ?? "nil"), ifMatched: \(matched), "
        + "otherwise: \(otherwise))"
    case .readModifyWrite(let table, let key, let rules):
      ".readModifyWrite(table: \"\(table)\", key: \"\(key)\", rules: ["
        + rules.map(\.source).joined(separator: ", ") + "])"
    case .read(let table, let key, let options):
      ".read(table: \"\(table)\", key: \"\(key)\", options: \(options.source))"
    case .scan(let table, let request):
      ".scan(table: \"\(table)\", request: ScanRequest(range: RowRange(from: "
        + "\(StoreAction.source(request.range.lower)), to: "
        + "\(StoreAction.source(request.range.upper))), reversed: \(request.reversed), "
        + "limit: \(request.limit), options: \(request.options.source)))"
    case .statistics: ".statistics"
    case .createTable(let definition): ".createTable(\(definition.source))"
    case .dropTable(let name): ".dropTable(\"\(name)\")"
    case .alterTable(let name, let changes):
      ".alterTable(\"\(name)\", [" + changes.map(\.source).joined(separator: ", ") + "])"
    case .flush(let name): ".flush(\"\(name)\")"
    case .compact(let name): ".compact(\"\(name)\")"
    case .work(let count): ".work(\(count))"
    case .pass(let milliseconds): ".pass(milliseconds: \(milliseconds))"
    case .reopen(let finishesWork): ".reopen(finishesWork: \(finishesWork))"
    case .crash(let share): ".crash(share: \(share))"
    case .fillDisk(let slack): ".fillDisk(slack: \(slack))"
    case .fault(let plan): ".fault(\(plan))"
    case .heal: ".heal"
    }
  }

  fileprivate static func source(_ bytes: [UInt8]?) -> String {
    bytes.map { "Array(\"\(String(decoding: $0, as: UTF8.self))\".utf8)" } ?? "nil"
  }
}

extension RowFilter {
  /// Enum cases print as they are written, but for the leading dot.
  fileprivate var source: String { ".\(self)" }
}

extension ReadModifyWriteRule {
  fileprivate var source: String {
    let change =
      switch change {
      case .append(let bytes): ".append(\(bytes))"
      case .increment(let amount): ".increment(\(amount))"
      }
    return "ReadModifyWriteRule(family: \"\(family)\", qualifier: \(qualifier), change: \(change))"
  }
}

extension ReadOptions {
  fileprivate var source: String {
    let columns = columns.map { column in
      "ColumnSelector(family: \"\(column.family)\", qualifier: "
        + "\(column.qualifier.map { "\($0)" } ?? "nil"))"
    }
    return "ReadOptions(columns: [\(columns.joined(separator: ", "))], versions: \(versions), "
      + "filter: \(filter?.source ?? "nil"))"
  }
}

extension FamilyDefinition {
  fileprivate var source: String {
    "FamilyDefinition(name: \"\(name)\", gc: \(gc.map { ".\($0)" } ?? "nil"), "
      + "aggregate: \(aggregate.map { ".\($0)" } ?? "nil"))"
  }
}

extension TableDefinition {
  fileprivate var source: String {
    "TableDefinition(name: \"\(name)\", families: ["
      + families.map(\.source).joined(separator: ", ") + "], gcOnRead: \(gcOnRead))"
  }
}

extension TableChange {
  fileprivate var source: String {
    switch self {
    case .createFamily(let family): ".createFamily(\(family.source))"
    case .updateFamily(let family): ".updateFamily(\(family.source))"
    case .dropFamily(let name): ".dropFamily(\"\(name)\")"
    case .setGCOnRead(let collects): ".setGCOnRead(\(collects))"
    case .setProtection(let isOn): ".setProtection(\(isOn))"
    }
  }
}
