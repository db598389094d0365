// One synthetic company: its draws in a fixed order, and its rows.

internal import Bytes
internal import DataModel

/// What a month's scoring run found.
struct MonthlyScore {
  let month: CivilDate
  let score: Int
  /// Probability of default in basis points.
  let defaultBasisPoints: Int

  var tier: String {
    switch score {
    case 800...: "A"
    case 650...: "B"
    case 500...: "C"
    case 350...: "D"
    default: "E"
    }
  }
  var model: String { month < CivilDate(year: 2025, month: 1, day: 1) ? "credit_v2" : "credit_v3" }
  /// Runs finish at six in the morning, UTC.
  var timestamp: Timestamp { Timestamp(microseconds: month.microseconds + 21_600_000_000) }
}

/// What the instalments of a company add up to.
struct InstallmentTotals {
  var count = 0
  var paidCents = 0
  var openCents = 0
  var overdueCents = 0
  var settled = 0
  var onTime = 0
  var daysLate = 0
}

/// Draws one company and writes its rows.
struct DemoCompany {
  private static let states = ["SP", "RJ", "MG", "RS", "PR", "SC", "BA", "PE", "CE", "GO"]
  private static let sectors = [
    "retail", "logistics", "construction", "food", "textiles", "health", "software", "agriculture",
  ]
  private static let words = [
    "Aurora", "Horizonte", "Ipê", "Jacarandá", "Litoral", "Mirante", "Nascente", "Paineira",
    "Quaresma", "Ribeira", "Serra", "Travessia", "Umbuzeiro", "Vereda", "Xingu", "Zênite",
  ]
  /// Probability of default by score / 50, in basis points; falls by about 0.8 a step.
  private static let defaultBasisPointsByScore = [
    9_500, 8_900, 8_100, 7_200, 6_100, 5_000, 4_000, 3_150, 2_450, 1_900,
    1_450, 1_100, 820, 610, 450, 330, 240, 170, 120, 80, 50,
  ]

  let identifier: String
  private let index: Int
  private var random: DemoDraws
  private var cells: CellWriter

  init(index: Int, seed: UInt64) {
    self.index = index
    identifier = TaxIdentifier.synthetic(index)
    random = DemoDraws(seed: seed, stream: UInt64(index))
    cells = CellWriter()
  }

  mutating func append(to batch: inout DemoBatch) {
    let scores = drawScores()
    CellWriter.begin(identifier, in: &batch.companies)
    appendProfile(to: &batch.companies)
    appendScores(scores, to: &batch.companies)
    // The draws of the instalments come before those of the features that sum them up.
    let totals = appendInstallments(to: &batch.installments)
    appendFeatures(totals, scores, to: &batch.companies)
    appendAggregates(totals, to: &batch.companies)
    appendProvenance(to: &batch.companies)
    for score in scores { appendEvent(score, to: &batch.scoreEvents) }
    if let latest = scores.last { appendRanking(latest, to: &batch.byTier) }
  }

  /// A random walk of monthly scores, oldest first.
  private mutating func drawScores() -> [MonthlyScore] {
    var score = random.within(280...920)
    var scores: [MonthlyScore] = []
    scores.reserveCapacity(DemoGenerator.scoreMonths)
    for back in (0..<DemoGenerator.scoreMonths).reversed() {
      score = min(1_000, max(0, score + random.within(-28...30)))
      scores.append(
        MonthlyScore(
          month: DemoGenerator.today.firstOfMonth(monthsBefore: back), score: score,
          defaultBasisPoints: Self.defaultBasisPointsByScore[score / 50]))
    }
    return scores
  }

  private mutating func appendProfile(to list: inout MutationList) {
    let at = DemoGenerator.today.timestamp
    let word = Self.words[random.below(Self.words.count)]
    let sector = Self.sectors[random.below(Self.sectors.count)]
    let opened = CivilDate(
      dayNumber: DemoGenerator.today.dayNumber - random.within(400...14_000))
    cells.set("p", "employees", at, Int64(random.within(1...900)), in: &list)
    cells.set("p", "name", at, "\(word) \(sector) \(index + 1) Ltda (synthetic)", in: &list)
    cells.set("p", "opened_on", at, opened.text, in: &list)
    cells.set("p", "sector", at, sector, in: &list)
    cells.set("p", "state", at, Self.states[random.below(Self.states.count)], in: &list)
  }

  private mutating func appendScores(_ scores: [MonthlyScore], to list: inout MutationList) {
    for score in scores {
      let at = score.timestamp
      cells.set("s", "model", at, score.model, in: &list)
      cells.set("s", "pd", at, Double(score.defaultBasisPoints) / 10_000, in: &list)
      cells.set("s", "score", at, Int64(score.score), in: &list)
      cells.set("s", "tier", at, score.tier, in: &list)
    }
  }

