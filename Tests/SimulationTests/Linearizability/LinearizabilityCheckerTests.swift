// The checker itself: histories known to have an order and not to have one, and all small random
// histories against a search that tries everything.

import Foundation
import TestSupport
import Testing

@Suite struct LinearizabilityCheckerTests {
  /// An operation on row 0; `to` nil has no answer.
  private func operation(
    _ operation: RowOperation, from called: UInt64, to returned: UInt64?,
    _ outcome: RowOutcome? = nil
  ) -> RecordedOperation {
    RecordedOperation(
      number: Int(called), client: 0, row: 0, operation: operation, called: called,
      returned: returned, outcome: returned == nil ? nil : outcome ?? .done)
  }

  private func read(_ state: RowState, from called: UInt64, to returned: UInt64)
    -> RecordedOperation
  { operation(.read, from: called, to: returned, .state(state)) }

  private func violation(_ history: [RecordedOperation]) -> LinearizabilityViolation? {
    guard case .violation(let violation) = LinearizabilityChecker.check(history) else { return nil }
    return violation
  }

  private func isLinearizable(_ history: [RecordedOperation]) -> Bool {
    guard case .linearizable = LinearizabilityChecker.check(history) else { return false }
    return true
  }

  @Test func `a read beside a write sees it or does not`() {
    for register in [nil, 7 as UInt32?] {
      #expect(
        isLinearizable([
          operation(.set(7), from: 10, to: 40),
          read(RowState(register: register), from: 20, to: 30),
        ]))
    }
  }

  @Test func `a read after a write sees it, and the window names both`() throws {
    let found = try #require(
      violation([
        operation(.set(5), from: 1, to: 2), read(RowState(register: 5), from: 3, to: 4),
        operation(.set(7), from: 10, to: 20), read(RowState(register: 5), from: 30, to: 40),
        read(RowState(register: 7), from: 50, to: 60),
      ]))
    #expect(found.window.map(\.number) == [10, 30])
    #expect(found.operation.number == 30)
    #expect(found.states == [RowState(register: 7)])
  }

  @Test func `two reads one after the other do not go back in time`() {
    let write = operation(.set(7), from: 10, to: 90)
    let old = RowState.empty
    let new = RowState(register: 7)
    #expect(isLinearizable([write, read(old, from: 20, to: 30), read(new, from: 40, to: 50)]))
    #expect(violation([write, read(new, from: 20, to: 30), read(old, from: 40, to: 50)]) != nil)
    #expect(isLinearizable([write, read(new, from: 20, to: 45), read(old, from: 40, to: 50)]))
  }

  @Test func `two increments that answer the same have lost one`() {
    let first = operation(.increment(1), from: 10, to: 40, .counter(1))
    #expect(violation([first, operation(.increment(1), from: 20, to: 30, .counter(1))]) != nil)
    #expect(isLinearizable([first, operation(.increment(1), from: 20, to: 30, .counter(2))]))
  }

  @Test func `one of two conditions on the same value is met`() {
    func exchange(_ new: UInt32, _ from: UInt64, _ matched: Bool) -> RecordedOperation {
      operation(
        .compareAndSet(expected: 1, new: new, otherwise: nil), from: from, to: from + 50,
        .matched(matched))
    }
    let base = operation(.set(1), from: 1, to: 2)
    #expect(isLinearizable([base, exchange(2, 10, true), exchange(3, 20, false)]))
    #expect(isLinearizable([base, exchange(2, 10, false), exchange(3, 20, true)]))
    #expect(violation([base, exchange(2, 10, true), exchange(3, 20, true)]) != nil)
    #expect(violation([base, exchange(2, 10, false), exchange(3, 20, false)]) != nil)
  }

  @Test func `a write without an answer may show late, or never, but not come back`() {
    let lost = operation(.set(7), from: 10, to: nil)
    let old = RowState.empty
    let new = RowState(register: 7)
    #expect(isLinearizable([lost, read(old, from: 20, to: 30)]))
    #expect(isLinearizable([lost, read(old, from: 20, to: 30), read(new, from: 40, to: 50)]))
    #expect(
      violation([
        lost, read(new, from: 20, to: 30), operation(.deleteRow, from: 32, to: 34),
        read(old, from: 40, to: 50), read(new, from: 60, to: 70),
      ]) != nil)
    #expect(violation([read(new, from: 1, to: 5), lost]) != nil, "not before its call")
  }

  @Test func `an atomic replacement is not seen in part`() {
    let replaced = RowState(register: 3, counter: 30)
    let history = [
      operation(.replace(register: 3, counter: 30), from: 10, to: 40),
      read(replaced, from: 20, to: 30),
    ]
    #expect(isLinearizable(history))
    #expect(violation([history[0], read(RowState(register: 3), from: 20, to: 30)]) != nil)
  }

  @Test func `many operations without an answer do not stop the search`() {
    var history = (1...60).map { operation(.set(UInt32($0)), from: UInt64($0), to: nil) }
    for step in 0..<200 as Range<UInt64> {
      history.append(
        operation(.set(UInt32(1_000 + step)), from: 100 + 4 * step, to: 101 + 4 * step))
      history.append(
        read(RowState(register: UInt32(1_000 + step)), from: 102 + 4 * step, to: 103 + 4 * step))
    }
    #expect(isLinearizable(history))
  }

  /// A history of a few operations on one row whose answers are right at some moment of a run, or
  /// made up.
  private func smallHistory(_ random: inout SeededGenerator) -> [RecordedOperation] {
    var state = RowState.empty
    let honest = random.chance(0.5)
    return (0..<Int.random(in: 2...6, using: &random)).map { number in
      let values = 1...3 as ClosedRange<UInt32>
      let drawn: [RowOperation] = [
        .read, .read, .set(.random(in: values, using: &random)),
        .increment(.random(in: 1...2, using: &random)), .deleteRow,
        .compareAndSet(
          expected: .random(in: values, using: &random), new: .random(in: values, using: &random),
          otherwise: random.chance(0.5) ? .random(in: values, using: &random) : nil),
        .setIfEmpty(.random(in: values, using: &random)), .deleteRegister,
        .replace(register: .random(in: values, using: &random), counter: 1),
      ]
      let operation = drawn[Int.random(in: 0..<drawn.count, using: &random)]
      let called = UInt64.random(in: 0...12, using: &random)
      let before = state
      if let next = operation.applied(to: state, answering: nil) { state = next }
      if random.chance(0.2) {
        return RecordedOperation(
          number: number, client: number, row: 0, operation: operation, called: called)
      }
      let answers: [RowOutcome] = [
        .state(before), .state(.empty), .done, .matched(true), .matched(false),
        .counter(before.counter ?? 0), .counter((before.counter ?? 0) + 1), .counter(1),
        .state(RowState(register: 1)),
      ]
      let possible = answers.filter { answer in
        honest
          ? operation.applied(to: before, answering: answer) != nil
          : [RowState.empty, before, RowState(register: 1, counter: 1)].contains {
            operation.applied(to: $0, answering: answer) != nil
          }
      }
      return RecordedOperation(
        number: number, client: number, row: 0, operation: operation, called: called,
        returned: called + UInt64.random(in: 0...8, using: &random),
        outcome: possible.randomElement(using: &random) ?? .counter((before.counter ?? 0) + 2))
    }
  }

  @Test func `every small history is judged as by trying everything`() {
    let count = ProcessInfo.processInfo.environment["STRATA_SEEDS"].flatMap { UInt64($0) } ?? 4_000
    var ordered: UInt64 = 0
    for seed in 1...count {
      var random = SeededGenerator(seed: seed)
      let history = smallHistory(&random)
      let expected = BruteForceOrder.exists(history)
      if expected { ordered += 1 }
      #expect(
        isLinearizable(history) == expected,
        "seed \(seed): \(history.map { "\($0)" }.joined(separator: "\n"))")
    }
    #expect(ordered > count / 5, "\(ordered) of \(count) have an order")
    #expect(ordered < count * 4 / 5, "\(ordered) of \(count) have an order")
  }
}
