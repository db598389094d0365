// Column families as command-line words.
//
//   spec   := name [ ':' part (',' part)* ]
//   part   := rules │ 'type=' type │ 'column.' qualifier '=' type │ 'aggregate=' sum|min|max
//   rules  := rule ('&' rule)*          all of them must doom a cell
//   rule   := 'versions=' n │ 'age=' duration
//
// Several parts of rules are a union: any of them dooms a cell. `versions=2&age=30d` keeps the two
// newest cells and everything younger than 30 days; `versions=2,age=30d` keeps only what is both.

package import DataModel

/// Reads family specifications.
package enum FamilySpecification {
  package static func parse(_ text: String) throws(WrongWord) -> FamilyDefinition {
    let colon = text.firstIndex(of: ":") ?? text.endIndex
    var family = FamilyDefinition(name: String(text[..<colon]))
    guard !family.name.isEmpty else { throw wrong(text, "it has no name") }
    guard colon < text.endIndex else { return family }
    var rules: [GCRule] = []
    for part in text[text.index(after: colon)...].split(
      separator: ",", omittingEmptySubsequences: false)
    {
      guard let equals = part.firstIndex(of: "=") else {
        throw wrong(text, "'\(part)' is none of versions=, age=, type=, column.Q=, aggregate=")
      }
      let name = part[..<equals]
      let value = String(part[part.index(after: equals)...])
      if name == "type" {
        family.type = try type(value, in: text)
      } else if name.hasPrefix("column.") {
        let qualifier = String(name.dropFirst("column.".count))
        let bytes = try ColumnArgument.bytes(qualifier, of: "qualifier")
        family.columns[bytes] = try type(value, in: text)
      } else if name == "aggregate" {
        guard let kind = AggregateKind(rawValue: value) else {
          throw wrong(text, "aggregate is one of sum, min, max")
        }
        family.aggregate = kind
      } else {
        let parts = try part.split(separator: "&", omittingEmptySubsequences: false).map {
          (part) throws(WrongWord) in try rule(part, in: text)
        }
        rules.append(parts.count == 1 ? parts[0] : .intersection(parts))
      }
    }
    family.gc = rules.isEmpty ? nil : rules.count == 1 ? rules[0] : .union(rules)
    return family
  }

  private static func rule(_ part: Substring, in text: String) throws(WrongWord) -> GCRule {
    let pieces = part.split(separator: "=", omittingEmptySubsequences: false)
    guard pieces.count == 2 else { throw wrong(text, "'\(part)' is no rule") }
    switch pieces[0] {
    case "versions":
      guard let count = Int(pieces[1]), count >= 1, count <= Int(Int32.max) else {
        throw wrong(text, "versions is a number from 1")
      }
      return .maxVersions(count)
    case "age":
      guard let age = DurationText.parse(String(pieces[1])), age >= 1_000 else {
        throw wrong(text, "age is a duration as 30d, 12h, 90s, 500ms")
      }
      return .maxAge(microseconds: age)
    default:
      throw wrong(
        text, "'\(pieces[0])' is none of versions, age, type, column.Q, aggregate")
    }
  }

  private static func type(_ word: String, in text: String) throws(WrongWord) -> ValueType {
    guard let type = ValueType(rawValue: word) else {
      throw wrong(text, "a type is one of utf8, int64, float64, json, bytes")
    }
    return type
  }

  private static func wrong(_ text: String, _ reason: String) -> WrongWord {
    WrongWord("family '\(text)': \(reason)")
  }
}
