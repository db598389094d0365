// Row filters as JSON: an object of one member.
//
//   {"passAll": {}} {"blockAll": {}} {"stripValue": {}} {"sink": {}}
//   {"rowSample": p} {"label": "text"}            0 < p < 1; 1 to 15 of a-z, 0-9 and -
//   {"chain": [filter, …]} {"interleave": [filter, …]}
//   {"condition": {"predicate": filter, "then"?: filter, "otherwise"?: filter}}
//   {"rowKeyPrefix": B} {"family": "f"} {"qualifier": B} {"qualifierPrefix": B} {"value": B}
//   {"rowKeyRegex": B} {"familyRegex": B} {"qualifierRegex": B} {"valueRegex": B}      RE2's syntax
//   {"columnRange": {"family": "f", "from"?: B, "to"?: B}}      [from, to)
//   {"timestampRange": {"from"?: µs, "to"?: µs}}                [from, to)
//   {"valueRange": {"from"?: B, "to"?: B}}                      [from, to)
//   {"cellsPerRowOffset": n} {"cellsPerRowLimit": n} {"cellsPerColumnLimit": n}
//
//   B := "text" | {"base64": "…"} | {"int64": n} | {"float64": x}    the stored bytes of a value

package import Bytes
package import DataModel
internal import RegularExpressions
package import JSON

