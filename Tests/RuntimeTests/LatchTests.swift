// The gate: nobody passes before it is opened, and nobody stays behind.

import Runtime
import Synchronization
import Testing

@Suite struct LatchTests {
  private final class Gate: Sendable {
    let latch = Latch()
    let isOpening = Atomic<Bool>(false)
  }

  @Test func `an open latch lets everybody pass at once, however often`() {
    let latch = Latch()
    #expect(!latch.isOpen)
    latch.open()
    latch.open()
    #expect(latch.isOpen)
    latch.wait()
    latch.wait()
  }

  /// One thread opens what three wait at, gate by gate, with and without a head start.
  @Test func `who waits is let go when it opens, and not before`() throws {
    let gates = (0..<2_000).map { _ in Gate() }
    let early = Atomic<Int>(0)
    let passed = (0..<3).map { _ in Counter() }
    let threads = try passed.map { counter in
      try #require(
        WorkerThread(name: "waiter") {
          for gate in gates {
            gate.latch.wait()
            if !gate.isOpening.load(ordering: .acquiring) { early.add(1, ordering: .relaxed) }
            counter.up()
          }
        })
    }
    for (number, gate) in gates.enumerated() {
      // Let them come to this gate, every other time.
      while number % 2 == 0, passed.contains(where: { $0.count < number }) {}
      gate.isOpening.store(true, ordering: .releasing)
      gate.latch.open()
    }
    for thread in threads { thread.join() }
    #expect(early.load(ordering: .relaxed) == 0)
    #expect(passed.allSatisfy { $0.count == gates.count })
  }

  private final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .acquiring) }
    func up() { value.add(1, ordering: .releasing) }
  }
}
