// What a filter's first steps say about families, columns and versions, so that what they would
// drop is not read at all. Only steps that look at names and numbers of cells are taken over, from
// the front of a chain, and only while they mean exactly the same: the rest of the filter is
// applied to what was read.

internal import Bytes
internal import DataModel
internal import RegularExpressions

/// What a read takes of one family.
enum FamilySelection: Sendable {
  case none, all
  /// These qualifiers, ascending.
  case columns([[UInt8]])
  /// Qualifiers in [from, to); nil is open.
  case range(from: [UInt8]?, to: [UInt8]?)

  /// Of these, only qualifiers in [from, to).
  func within(_ from: [UInt8]?, _ to: [UInt8]?) -> FamilySelection {
    switch self {
    case .none: return .none
    case .all: return .range(from: from, to: to)
    case .columns(let qualifiers):
      let range = RowRange(from: from, to: to)
      return .columns(qualifiers.filter { ByteView.of($0) { range.contains($0) } })
    case .range(let oldFrom, let oldTo):
      let both = RowRange(from: oldFrom, to: oldTo).intersection(RowRange(from: from, to: to))
      return .range(from: both.lower, to: both.upper)
    }
  }

  /// Of these, only one qualifier.
  func only(_ qualifier: [UInt8]) -> FamilySelection {
    let both = within(qualifier, qualifier + [0])
    if case .range(let from, let to) = both {
      return RowRange(from: from, to: to).isEmpty ? .none : .columns([qualifier])
    }
    return both
  }
}

/// A filter taken apart: what of it a reader does, and what is left to be applied.
struct FilterNarrowing {
  /// By family index; nil selects everything.
  private(set) var selections: [FamilySelection]?
  /// Newest cells of a column.
  private(set) var versions: Int
  /// First cells of a row.
  private(set) var cellLimit = Int.max
  /// nil when nothing is left.
  private(set) var rest: RowFilter?
  private let rules: RowRules

  /// - Parameters:
  ///   - filter: Validated.
  ///   - hasSubset: Cells are dropped between reading and the filter: then none may be counted.
  init(
    _ filter: RowFilter?, selections: [FamilySelection]?, versions: Int, hasSubset: Bool,
    _ rules: RowRules
  ) {
    self.selections = selections
    self.versions = versions
    self.rules = rules
    var steps: ArraySlice<RowFilter> = []
    if case .chain(let filters)? = filter {
      steps = filters[...]
    } else if let filter {
      steps = [filter]
    }
    while let step = steps.first, take(step, hasSubset: hasSubset) {
      steps.removeFirst()
      if cellLimit < Int.max { break }
    }
    rest = steps.count > 1 ? .chain(Array(steps)) : steps.first
  }

  /// - Returns: False where the step is not one for the reader.
  private mutating func take(_ step: RowFilter, hasSubset: Bool) -> Bool {
    switch step {
    case .passAll: return true
    case .family(let name): keepFamilies { $0 == name }
    case .regex(.family, let regex): keepFamilies { ByteView.of($0) { regex.matches($0) } }
    case .columnRange(let family, let from, let to):
      keepFamilies { $0 == family }
      narrow { $0.within(from, to) }
    case .qualifier(let qualifier): narrow { $0.only(qualifier) }
    case .regex(.qualifier, let regex):
      guard let literal = regex.literal else { return false }
      narrow { $0.only(literal) }
    // Whole columns go or stay before and after this, so it can be done first.
    case .cellsPerColumnLimit(let count): versions = min(versions, count)
    case .cellsPerRowLimit(let count):
      if hasSubset { return false }
      cellLimit = count
    default: return false
    }
    return true
  }

  private mutating func keepFamilies(_ isKept: (String) -> Bool) {
    let names = rules.families.map(\.definition.name)
    let old = selections ?? names.map { _ in .all }
    selections = zip(names, old).map { isKept($0) ? $1 : .none }
  }

  private mutating func narrow(_ change: (FamilySelection) -> FamilySelection) {
    let old = selections ?? rules.families.map { _ in .all }
    selections = old.map(change)
  }
}

extension RowFilter {
  /// The rows of a range of which the filter can leave something.
  func rows(of range: RowRange) -> RowRange {
    switch self {
    case .rowKeyPrefix(let prefix): range.intersection(RowRange(prefix: prefix))
    case .regex(.rowKey, let regex):
      range.intersection(
        regex.literal.map { $0.isEmpty ? RowRange(from: [], to: []) : RowRange(only: $0) }
          ?? RowRange(prefix: regex.prefix))
    case .blockAll: RowRange(from: [], to: [])
    // A sink later in a chain gets only what has come so far.
    case .chain(let filters): filters.first?.rows(of: range) ?? range
    default: range
    }
  }
}