/// Reads and writes row filters.
package enum RowFilterJSON {
  package static func read(_ text: ByteView) throws(RowTextError) -> RowFilter {
    do {
      return try filter(JSONValue(parsing: text), at: "filter", depth: 1)
    } catch {
      throw RowTextError.folded(error)
    }
  }

  package static func filter(from value: JSONValue) throws(RowTextError) -> RowFilter {
    do {
      return try filter(value, at: "filter", depth: 1)
    } catch {
      throw RowTextError.folded(error)
    }
  }

  // MARK: - Reading

  private static func filter(_ value: JSONValue, at place: String, depth: Int) throws -> RowFilter {
    guard depth <= DataModelLimits.filterDepth else {
      throw refused("\(place): filters nested deeper than \(DataModelLimits.filterDepth)")
    }
    guard case .object(let members) = value, members.count == 1, let member = members.first else {
      throw refused("\(place): expected an object of exactly one member, as {\"family\": \"f\"}")
    }
    let inner = "\(place).\(member.name)"
    let value = member.value
    switch member.name {
    case "passAll": return try flag(.passAll, value, at: inner)
    case "blockAll": return try flag(.blockAll, value, at: inner)
    case "stripValue": return try flag(.stripValue, value, at: inner)
    case "sink": return try flag(.sink, value, at: inner)
    case "label": return .label(try string(value, at: inner))
    case "rowSample":
      guard case .double(let probability) = value else {
        throw refused("\(inner): expected a number between 0 and 1, neither of them")
      }
      return .rowSample(probability)
    case "chain": return .chain(try filters(value, at: inner, depth: depth))
    case "interleave": return .interleave(try filters(value, at: inner, depth: depth))
    case "condition":
      let fields = try Fields(value, at: inner, known: ["predicate", "then", "otherwise"])
      guard let predicate = fields["predicate"] else { throw refused("\(inner) has no predicate") }
      return .condition(
        predicate: try filter(predicate, at: "\(inner).predicate", depth: depth + 1),
        then: try fields["then"].map { try filter($0, at: "\(inner).then", depth: depth + 1) },
        otherwise: try fields["otherwise"].map {
          try filter($0, at: "\(inner).otherwise", depth: depth + 1)
        })
    case "rowKeyPrefix": return .rowKeyPrefix(try bytes(value, at: inner))
    case "rowKeyRegex": return try regex(.rowKey, value, at: inner)
    case "familyRegex": return try regex(.family, value, at: inner)
    case "qualifierRegex": return try regex(.qualifier, value, at: inner)
    case "valueRegex": return try regex(.value, value, at: inner)
    case "family": return .family(try string(value, at: inner))
    case "qualifier": return .qualifier(try bytes(value, at: inner))
    case "qualifierPrefix": return .qualifierPrefix(try bytes(value, at: inner))
    case "value": return .value(try bytes(value, at: inner))
    case "columnRange", "timestampRange", "valueRange":
      return try range(member.name, value, at: inner)
    case "cellsPerRowOffset": return .cellsPerRowOffset(try count(value, at: inner, from: 0))
    case "cellsPerRowLimit": return .cellsPerRowLimit(try count(value, at: inner, from: 1))
    case "cellsPerColumnLimit": return .cellsPerColumnLimit(try count(value, at: inner, from: 1))
    default:
      throw refused(
        "\(place): '\(member.name)' is none of passAll, blockAll, stripValue, chain, interleave, "
          + "sink, rowSample, label, "
          + "condition, rowKeyPrefix, family, qualifier, qualifierPrefix, value, columnRange, "
          + "rowKeyRegex, familyRegex, qualifierRegex, valueRegex, timestampRange, valueRange, "
          + "cellsPerRowOffset, cellsPerRowLimit, cellsPerColumnLimit"
      )
    }
  }

  private static func flag(
    _ filter: RowFilter, _ value: JSONValue, at place: String
  ) throws -> RowFilter {
    _ = try Fields(value, at: place, known: [])
    return filter
  }

  private static func regex(
    _ subject: RegexSubject, _ value: JSONValue, at place: String
  ) throws -> RowFilter {
    let pattern = try bytes(value, at: place)
    do throws(DataModelError) {
      return try .regex(subject, pattern: pattern, field: place)
    } catch {
      throw refused(error.message)
    }
  }

  private static func range(
    _ name: String, _ value: JSONValue, at place: String
  ) throws -> RowFilter {
    if name == "timestampRange" {
      let fields = try Fields(value, at: place, known: ["from", "to"])
      return .timestampRange(
        from: try fields["from"].map { try microseconds($0, at: "\(place).from") } ?? 0,
        to: try fields["to"].map { try microseconds($0, at: "\(place).to") })
    }
    let known = name == "columnRange" ? ["family", "from", "to"] : ["from", "to"]
    let fields = try Fields(value, at: place, known: known)
    let from = try fields["from"].map { try bytes($0, at: "\(place).from") }
    let to = try fields["to"].map { try bytes($0, at: "\(place).to") }
    if name == "valueRange" { return .valueRange(from: from, to: to) }
    guard let family = fields["family"] else { throw refused("\(place) has no family") }
    return .columnRange(family: try string(family, at: "\(place).family"), from: from, to: to)
  }

  private static func filters(
    _ value: JSONValue, at place: String, depth: Int
  ) throws -> [RowFilter] {
    guard case .array(let elements) = value, !elements.isEmpty else {
      throw refused("\(place): expected a list of filters")
    }
    return try elements.map { try filter($0, at: place, depth: depth + 1) }
  }

  private static func bytes(_ value: JSONValue, at place: String) throws -> [UInt8] {
    switch value {
    case .string(let text): return Array(text.utf8)
    case .object(let members) where members.count == 1:
      var out = ByteBuffer()
      switch (members[0].name, members[0].value) {
      case ("base64", .string(let text)):
        guard ByteView.of(text, { out.append(base64Decoding: $0) }) else {
          throw refused("\(place): not base64 (RFC 4648, with padding)")
        }
        return out.array
      case ("int64", .integer(let number)): out.append(bigEndian: UInt64(bitPattern: number))
      case ("float64", .integer(let number)): out.append(bigEndian: Double(number).bitPattern)
      case ("float64", .double(let number)): out.append(bigEndian: number.bitPattern)
      default: throw wrongBytes(place)
      }
      return out.array
    default: throw wrongBytes(place)
    }
  }

  private static func wrongBytes(_ place: String) -> RowTextError {
    refused(
      "\(place): expected a string, {\"base64\": \"…\"}, {\"int64\": n} or {\"float64\": x}")
  }

  private static func string(_ value: JSONValue, at place: String) throws -> String {
    guard case .string(let text) = value else {
      throw refused("\(place): expected a string, found \(value.kind.phrase)")
    }
    return text
  }

  private static func microseconds(_ value: JSONValue, at place: String) throws -> Int64 {
    guard case .integer(let number) = value, number >= 0 else {
      throw refused("\(place): expected microseconds, 0 or more")
    }
    return number
  }

  private static func count(_ value: JSONValue, at place: String, from least: Int64) throws -> Int {
    guard case .integer(let number) = value, number >= least, number <= Int64(Int32.max) else {
      throw refused("\(place): expected an integer from \(least) to \(Int32.max)")
    }
    return Int(number)
  }

  private static func refused(_ message: String) -> RowTextError {
    RowTextError(.invalidFilter, message)
  }

  /// Members of an object, all of them known.
  private struct Fields {
    let value: JSONValue

    init(_ value: JSONValue, at place: String, known: [String]) throws {
      guard case .object(let members) = value else {
        throw refused("\(place): expected an object, found \(value.kind.phrase)")
      }
      for member in members where !known.contains(member.name) {
        throw refused("\(place): unknown member '\(member.name)'")
      }
      self.value = value
    }

    subscript(name: String) -> JSONValue? { value[name] }
  }

  // MARK: - Writing

  /// Appends the filter.
  package static func write(_ filter: RowFilter, into out: inout ByteBuffer) {
    json(of: filter).write(into: &out)
  }

  private static func json(of filter: RowFilter) -> JSONValue {
    switch filter {
    case .passAll: return ["passAll": [:]]
    case .blockAll: return ["blockAll": [:]]
    case .stripValue: return ["stripValue": [:]]
    case .sink: return ["sink": [:]]
    case .rowSample(let probability): return ["rowSample": .double(probability)]
    case .label(let text): return ["label": .string(text)]
    case .chain(let filters): return ["chain": .array(filters.map(json(of:)))]
    case .interleave(let filters): return ["interleave": .array(filters.map(json(of:)))]
    case .condition(let predicate, let then, let otherwise):
      return [
        "condition": object([
          ("predicate", json(of: predicate)), ("then", then.map(json(of:))),
          ("otherwise", otherwise.map(json(of:))),
        ])
      ]
    case .rowKeyPrefix(let prefix): return ["rowKeyPrefix": json(of: prefix)]
    case .regex(let subject, let regex):
      return object([(subject.rawValue + "Regex", json(of: regex.pattern))])
    case .family(let name): return ["family": .string(name)]
    case .qualifier(let qualifier): return ["qualifier": json(of: qualifier)]
    case .qualifierPrefix(let prefix): return ["qualifierPrefix": json(of: prefix)]
    case .value(let value): return ["value": json(of: value)]
    case .columnRange(let family, let from, let to):
      return [
        "columnRange": object([
          ("family", .string(family)), ("from", from.map(json(of:))), ("to", to.map(json(of:))),
        ])
      ]
    case .timestampRange(let from, let to):
      return [
        "timestampRange": object([("from", .integer(from)), ("to", to.map { .integer($0) })])
      ]
    case .valueRange(let from, let to):
      return ["valueRange": object([("from", from.map(json(of:))), ("to", to.map(json(of:)))])]
    case .cellsPerRowOffset(let count): return ["cellsPerRowOffset": .integer(Int64(count))]
    case .cellsPerRowLimit(let count): return ["cellsPerRowLimit": .integer(Int64(count))]
    case .cellsPerColumnLimit(let count): return ["cellsPerColumnLimit": .integer(Int64(count))]
    }
  }

  private static func object(_ members: [(String, JSONValue?)]) -> JSONValue {
    .object(members.compactMap { name, value in value.map { .init(name, $0) } })
  }

  private static func json(of bytes: [UInt8]) -> JSONValue {
    ByteView.of(bytes) { view in
      if UTF8Text.isValid(view) { return .string(String(decoding: view.buffer, as: UTF8.self)) }
      var out = ByteBuffer()
      out.append(base64Encoding: view)
      return ["base64": .string(String(decoding: out.view.buffer, as: UTF8.self))]
    }
  }
}