  /// About 8 % of companies have no instalments: no history to score from.
  private mutating func appendInstallments(to list: inout MutationList) -> InstallmentTotals {
    var totals = InstallmentTotals()
    guard random.below(100) >= 8 else { return totals }
    let count = random.within(2...35)
    for _ in 0..<count {
      let due = CivilDate(dayNumber: DemoGenerator.today.dayNumber + random.within(-540...180))
      let amount = random.within(5_000...4_500_000)
      // Most pay on time, some late, a few not at all.
      let daysLate = random.below(100) < 72 ? 0 : random.within(1...120)
      let defaults = random.below(100) < 4
      let asset = hexadecimal(random.next())
      CellWriter.begin("\(identifier)#\(due.text)#\(asset)", in: &list)
      let at = min(due, DemoGenerator.today).timestamp
      let settledOn = CivilDate(dayNumber: due.dayNumber + daysLate)
      let isPaid = !defaults && settledOn <= DemoGenerator.today
      let isOverdue = !isPaid && due < DemoGenerator.today
      totals.count += 1
      cells.set("i", "amount_cents", at, Int64(amount), in: &list)
      cells.set("i", "due_date", at, due.text, in: &list)
      if isPaid {
        cells.set("i", "paid_cents", at, Int64(amount), in: &list)
        cells.set("i", "paid_date", at, settledOn.text, in: &list)
        totals.paidCents += amount
        totals.settled += 1
        totals.onTime += daysLate == 0 ? 1 : 0
        totals.daysLate += daysLate
      } else if isOverdue {
        totals.overdueCents += amount
      } else {
        totals.openCents += amount
      }
      let status = isPaid ? "paid" : isOverdue ? "overdue" : "open"
      cells.set("i", "status", at, status, in: &list)
    }
    return totals
  }

  /// Two versions: this month's and the last one's.
  private mutating func appendFeatures(
    _ totals: InstallmentTotals, _ scores: [MonthlyScore], to list: inout MutationList
  ) {
    let settled = max(1, totals.settled)
    for score in scores.suffix(2) {
      let at = score.timestamp
      let late = totals.settled - totals.onTime
      cells.set("f", "days_late_mean", at, Double(totals.daysLate) / Double(settled), in: &list)
      cells.set("f", "inquiries_30d", at, Int64(random.below(12)), in: &list)
      cells.set("f", "late_ratio_90d", at, Double(late) / Double(settled), in: &list)
      cells.set("f", "limit_cents", at, Int64(score.score * random.within(900...5_000)), in: &list)
      cells.set("f", "open_installments", at, Int64(totals.count - totals.settled), in: &list)
    }
  }

  private mutating func appendAggregates(
    _ totals: InstallmentTotals, to list: inout MutationList
  ) {
    let at = DemoGenerator.today.timestamp
    cells.set("g", "installments", at, Int64(totals.count), in: &list)
    if totals.settled > 0 {
      let ratio = Double(totals.onTime) / Double(totals.settled)
      cells.set("g", "on_time_ratio", at, ratio, in: &list)
    }
    cells.set("g", "open_cents", at, Int64(totals.openCents), in: &list)
    cells.set("g", "overdue_cents", at, Int64(totals.overdueCents), in: &list)
    cells.set("g", "paid_cents", at, Int64(totals.paidCents), in: &list)
  }

  private mutating func appendProvenance(to list: inout MutationList) {
    let at = DemoGenerator.today.timestamp
    cells.set("m", "pipeline", at, "gold_companies", in: &list)
    cells.set("m", "run", at, "2025-09-01T06:00:00Z", in: &list)
    cells.set("m", "synthetic", at, "true", in: &list)
  }

  private mutating func appendEvent(_ score: MonthlyScore, to list: inout MutationList) {
    // Subtracting from 10^13 puts a company's newest event first.
    let milliseconds = Int(score.timestamp.microseconds / 1_000)
    let suffix = CivilDate.padded(10_000_000_000_000 - milliseconds, 13)
    CellWriter.begin("\(identifier)#\(suffix)", in: &list)
    cells.set("e", "model", score.timestamp, score.model, in: &list)
    cells.set("e", "pd", score.timestamp, Double(score.defaultBasisPoints) / 10_000, in: &list)
    cells.set("e", "score", score.timestamp, Int64(score.score), in: &list)
    cells.set("e", "tier", score.timestamp, score.tier, in: &list)
  }

  private mutating func appendRanking(_ score: MonthlyScore, to list: inout MutationList) {
    let rank = CivilDate.padded(1_000 - score.score, 4)
    CellWriter.begin("\(score.tier)#\(rank)#\(identifier)", in: &list)
    cells.set("x", "cnpj", score.timestamp, identifier, in: &list)
    cells.set("x", "score", score.timestamp, Int64(score.score), in: &list)
  }

  private func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number >> 32, radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }
}

extension CivilDate {
  /// Midnight UTC as a cell timestamp.
  var timestamp: Timestamp { Timestamp(microseconds: microseconds) }
}
