// What the checker of linearizability knows of a row: one register, whose values are written once
// each, and one counter. Small enough to be remembered for every order that is tried.

/// The whole state of a row.
package struct RowState: Hashable, Sendable {
  /// Column `f:r`; nil without a cell.
  package var register: UInt32?
  /// Column `f:c`, an int64; nil without a cell.
  package var counter: Int64?

  package static let empty = RowState()

  package init(register: UInt32? = nil, counter: Int64? = nil) {
    self.register = register
    self.counter = counter
  }

  package var isEmpty: Bool { register == nil && counter == nil }
}

/// What is asked of a row.
package enum RowOperation: Hashable, Sendable {
  case read
  /// A mutation: sets the register.
  case set(UInt32)
  /// A mutation: deletes the row, then sets both columns.
  case replace(register: UInt32, counter: Int64)
  /// A mutation: deletes the row.
  case deleteRow
  /// A mutation: deletes the register's column.
  case deleteRegister
  /// A read-modify-write of the counter; answers what it came to.
  case increment(Int64)
  /// A check-and-mutate: where the register is `expected` it becomes `new`, else `otherwise`, if
  /// there is one; answers whether it was.
  case compareAndSet(expected: UInt32, new: UInt32, otherwise: UInt32?)
  /// A check-and-mutate without a predicate: sets the register of a row without cells; answers
  /// whether the row had cells.
  case setIfEmpty(UInt32)
}

/// What a row operation answered.
package enum RowOutcome: Hashable, Sendable {
  case state(RowState)
  case done
  case counter(Int64)
  case matched(Bool)
}

extension RowOperation {
  /// The state after this operation; nil where it would have answered something else than
  /// `outcome`. An outcome that nobody knows (nil) agrees with every state.
  package func applied(to state: RowState, answering outcome: RowOutcome?) -> RowState? {
    var next = state
    let answer: RowOutcome
    switch self {
    case .read: answer = .state(state)
    case .set(let value):
      next.register = value
      answer = .done
    case .replace(let register, let counter):
      next = RowState(register: register, counter: counter)
      answer = .done
    case .deleteRow:
      next = .empty
      answer = .done
    case .deleteRegister:
      next.register = nil
      answer = .done
    case .increment(let amount):
      let sum = (state.counter ?? 0) + amount
      next.counter = sum
      answer = .counter(sum)
    case .compareAndSet(let expected, let new, let otherwise):
      let matches = state.register == expected
      if matches { next.register = new } else if let otherwise { next.register = otherwise }
      answer = .matched(matches)
    case .setIfEmpty(let value):
      if state.isEmpty { next.register = value }
      answer = .matched(!state.isEmpty)
    }
    return outcome == nil || outcome == answer ? next : nil
  }

  /// True where this operation, having answered so, changed nothing whatever the state was.
  package func isObservation(answering outcome: RowOutcome?) -> Bool {
    switch (self, outcome) {
    case (.read, _), (.compareAndSet(_, _, nil), .matched(false)),
      (.setIfEmpty, .matched(true)):
      true
    default: false
    }
  }
}

extension RowState: CustomStringConvertible {
  package var description: String {
    "(r \(register.map { "\($0)" } ?? "-"), c \(counter.map { "\($0)" } ?? "-"))"
  }
}

extension RowOperation {
  /// As a person reads it.
  package var text: String {
    switch self {
    case .read: "read"
    case .set(let value): "r := \(value)"
    case .replace(let register, let counter): "row := (r \(register), c \(counter))"
    case .deleteRow: "delete row"
    case .deleteRegister: "delete r"
    case .increment(let amount): "c += \(amount)"
    case .compareAndSet(let expected, let new, let otherwise):
      "if r = \(expected) then r := \(new)" + (otherwise.map { " else r := \($0)" } ?? "")
    case .setIfEmpty(let value): "if no cells then r := \(value)"
    }
  }
}

extension RowOutcome {
  package var text: String {
    switch self {
    case .state(let state): "\(state)"
    case .done: "done"
    case .counter(let sum): "c = \(sum)"
    case .matched(let matched): matched ? "matched" : "not matched"
    }
  }
}
