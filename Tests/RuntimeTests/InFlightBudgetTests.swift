// Memory that is taken and given back.

import Runtime
import Synchronization
import Testing

@Suite struct InFlightBudgetTests {
  @Test func `what does not fit waits and is told`() {
    let budget = InFlightBudget(byteCount: 100)
    let told = Atomic<Int>(0)
    #expect(budget.acquire(80) { told.add(1, ordering: .relaxed) })
    #expect(!budget.acquire(30) { told.add(1, ordering: .relaxed) })
    #expect(!budget.acquire(90) { told.add(1, ordering: .relaxed) })
    #expect(told.load(ordering: .relaxed) == 0)
    budget.release(40)
    #expect(told.load(ordering: .relaxed) == 1)
    budget.release(40)
    #expect(told.load(ordering: .relaxed) == 2)
    #expect(budget.usedByteCount == 0)
  }

  @Test func `what is larger than the budget gets through alone`() {
    let budget = InFlightBudget(byteCount: 100)
    #expect(budget.acquire(1_000) {})
    #expect(!budget.acquire(1) {})
    budget.release(1_000)
    #expect(budget.acquire(1) {})
  }
}
