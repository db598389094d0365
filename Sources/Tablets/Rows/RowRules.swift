// A table's schema in the form that the row path looks things up in: families by id, rules and
// declared types beside them. Built once per schema change, then only read.

internal import Bytes
internal import DataModel
internal import LSM
internal import Synchronization

/// One family as encoder, merger and reader see it. A class: it is handed on for every cell, and a
/// copy of its fields would count references of each.
final class FamilyRules: Sendable {
  let id: UInt32
  /// Name order.
  let index: Int
  let definition: FamilyDefinition
  /// As long as this.
  let name: ByteView
  /// Holds the name: a view of an array would count a reference for every cell.
  private let nameStorage: ByteBuffer
  let gc: GCRule?
  /// The newest commit that came before the rule was in force; zero where none did.
  let gcSince: SequenceNumber
  /// See `GCRule.harmlessCellCount`.
  let harmlessCellCount: Int?
  let aggregate: AggregateKind?
  /// Types of single columns, ascending by qualifier.
  let columnTypes: [(qualifier: [UInt8], type: ValueType)]

  init(
    id: UInt32, index: Int, definition: FamilyDefinition, name: [UInt8], gcSince: SequenceNumber
  ) {
    self.id = id
    self.index = index
    self.definition = definition
    var storage = ByteBuffer(capacity: name.count)
    storage.append(name)
    self.name = storage.view
    nameStorage = storage
    gc = definition.gc
    self.gcSince = gcSince
    harmlessCellCount = definition.gc.flatMap(\.harmlessCellCount)
    aggregate = definition.aggregate
    columnTypes = definition.columns.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { (qualifier: $0.key, type: $0.value) }
  }

  /// The type a value of this column must have; nil for anything.
  func type(of qualifier: ByteView) -> ValueType? {
    var low = 0
    var high = columnTypes.count
    while low < high {
      let middle = (low + high) / 2
      let order = ByteView.of(columnTypes[middle].qualifier) { $0.compare(qualifier) }
      if order == 0 { return columnTypes[middle].type }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return definition.type
  }
}

/// A schema, compiled.
final class RowRules: Sendable {
  let schema: TableSchema
  /// By family index (name order).
  let families: [FamilyRules]
  /// The schema's, for readers: an array would be counted for every row. Never changed.
  nonisolated(unsafe) let familyIDs: UnsafeBufferPointer<UInt32>
  /// Family indexes, ascending by id.
  let indexesByID: [Int]
  /// Ids ascend with names.
  let isInNameOrder: Bool
  let gcOnRead: Bool
  /// True when some rule depends on the clock.
  let dependsOnTime: Bool
  let hasGarbageRules: Bool

  /// - Parameter gcSince: See `FamilyRules`, by family id; zero where none is named.
  init(_ schema: TableSchema, gcSince: [UInt32: SequenceNumber] = [:]) {
    self.schema = schema
    let ids = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: schema.familyIDs.count)
    _ = ids.initialize(from: schema.familyIDs)
    familyIDs = UnsafeBufferPointer(ids)
    families = schema.definition.families.enumerated().map { index, family in
      FamilyRules(
        id: schema.familyIDs[index], index: index, definition: family,
        name: schema.familyNames[index],
        gcSince: gcSince[schema.familyIDs[index]] ?? .zero)
    }
    indexesByID = families.indices.sorted { schema.familyIDs[$0] < schema.familyIDs[$1] }
    isInNameOrder = indexesByID.elementsEqual(families.indices)
    gcOnRead = schema.definition.gcOnRead
    dependsOnTime = families.contains { $0.gc?.dependsOnTime ?? false }
    hasGarbageRules = families.contains { $0.gc != nil }
  }

  deinit { familyIDs.deallocate() }

  /// The family with this id, if there is one.
  func family(id: UInt32) -> FamilyRules? {
    for index in indexesByID where families[index].id >= id {
      return families[index].id == id ? families[index] : nil
    }
    return nil
  }
}

/// The one place that says which schema a table has now; merger, encoder and readers load it once
/// a call.
final class CurrentRules: Sendable {
  private let rules: Mutex<RowRules>
  private let changes = Atomic<UInt64>(0)

  init(_ rules: RowRules) { self.rules = Mutex(rules) }

  var value: RowRules { rules.withLock { $0 } }

  /// Grows with every change, after it: who asks for it first and for `value` then can tell by it
  /// that the value still stands.
  var changeCount: UInt64 { changes.load(ordering: .acquiring) }

  func replace(by new: RowRules) {
    rules.withLock { $0 = new }
    changes.add(1, ordering: .acquiringAndReleasing)
  }
}
