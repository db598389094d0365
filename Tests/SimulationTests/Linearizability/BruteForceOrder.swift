// Whether a small history has an order, found by trying every order of every subset: too slow for
// real histories and too simple to be wrong.

import TestSupport

enum BruteForceOrder {
  static func exists(_ history: [RecordedOperation]) -> Bool {
    Dictionary(grouping: history, by: \.row).values.allSatisfy { row in
      let unanswered = row.filter { $0.outcome == nil }
      return (0..<(1 << unanswered.count)).contains { chosen in
        let taken = unanswered.enumerated().filter { chosen >> $0.offset & 1 == 1 }.map(\.element)
        return orders(row.filter { $0.outcome != nil } + taken, from: .empty)
      }
    }
  }

  /// Whether some order of all of these works from the state.
  private static func orders(_ rest: [RecordedOperation], from state: RowState) -> Bool {
    if rest.isEmpty { return true }
    return rest.indices.contains { index in
      let first = rest[index]
      var others = rest
      others.remove(at: index)
      guard others.allSatisfy({ ($0.returned ?? .max) >= first.called }),
        let next = first.operation.applied(to: state, answering: first.outcome)
      else { return false }
      return orders(others, from: next)
    }
  }
}
