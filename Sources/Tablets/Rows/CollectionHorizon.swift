// How far a merge may follow a garbage-collection rule.
//
// A merge counts the cells that it sees, and a newer entry that it does not see may have deleted
// some of them. That does no harm where the rule was in force before that entry came: the cell was
// garbage then, and may be gone. It does where the rule is younger, or where time had to pass
// before the rule took the cell: then the cell was never garbage. So
//
//   age alone dooms         always: nothing newer makes a cell younger
//   number alone dooms      when the rule is older than every newer entry of the row
//   both together doom      when there is no newer entry of the row

internal import Bytes
internal import DataModel
internal import LSM

/// Decides which cells one merge may let go; asks for newer entries once a row at most.
struct CollectionHorizon {
  private enum Newer {
    case unasked
    case none
    case from(SequenceNumber)
  }

  private var key = ByteView()
  private var newer = Newer.unasked

  /// Starts a row.
  mutating func begin(_ key: ByteView) {
    self.key = key
    newer = .unasked
  }

  /// Whether the merge may drop the cell, and so all older ones of its column.
  ///
  /// - Parameters:
  ///   - newerCount: Newer cells of the column that the merge sees.
  ///   - milliseconds: The cell's timestamp.
  mutating func dooms(
    _ gc: GCRule, _ rules: FamilyRules, newerCount: Int, milliseconds: Int64,
    _ request: MergeRequest
  ) -> Bool {
    let time = milliseconds * 1_000
    let now = request.now
    guard gc.dooms(newerCount: newerCount, microseconds: time, now: now) else { return false }
    if gc.dooms(newerCount: 0, microseconds: time, now: now) { return true }
    let isByNumber = gc.dooms(newerCount: newerCount, microseconds: time, now: .min)
    if isByNumber, request.newer.lowerBound > rules.gcSince { return true }
    switch asked(request) {
    case .none: return true
    case .from(let sequence): return isByNumber && sequence > rules.gcSince
    case .unasked: return false
    }
  }

  private mutating func asked(_ request: MergeRequest) -> Newer {
    if case .unasked = newer {
      newer = request.newer.lowerBound(of: key).map { .from($0) } ?? .none
    }
    return newer
  }
}
