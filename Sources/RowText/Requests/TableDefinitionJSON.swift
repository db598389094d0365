// Table definitions as JSON.
//
//   table   {"name": "scores", "families": {F: family, …}, "gcOnRead"?: true}
//   family  {"gc"?: gc, "type"?: type, "columns"?: {Q: type}, "aggregate"?: "sum|min|max"}
//   gc      {"maxVersions": 24} | {"maxAge": "30d"} | {"union": [gc, …]}
//           | {"intersection": [gc, …]}
//   type    "utf8" | "int64" | "float64" | "json" | "bytes"
//   change  {"families"?: {F: family to create or replace | null to drop}, "gcOnRead"?: bool}
//
// Families are written in name order, columns in byte order. Durations: DurationText.

package import Bytes
package import DataModel
internal import JSON

/// Reads and writes table definitions.
package enum TableDefinitionJSON {
  // MARK: - Writing

  /// Appends the definition.
  package static func write(_ table: TableDefinition, into out: inout ByteBuffer) {
    var families: [JSONValue.Member] = []
    for family in table.families { families.append(.init(family.name, json(of: family))) }
    var members: [JSONValue.Member] = [
      .init("name", .string(table.name)), .init("families", .object(families)),
    ]
    if table.gcOnRead { members.append(.init("gcOnRead", true)) }
    if table.settings.isProtected { members.append(.init("deletionProtection", true)) }
    JSONValue.object(members).write(into: &out)
  }

  private static func json(of family: FamilyDefinition) -> JSONValue {
    var members: [JSONValue.Member] = []
    if let gc = family.gc { members.append(.init("gc", json(of: gc))) }
    if let type = family.type { members.append(.init("type", .string(type.rawValue))) }
    if !family.columns.isEmpty {
      let sorted = family.columns.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      members.append(
        .init(
          "columns",
          .object(sorted.map { .init(qualifierText($0.key), .string($0.value.rawValue)) })))
    }
    if let kind = family.aggregate { members.append(.init("aggregate", .string(kind.rawValue))) }
    return .object(members)
  }

  private static func json(of rule: GCRule) -> JSONValue {
    switch rule {
    case .maxVersions(let count): ["maxVersions": .integer(Int64(count))]
    case .maxAge(let age): ["maxAge": .string(DurationText.format(microseconds: age))]
    case .union(let rules): ["union": .array(rules.map(json(of:)))]
    case .intersection(let rules): ["intersection": .array(rules.map(json(of:)))]
    }
  }

  private static func qualifierText(_ qualifier: [UInt8]) -> String {
    var out = ByteBuffer()
    ByteView.of(qualifier) { ValueText.append(qualifier: $0, into: &out) }
    var reader = JSONReader(out.view)
    guard let text = try? reader.string() else { return "" }
    return String(decoding: text.buffer, as: UTF8.self)
  }

  // MARK: - Reading

  /// Reads a definition. Names and limits are judged by whoever creates the table.
  package static func read(_ text: ByteView) throws(RowTextError) -> TableDefinition {
    do {
      var table = TableDefinition(name: "", families: [])
      var hasName = false
      var families: [FamilyDefinition] = []
      for member in try members(of: JSONValue(parsing: text), at: "the table") {
        switch member.name {
        case "name":
          table.name = try string(member.value, at: "name")
          hasName = true
        case "families":
          for family in try members(of: member.value, at: "families") {
            families.append(try self.family(family.name, family.value))
          }
        case "gcOnRead": table.gcOnRead = try boolean(member.value, at: member.name)
        case "deletionProtection":
          table.settings.isProtected = try boolean(member.value, at: member.name)
        default:
          throw unknown(
            member.name, of: "a table", "name, families, gcOnRead, deletionProtection")
        }
      }
      guard hasName else { throw refused("the table has no \"name\"") }
      return TableDefinition(
        name: table.name, families: families, gcOnRead: table.gcOnRead, settings: table.settings)
    } catch {
      throw RowTextError.folded(error)
    }
  }

  /// Reads a change of `current`: families given are created or replaced, null ones dropped.
  package static func readChanges(
    _ text: ByteView, of current: TableDefinition
  ) throws(RowTextError) -> [TableChange] {
    do {
      var changes: [TableChange] = []
      for member in try members(of: JSONValue(parsing: text), at: "the change") {
        switch member.name {
        case "families":
          for family in try members(of: member.value, at: "families") {
            if family.value == .null {
              changes.append(.dropFamily(family.name))
              continue
            }
            let isKnown = current.families.contains { $0.name == family.name }
            let definition = try self.family(family.name, family.value)
            changes.append(isKnown ? .updateFamily(definition) : .createFamily(definition))
          }
        case "gcOnRead": changes.append(.setGCOnRead(try boolean(member.value, at: member.name)))
        case "deletionProtection":
          changes.append(.setProtection(try boolean(member.value, at: member.name)))
        default:
          throw unknown(member.name, of: "a change", "families, gcOnRead, deletionProtection")
        }
      }
      return changes
    } catch {
      throw RowTextError.folded(error)
    }
  }

  private static func family(_ name: String, _ value: JSONValue) throws -> FamilyDefinition {
    var family = FamilyDefinition(name: name)
    let place = "families.\(name)"
    for member in try members(of: value, at: place) {
      let memberPlace = "\(place).\(member.name)"
      switch member.name {
      case "gc": family.gc = try rule(member.value, at: memberPlace, depth: 1)
      case "type": family.type = try type(member.value, at: memberPlace)
      case "columns":
        for column in try members(of: member.value, at: memberPlace) {
          var scratch = ByteBuffer()
          let qualifier = ByteView.of(column.name) { text in
            ValueText.qualifier(text, into: &scratch)?.array
          }
          guard let qualifier else {
            throw refused("\(memberPlace): '\(column.name)' is not base64 after 'base64:'")
          }
          family.columns[qualifier] = try type(column.value, at: "\(memberPlace).\(column.name)")
        }
      case "aggregate":
        let word = try string(member.value, at: memberPlace)
        guard let kind = AggregateKind(rawValue: word) else {
          throw refused("\(memberPlace): '\(word)' is none of sum, min, max")
        }
        family.aggregate = kind
      default: throw unknown(member.name, of: place, "gc, type, columns, aggregate")
      }
    }
    return family
  }

  private static func rule(_ value: JSONValue, at place: String, depth: Int) throws -> GCRule {
    guard depth <= DataModelLimits.filterDepth else {
      throw refused("\(place): rules nested deeper than \(DataModelLimits.filterDepth)")
    }
    let members = try members(of: value, at: place)
    guard members.count == 1, let member = members.first else {
      throw refused(
        "\(place): give exactly one of maxVersions, maxAge, union, intersection; "
          + "combine rules as {\"union\": [{\"maxVersions\": 2}, {\"maxAge\": \"30d\"}]}")
    }
    let memberPlace = "\(place).\(member.name)"
    switch member.name {
    case "maxVersions":
      guard case .integer(let count) = member.value, count >= 1, count <= Int64(Int32.max) else {
        throw refused("\(memberPlace): expected an integer from 1 to \(Int32.max)")
      }
      return .maxVersions(Int(count))
    case "maxAge":
      let text = try string(member.value, at: memberPlace)
      guard let age = DurationText.parse(text), age >= 1_000 else {
        throw refused(
          "\(memberPlace): '\(text)' is no duration of 1 ms or more, as \"30d\", \"12h\", \"90s\"")
      }
      return .maxAge(microseconds: age)
    case "union", "intersection":
      guard case .array(let elements) = member.value, !elements.isEmpty else {
        throw refused("\(memberPlace): expected a list of rules")
      }
      let rules = try elements.map { try rule($0, at: memberPlace, depth: depth + 1) }
      return member.name == "union" ? .union(rules) : .intersection(rules)
    default:
      throw unknown(member.name, of: place, "maxVersions, maxAge, union, intersection")
    }
  }

  private static func type(_ value: JSONValue, at place: String) throws -> ValueType {
    let word = try string(value, at: place)
    guard let type = ValueType(rawValue: word) else {
      throw refused("\(place): '\(word)' is none of utf8, int64, float64, json, bytes")
    }
    return type
  }

  // MARK: - Steps

  private static func members(
    of value: JSONValue, at place: String
  ) throws -> [JSONValue.Member] {
    guard case .object(let members) = value else {
      throw refused("\(place): expected an object, found \(value.kind.phrase)")
    }
    let names = Set(members.map(\.name))
    guard names.count == members.count else { throw refused("\(place): a name is given twice") }
    return members
  }

  private static func string(_ value: JSONValue, at place: String) throws -> String {
    guard case .string(let text) = value else {
      throw refused("\(place): expected a string, found \(value.kind.phrase)")
    }
    return text
  }

  private static func boolean(_ value: JSONValue, at place: String) throws -> Bool {
    guard case .boolean(let isTrue) = value else {
      throw refused("\(place): expected true or false, found \(value.kind.phrase)")
    }
    return isTrue
  }

  private static func unknown(_ name: String, of place: String, _ known: String) -> RowTextError {
    refused("'\(name)' is no member of \(place): \(known)")
  }

  private static func refused(_ message: String) -> RowTextError {
    RowTextError(.invalidTableDefinition, message)
  }
}
