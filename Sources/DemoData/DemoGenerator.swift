// Writes the demo's rows: for each company its profile, 24 monthly scores, features, aggregates,
// instalments and its place in the ranking. Synthetic, from a seed, against a fixed today; the
// same seed gives the same bytes on every machine and in every batch size.

package import DataModel

/// Rows of a few companies, a list for each table.
package struct DemoBatch: ~Copyable {
  package var companies = MutationList(capacity: 1 << 16)
  package var scoreEvents = MutationList(capacity: 1 << 16)
  package var installments = MutationList(capacity: 1 << 16)
  package var byTier = MutationList(capacity: 1 << 12)
  package init() {}
}

/// Generates companies 0, 1, 2… of a seed.
package struct DemoGenerator {
  package static let defaultCompanyCount = 5_000
  package static let defaultSeed: UInt64 = 20_250_901
  /// The day the data was "made": nothing in it depends on the clock.
  package static let today = CivilDate(year: 2025, month: 9, day: 1)
  static let scoreMonths = 24

  let seed: UInt64
  package let companyCount: Int
  package private(set) var nextCompany = 0

  package init(companyCount: Int = defaultCompanyCount, seed: UInt64 = defaultSeed) {
    precondition(companyCount >= 0 && companyCount <= 10_000_000, "demo companies")
    self.seed = seed
    self.companyCount = companyCount
  }

  /// Makes the rows of up to `limit` more companies; false when there are no more.
  package mutating func next(_ limit: Int, into batch: inout DemoBatch) -> Bool {
    batch.companies.clear()
    batch.scoreEvents.clear()
    batch.installments.clear()
    batch.byTier.clear()
    let end = min(companyCount, nextCompany + limit)
    guard nextCompany < end else { return false }
    for index in nextCompany..<end {
      var company = DemoCompany(index: index, seed: seed)
      company.append(to: &batch)
    }
    nextCompany = end
    return true
  }
}
