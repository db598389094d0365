// Column families and their rules as Bigtable's messages and as Strata's definitions.

internal import BigtableProto
internal import DataModel
internal import GRPC
internal import SwiftProtobuf

enum FamilyMapping {
  typealias Rule = Google_Bigtable_Admin_V2_GcRule

  static func definition(
    _ name: String, _ family: Google_Bigtable_Admin_V2_ColumnFamily
  ) throws -> FamilyDefinition {
    var definition = FamilyDefinition(name: name)
    if family.hasGcRule { definition.gc = try rule(family.gcRule) }
    guard family.hasValueType else { return definition }
    switch family.valueType.kind {
    case .aggregateType(let aggregate): definition.aggregate = try kind(aggregate)
    case .int64Type: definition.type = .int64
    case .stringType: definition.type = .utf8
    case .float64Type: definition.type = .float64
    case .bytesType, nil: break
    default:
      throw GRPCStatus(
        .unimplemented,
        "family \"\(name)\": values are bytes, strings, int64, float64 or aggregates")
    }
    return definition
  }

  private static func kind(
    _ type: Google_Bigtable_Admin_V2_Type.Aggregate
  ) throws -> AggregateKind {
    switch type.aggregator {
    case .sum: .sum
    case .min: .min
    case .max: .max
    default: throw GRPCStatus(.unimplemented, "aggregates are sum, min and max")
    }
  }

  /// nil for a rule that says nothing.
  static func rule(_ rule: Rule) throws -> GCRule? {
    switch rule.rule {
    case .maxNumVersions(let count): .maxVersions(Int(count))
    case .maxAge(let age):
      .maxAge(
        microseconds: age.seconds.multipliedReportingOverflow(by: 1_000_000).partialValue
          &+ Int64(age.nanos / 1_000))
    case .union(let union): .union(try union.rules.compactMap { try FamilyMapping.rule($0) })
    case .intersection(let all):
      .intersection(try all.rules.compactMap { try FamilyMapping.rule($0) })
    case nil: nil
    }
  }

  private static func message(_ rule: GCRule) -> Rule {
    var message = Rule()
    switch rule {
    case .maxVersions(let count): message.maxNumVersions = Int32(clamping: count)
    case .maxAge(let age):
      message.maxAge = Google_Protobuf_Duration(
        seconds: age / 1_000_000, nanos: Int32(age % 1_000_000) * 1_000)
    case .union(let rules): message.union.rules = rules.map { FamilyMapping.message($0) }
    case .intersection(let rules):
      message.intersection.rules = rules.map { FamilyMapping.message($0) }
    }
    return message
  }

  static func table(
    _ name: TableName, _ definition: TableDefinition, _ view: Google_Bigtable_Admin_V2_Table.View
  ) -> Google_Bigtable_Admin_V2_Table {
    var table = Google_Bigtable_Admin_V2_Table()
    table.name = name.full
    if view == .replicationView || view == .full || view == .encryptionView {
      table.clusterStates["strata"] = .with { $0.replicationState = .ready }
    }
    guard view == .schemaView || view == .full else { return table }
    table.granularity = .millis
    table.deletionProtection = definition.settings.isProtected
    for family in definition.families {
      var message = Google_Bigtable_Admin_V2_ColumnFamily()
      if let rule = family.gc { message.gcRule = FamilyMapping.message(rule) }
      if let type = valueType(family) { message.valueType = type }
      table.columnFamilies[family.name] = message
    }
    return table
  }

  private static func valueType(_ family: FamilyDefinition) -> Google_Bigtable_Admin_V2_Type? {
    if let aggregate = family.aggregate { return valueType(aggregate) }
    switch family.type {
    case .int64: return int64
    case .utf8: return .with { $0.stringType = .init() }
    case .float64: return .with { $0.float64Type = .init() }
    case .json, .bytes, nil: return nil
    }
  }

  private static func valueType(_ kind: AggregateKind) -> Google_Bigtable_Admin_V2_Type {
    .with { type in
      type.aggregateType.inputType = int64
      type.aggregateType.stateType = int64
      switch kind {
      case .sum: type.aggregateType.sum = .init()
      case .min: type.aggregateType.min = .init()
      case .max: type.aggregateType.max = .init()
      }
    }
  }

  private static var int64: Google_Bigtable_Admin_V2_Type {
    .with { $0.int64Type.encoding.bigEndianBytes = .init() }
  }
}
