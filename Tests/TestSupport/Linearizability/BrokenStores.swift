// Stores that are wrong on purpose, between a client and a right one. A checker that finds nothing
// in their histories cannot find anything.

/// Answers one read with a state that it had seen before its own, acknowledged overwriting.
package final class StaleReadStore: RowStore {
  private let store: any RowStore
  private var seen: [Int: RowState] = [:]
  private var overwritten: [Int: RowState] = [:]
  /// The row whose stale state was answered.
  package private(set) var plantedRow: Int?

  package init(_ store: any RowStore) { self.store = store }

  package func perform(_ operation: RowOperation, row: Int) -> RowAnswer {
    let answer = store.perform(operation, row: row)
    // Values are written once: what `set` replaced cannot come back.
    if case .set = operation, answer == .known(.done), let old = seen[row], old.register != nil {
      overwritten[row] = old
    }
    return answer
  }

  package func read(rows: [Int]) -> [RowState]? {
    guard var states = store.read(rows: rows) else { return nil }
    for (index, row) in rows.enumerated() {
      if plantedRow == nil, let old = overwritten[row] {
        states[index] = old
        plantedRow = row
      } else {
        seen[row] = states[index]
      }
    }
    return states
  }
}

/// Acknowledges one increment that it does not apply.
package final class LostUpdateStore: RowStore {
  private let store: any RowStore
  package private(set) var plantedRow: Int?

  package init(_ store: any RowStore) { self.store = store }

  package func perform(_ operation: RowOperation, row: Int) -> RowAnswer {
    guard plantedRow == nil, case .increment(let amount) = operation,
      let state = store.read(rows: [row])?.first
    else { return store.perform(operation, row: row) }
    plantedRow = row
    return .known(.counter((state.counter ?? 0) + amount))
  }

  package func read(rows: [Int]) -> [RowState]? { store.read(rows: rows) }
}

/// Takes each check-and-mutate, or each read-modify-write, apart: first a read, then a write of
/// what was decided by it.
package final class SplitStore: RowStore {
  package enum Split: Sendable, CaseIterable { case conditions, increments }

  private let store: any RowStore
  private let split: Split

  package init(_ store: any RowStore, _ split: Split) {
    self.store = store
    self.split = split
  }

  package func perform(_ operation: RowOperation, row: Int) -> RowAnswer {
    switch (split, operation) {
    case (.conditions, .compareAndSet(let expected, let new, let otherwise)):
      guard let state = store.read(rows: [row])?.first else { return .notSent }
      let matches = state.register == expected
      guard let value = matches ? new : otherwise else { return .known(.matched(false)) }
      let answer = store.perform(.set(value), row: row)
      return answer == .known(.done) ? .known(.matched(matches)) : answer
    case (.increments, .increment(let amount)):
      guard let state = store.read(rows: [row])?.first, let register = state.register else {
        return store.perform(operation, row: row)
      }
      let sum = (state.counter ?? 0) + amount
      let answer = store.perform(.replace(register: register, counter: sum), row: row)
      return answer == .known(.done) ? .known(.counter(sum)) : answer
    default: return store.perform(operation, row: row)
    }
  }

  package func read(rows: [Int]) -> [RowState]? { store.read(rows: rows) }
}
