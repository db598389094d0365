// The demo's four tables: what a credit-score pipeline writes and an API backend reads.

package import DataModel

/// Definitions of the demo tables, in the order they are made.
package enum DemoTables {
  package static let companies = "companies"
  package static let scoreEvents = "score_events"
  package static let installments = "installments"
  package static let byTier = "by_tier"

  /// Keys: `cnpj`; `cnpj#(10^13 − ms)`; `cnpj#due_date#asset_id`; `tier#(1000 − score)#cnpj`.
  package static let definitions: [TableDefinition] = [
    TableDefinition(
      name: companies,
      families: [
        FamilyDefinition(
          name: "p", gc: .maxVersions(1), type: .utf8, columns: [Array("employees".utf8): .int64]),
        FamilyDefinition(
          name: "s", gc: .maxVersions(24), type: .int64,
          columns: [
            Array("pd".utf8): .float64, Array("tier".utf8): .utf8, Array("model".utf8): .utf8,
          ]),
        FamilyDefinition(
          name: "f", gc: .maxVersions(2), type: .int64,
          columns: [
            Array("late_ratio_90d".utf8): .float64, Array("days_late_mean".utf8): .float64,
          ]),
        FamilyDefinition(
          name: "g", gc: .maxVersions(1), type: .int64,
          columns: [Array("on_time_ratio".utf8): .float64]),
        FamilyDefinition(name: "m", gc: .maxVersions(1), type: .utf8),
      ]),
    TableDefinition(
      name: scoreEvents,
      families: [
        FamilyDefinition(
          name: "e", gc: .maxAge(microseconds: 730 * 86_400_000_000), type: .int64,
          columns: [
            Array("pd".utf8): .float64, Array("tier".utf8): .utf8, Array("model".utf8): .utf8,
          ])
      ]),
    TableDefinition(
      name: installments,
      families: [
        FamilyDefinition(
          name: "i", gc: .maxVersions(1), type: .utf8,
          columns: [Array("amount_cents".utf8): .int64, Array("paid_cents".utf8): .int64])
      ]),
    TableDefinition(
      name: byTier,
      families: [
        FamilyDefinition(
          name: "x", gc: .maxVersions(1), type: .utf8, columns: [Array("score".utf8): .int64])
      ]),
  ]
}
