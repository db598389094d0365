// Is there an order of a history's operations, each between its call and its answer, in which
// every answer is right? Herlihy and Wing's linearizability, decided by Wing and Gong's search in
// Lowe's just-in-time form (Testing for linearizability, 2016).
//
//   1 Rows are independent: a history is linearizable if each row's part is.
//   2 A row's calls and answers are gone through in time. A configuration is a state of the row and
//     the set of pending operations that led to it; at first there is one, the empty row.
//   3 A call makes its operation pending; nothing else happens.
//   4 An answer needs its operation to have taken effect: from each configuration, pending
//     operations are applied in every order until the answered one is among them, and no further.
//     What was reached before (memo of set and state) is not gone into again. Configurations that
//     cannot get there are dropped; where none is left, no order explains the history.
//   5 An operation without an answer stays pending for ever and may be applied or not.
//
// An operation that only observes is applied as soon as it agrees: it changes nothing, so that no
// order is lost. A read without an answer says nothing and is left out.

/// What a check comes to.
package enum LinearizabilityVerdict: Sendable {
  case linearizable
  case violation(LinearizabilityViolation)
  /// The search was given up: more pending operations or configurations than it takes.
  case undecided(row: Int, reason: String)
}

/// Checks histories.
package enum LinearizabilityChecker {
  /// The first row that has no order, or `.linearizable`.
  package static func check(_ history: [RecordedOperation]) -> LinearizabilityVerdict {
    for row in Dictionary(grouping: history, by: \.row).sorted(by: { $0.key < $1.key }) {
      var search = RowSearch(row.value, from: [.empty])
      switch search.run() {
      case .ordered: continue
      case .exceeded(let reason): return .undecided(row: row.key, reason: reason)
      case .stuck(let operation, let states):
        return .violation(
          LinearizabilityViolation(
            row: row.key, operation: operation, states: states,
            window: search.window(endingWith: operation)))
      }
    }
    return .linearizable
  }
}

/// The search over one row's operations.
struct RowSearch {
  enum Result {
    case ordered
    /// No order has an answer of this operation; the states the row might have been in before.
    case stuck(RecordedOperation, states: [RowState])
    case exceeded(String)
  }

  /// Calls and answers in time; at the same time calls come first, as that allows more orders.
  private struct Event {
    var time: UInt64
    var isAnswer: Bool
    var index: Int
  }

  /// Configurations gone into for one answer: far above what a dozen clients make.
  private static let configurationLimit = 2_000_000
  private static let slotCount = UInt128.bitWidth

  private let operations: [RecordedOperation]
  private let origin: Set<RowState>
  /// Operation in each slot; nil where free.
  private var slots: [Int?] = []
  private var optional: UInt128 = 0
  /// Every state any configuration was in.
  private var seen: Set<RowState>

  init(_ operations: [RecordedOperation], from origin: Set<RowState>) {
    self.operations =
      operations
      .filter { $0.outcome != nil || $0.operation != .read }
      .sorted { ($0.called, $0.number) < ($1.called, $1.number) }
    self.origin = origin
    seen = origin
  }

  mutating func run() -> Result {
    var slot = [Int](repeating: 0, count: operations.count)
    var current = origin.map { Configuration(state: $0, linearized: 0) }
    for event in events() {
      if !event.isAnswer {
        guard let free = freeSlot() else {
          return .exceeded("more than \(RowSearch.slotCount) operations are pending")
        }
        slots[free] = event.index
        slot[event.index] = free
        if operations[event.index].outcome == nil { optional |= 1 << free }
        for index in current.indices { observe(&current[index]) }
        continue
      }
      let answered: UInt128 = 1 << slot[event.index]
      guard let next = configurations(from: current, with: answered) else {
        return .exceeded("more than \(RowSearch.configurationLimit) configurations")
      }
      guard !next.isEmpty else {
        let states = Set(current.map(\.state))
        return .stuck(operations[event.index], states: states.sorted { "\($0)" < "\($1)" })
      }
      slots[slot[event.index]] = nil
      current = next.configurations
    }
    return .ordered
  }

  /// The fewest operations before `last` that, from any state the row was ever in, have no order:
  /// what somebody who looks for the cause has to read.
  func window(endingWith last: RecordedOperation) -> [RecordedOperation] {
    let end = last.returned ?? .max
    let candidates = operations.filter { $0.called <= end }
    for start in candidates.indices.reversed() {
      let begin = candidates[start].called
      var part = Array(candidates[start...])
      // What was under way may have taken effect before or after the window's beginning.
      for operation in candidates[..<start] where operation.returned.map({ $0 >= begin }) ?? true {
        part.append(
          RecordedOperation(
            number: operation.number, client: operation.client, row: operation.row,
            operation: operation.operation, called: operation.called))
      }
      for index in part.indices where (part[index].returned ?? .max) > end {
        part[index].returned = nil
        part[index].outcome = nil
      }
      var search = RowSearch(part, from: seen)
      if case .stuck = search.run() { return search.operations }
    }
    return candidates
  }

  private mutating func freeSlot() -> Int? {
    if let free = slots.firstIndex(where: { $0 == nil }) { return free }
    guard slots.count < RowSearch.slotCount else { return nil }
    slots.append(nil)
    return slots.count - 1
  }

  private func events() -> [Event] {
    var events: [Event] = []
    for (index, operation) in operations.enumerated() {
      events.append(Event(time: operation.called, isAnswer: false, index: index))
      if let returned = operation.returned {
        events.append(Event(time: returned, isAnswer: true, index: index))
      }
    }
    return events.sorted { left, right in
      if left.time != right.time { return left.time < right.time }
      return !left.isAnswer && right.isAnswer
    }
  }

  /// Every configuration in which the answered operation has taken effect, and no more than was
  /// needed for it; its slot is free in them. Nil where there are too many.
  private mutating func configurations(
    from current: [Configuration], with answered: UInt128
  ) -> ConfigurationSet? {
    let pending = slots.indices.filter { slots[$0] != nil }
    var reached = ConfigurationSet(optional: optional)
    var memo = ConfigurationSet(optional: optional)
    var open = current.filter { memo.insert($0) }
    var count = 0
    while let configuration = open.popLast() {
      if configuration.linearized & answered != 0 {
        _ = reached.insert(
          Configuration(
            state: configuration.state, linearized: configuration.linearized & ~answered))
        continue
      }
      count += 1
      guard count <= RowSearch.configurationLimit else { return nil }
      for slot in pending where configuration.linearized & (1 << slot) == 0 {
        guard let index = slots[slot] else { continue }
        let operation = operations[index]
        guard
          let state = operation.operation.applied(
            to: configuration.state, answering: operation.outcome)
        else { continue }
        seen.insert(state)
        var next = Configuration(
          state: state, linearized: configuration.linearized | 1 << slot)
        observe(&next)
        if memo.insert(next) { open.append(next) }
      }
    }
    return reached
  }

  /// Applies the pending observations that agree with the state.
  private func observe(_ configuration: inout Configuration) {
    for slot in slots.indices where configuration.linearized & (1 << slot) == 0 {
      guard let index = slots[slot] else { continue }
      let operation = operations[index]
      guard operation.operation.isObservation(answering: operation.outcome),
        operation.operation.applied(to: configuration.state, answering: operation.outcome) != nil
      else { continue }
      configuration.linearized |= 1 << slot
    }
  }
}
