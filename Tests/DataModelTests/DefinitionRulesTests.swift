// Names, families and garbage-collection rules: what is taken and what is refused.

import DataModel
import Testing

@Suite struct DefinitionRulesTests {
  @Test(arguments: ["t", "_", "0", "Scores.v2-x_y", String(repeating: "x", count: 50)])
  func `good table names are taken`(name: String) throws {
    try TableDefinition(name: name, families: []).validate()
  }

  @Test(arguments: ["", "-a", ".a", "a b", "é", "a/b", String(repeating: "x", count: 51)])
  func `bad table names are refused`(name: String) {
    let error = #expect(throws: DataModelError.self) {
      try TableDefinition(name: name, families: []).validate()
    }
    #expect(error?.code == "invalid_table_name")
  }

  static let badFamilies: [(FamilyDefinition, String)] = [
    (FamilyDefinition(name: ""), "invalid_family_name"),
    (FamilyDefinition(name: "a:b"), "invalid_family_name"),
    (FamilyDefinition(name: String(repeating: "f", count: 65)), "invalid_family_name"),
    (FamilyDefinition(name: "f", gc: .maxVersions(0)), "invalid_gc_rule"),
    (FamilyDefinition(name: "f", gc: .maxAge(microseconds: 999)), "invalid_gc_rule"),
    (FamilyDefinition(name: "f", gc: .union([])), "invalid_gc_rule"),
    (FamilyDefinition(name: "f", gc: .intersection([.maxVersions(-1)])), "invalid_gc_rule"),
    (FamilyDefinition(name: "f", gc: nested(21)), "invalid_gc_rule"),
    (
      FamilyDefinition(name: "f", columns: [[UInt8](repeating: 1, count: 16_385): .utf8]),
      "invalid_qualifier"
    ),
    (FamilyDefinition(name: "f", type: .utf8, aggregate: .sum), "invalid_value_type"),
  ]

  private static func nested(_ depth: Int) -> GCRule {
    depth == 1 ? .maxVersions(1) : .union([nested(depth - 1)])
  }

  @Test(arguments: 0..<badFamilies.count)
  func `bad families are refused`(index: Int) {
    let (family, code) = DefinitionRulesTests.badFamilies[index]
    let error = #expect(throws: DataModelError.self) {
      try TableDefinition(name: "t", families: [family]).validate()
    }
    #expect(error?.code == code)
  }

  @Test func `a family named twice and a family too many are refused`() {
    let twice = TableDefinition(
      name: "t", families: [FamilyDefinition(name: "f"), FamilyDefinition(name: "f")])
    #expect(throws: DataModelError.self) { try twice.validate() }
    let many = TableDefinition(
      name: "t", families: (0...100).map { FamilyDefinition(name: "f\($0)") })
    #expect(throws: DataModelError.self) { try many.validate() }
  }

  @Test(arguments: [
    GCRule.maxVersions(3), .maxAge(microseconds: 86_400_000_000), .maxAge(microseconds: 1_500),
    .union([.maxVersions(1), .intersection([.maxAge(microseconds: 2_000), .maxVersions(9)])]),
  ])
  func `rules survive as text`(rule: GCRule) {
    #expect(GCRule(text: rule.text) == rule)
  }

  @Test(arguments: [
    "", "versions=", "versions=x", "age=3", "any(", "any()", "any(versions=1",
    "all(versions=1;age=1ms)", "versions=1 ", "age=9223372036854775807ms",
  ])
  func `text that is no rule is told`(text: String) {
    #expect(GCRule(text: text) == nil)
  }

  /// Rule, newer cells, age in ms: doomed?
  static let doom: [(GCRule, Int, Int64, Bool)] = [
    (.maxVersions(2), 1, 99, false), (.maxVersions(2), 2, 0, true),
    (.maxAge(microseconds: 5_000), 9, 5, false), (.maxAge(microseconds: 5_000), 0, 6, true),
    (.union([.maxVersions(1), .maxAge(microseconds: 5_000)]), 1, 0, true),
    (.union([.maxVersions(1), .maxAge(microseconds: 5_000)]), 0, 6, true),
    (.union([.maxVersions(1), .maxAge(microseconds: 5_000)]), 0, 5, false),
    (.intersection([.maxVersions(1), .maxAge(microseconds: 5_000)]), 1, 5, false),
    (.intersection([.maxVersions(1), .maxAge(microseconds: 5_000)]), 0, 6, false),
    (.intersection([.maxVersions(1), .maxAge(microseconds: 5_000)]), 1, 6, true),
  ]

  @Test(arguments: 0..<doom.count)
  func `rules doom the cells they should`(index: Int) {
    let (rule, newer, age, expected) = DefinitionRulesTests.doom[index]
    let now: Int64 = 1_700_000_000_000_000
    #expect(
      rule.dooms(newerCount: newer, microseconds: now - age * 1_000, now: now) == expected,
      "\(rule)")
  }

  @Test func `a column within the harmless count has nothing to collect`() {
    #expect(GCRule.maxVersions(3).harmlessCellCount == 3)
    #expect(GCRule.maxAge(microseconds: 1_000).harmlessCellCount == nil)
    #expect(GCRule.union([.maxVersions(3), .maxVersions(2)]).harmlessCellCount == 2)
    #expect(
      GCRule.union([.maxVersions(3), .maxAge(microseconds: 1_000)]).harmlessCellCount == nil)
    #expect(
      GCRule.intersection([.maxVersions(3), .maxAge(microseconds: 1_000)]).harmlessCellCount == 3)
  }
}
