// Garbage-collection rules of a family: which cells may go. Carried out at compaction; a read may
// see a doomed cell until then unless its table collects on read.

/// When a cell is garbage.
package indirect enum GCRule: Sendable, Hashable {
  /// All but the newest `n` cells of a column; n ≥ 1.
  case maxVersions(Int)
  /// Cells older than this many microseconds; ≥ 1 ms.
  case maxAge(microseconds: Int64)
  /// Garbage when any of the rules says so.
  case union([GCRule])
  /// Garbage when all of the rules say so.
  case intersection([GCRule])
}

extension GCRule {
  /// Whether the rule dooms a cell: `newerCount` cells of its column are newer, and it has this
  /// timestamp at this time.
  ///
  /// Every rule is monotone: what dooms a cell dooms all older cells of the column, so a collector
  /// keeps a prefix of a column (newest first) and may stop at the first doomed cell.
  package func dooms(newerCount: Int, microseconds: Int64, now: Int64) -> Bool {
    switch self {
    case .maxVersions(let count): return newerCount >= count
    case .maxAge(let age):
      let (cutoff, overflow) = now.subtractingReportingOverflow(age)
      return !overflow && microseconds < cutoff
    case .union(let rules):
      return rules.contains {
        $0.dooms(newerCount: newerCount, microseconds: microseconds, now: now)
      }
    case .intersection(let rules):
      return !rules.isEmpty
        && rules.allSatisfy {
          $0.dooms(newerCount: newerCount, microseconds: microseconds, now: now)
        }
    }
  }

  /// True when time alone can doom a cell.
  package var dependsOnTime: Bool {
    switch self {
    case .maxVersions: false
    case .maxAge: true
    case .union(let rules), .intersection(let rules): rules.contains { $0.dependsOnTime }
    }
  }

  /// The least age in microseconds that any part of the rule names.
  package var shortestAge: Int64? {
    switch self {
    case .maxVersions: nil
    case .maxAge(let age): age
    case .union(let rules), .intersection(let rules): rules.compactMap(\.shortestAge).min()
    }
  }

  /// A column of this many cells or fewer has none doomed by number; nil when time matters too.
  package var harmlessCellCount: Int? {
    switch self {
    case .maxVersions(let count): return count
    case .maxAge: return nil
    case .union(let rules):
      var least = Int.max
      for rule in rules {
        guard let count = rule.harmlessCellCount else { return nil }
        least = min(least, count)
      }
      return least
    case .intersection(let rules):
      // One rule that spares a cell is enough.
      return rules.compactMap(\.harmlessCellCount).max()
    }
  }

  /// Checks numbers, emptiness and nesting.
  package func validate(depth: Int = 1) throws(DataModelError) {
    guard depth <= DataModelLimits.filterDepth else {
      throw DataModelError(
        code: "invalid_gc_rule",
        message: "a garbage-collection rule nests more than \(DataModelLimits.filterDepth) deep")
    }
    switch self {
    case .maxVersions(let count):
      guard count >= 1 else {
        throw DataModelError(
          code: "invalid_gc_rule", message: "maxVersions is \(count); it must be at least 1")
      }
    case .maxAge(let age):
      guard age >= 1_000 else {
        throw DataModelError(
          code: "invalid_gc_rule",
          message: "maxAge is \(age) microseconds; it must be at least a millisecond")
      }
    case .union(let rules), .intersection(let rules):
      guard !rules.isEmpty else {
        throw DataModelError(
          code: "invalid_gc_rule", message: "a union or intersection names no rule")
      }
      for rule in rules { try rule.validate(depth: depth + 1) }
    }
  }

  /// The rule as the catalog and people read it: `versions=3`, `age=86400000ms`,
  /// `any(versions=3,age=…)`, `all(…)`.
  package var text: String {
    switch self {
    case .maxVersions(let count): "versions=\(count)"
    case .maxAge(let age):
      age % 1_000 == 0 ? "age=\(age / 1_000)ms" : "age=\(age)us"
    case .union(let rules): "any(" + rules.map(\.text).joined(separator: ",") + ")"
    case .intersection(let rules): "all(" + rules.map(\.text).joined(separator: ",") + ")"
    }
  }

  /// Reads `text` back; nil when it is no rule.
  package init?(text: String) {
    var rest = Substring(text)
    guard let rule = GCRule(parsing: &rest, depth: 1), rest.isEmpty else { return nil }
    self = rule
  }

  private init?(parsing text: inout Substring, depth: Int) {
    guard depth <= DataModelLimits.filterDepth else { return nil }
    func number(after word: String) -> Int64? {
      guard text.hasPrefix(word) else { return nil }
      let digits = text.dropFirst(word.count).prefix { $0.isASCII && $0.isNumber }
      guard let number = Int64(digits) else { return nil }
      text = text.dropFirst(word.count + digits.count)
      return number
    }
    if let count = number(after: "versions=") {
      guard let count = Int(exactly: count) else { return nil }
      self = .maxVersions(count)
    } else if let age = number(after: "age=") {
      if text.hasPrefix("ms") {
        let (microseconds, overflow) = age.multipliedReportingOverflow(by: 1_000)
        if overflow { return nil }
        self = .maxAge(microseconds: microseconds)
      } else if text.hasPrefix("us") {
        self = .maxAge(microseconds: age)
      } else {
        return nil
      }
      text = text.dropFirst(2)
    } else if text.hasPrefix("any(") || text.hasPrefix("all(") {
      let isUnion = text.hasPrefix("any(")
      text = text.dropFirst(4)
      var rules: [GCRule] = []
      repeat {
        guard let rule = GCRule(parsing: &text, depth: depth + 1) else { return nil }
        rules.append(rule)
        guard let separator = text.popFirst(), separator == "," || separator == ")" else {
          return nil
        }
        if separator == ")" { break }
      } while true
      self = isUnion ? .union(rules) : .intersection(rules)
    } else {
      return nil
    }
  }
}
