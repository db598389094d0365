// Work runs once, on its lane, when it is due; shutting down loses nothing that was ready.

import Glibc
import Runtime
import Synchronization
import Testing

@Suite struct ThreadSchedulerTests {
  @Test(arguments: WorkLane.allCases)
  func `all work of a lane runs once before the shut-down ends`(_ lane: WorkLane) {
    let scheduler = ThreadScheduler()
    let sum = Atomic<Int>(0)
    let count = 5_000
    for number in 1...count {
      scheduler.submit(to: lane) { sum.add(number, ordering: .relaxed) }
    }
    scheduler.shutDown()
    #expect(sum.load(ordering: .relaxed) == count * (count + 1) / 2)
    scheduler.submit(to: lane) { sum.store(0, ordering: .relaxed) }
    #expect(sum.load(ordering: .relaxed) > 0)
  }

  @Test func `work submitted from many threads is neither lost nor doubled`() {
    let scheduler = ThreadScheduler()
    let runs = Atomic<Int>(0)
    let producers = (0..<4).compactMap { index in
      WorkerThread(name: "producer-\(index)") {
        for _ in 0..<2_000 {
          scheduler.submit(to: .commit) { runs.add(1, ordering: .relaxed) }
        }
      }
    }
    for producer in producers { producer.join() }
    scheduler.shutDown()
    #expect(runs.load(ordering: .relaxed) == 8_000)
  }

  @Test func `delayed work comes in the order of its time and not too early`() {
    let scheduler = ThreadScheduler()
    let time = SystemTime()
    let start = time.monotonicNanoseconds
    let order = Mutex<[(Int, UInt64)]>([])
    let done = Gate(count: 3)
    for step in [3, 1, 2] {
      scheduler.submit(to: .flush, afterNanoseconds: UInt64(step) * 20_000_000) {
        order.withLock { $0.append((step, time.monotonicNanoseconds - start)) }
        done.arrive()
      }
    }
    done.wait()
    let seen = order.withLock { $0 }
    #expect(seen.map(\.0) == [1, 2, 3])
    for (step, passed) in seen { #expect(passed >= UInt64(step) * 20_000_000) }
    scheduler.submit(to: .flush, afterNanoseconds: 1 << 50) { order.withLock { $0 = [] } }
    scheduler.shutDown()
    #expect(order.withLock { $0.count } == 3)
  }

  @Test func `lanes do not wait for each other`() {
    let scheduler = ThreadScheduler()
    let gate = Gate(count: 1)
    scheduler.submit(to: .compaction) { gate.wait() }
    scheduler.submit(to: .flush) { gate.arrive() }
    scheduler.shutDown()
  }

  @Test func `a pause lasts`() {
    let scheduler = ThreadScheduler()
    let start = SystemTime().monotonicNanoseconds
    scheduler.pause(nanoseconds: 3_000_000)
    #expect(SystemTime().monotonicNanoseconds - start >= 3_000_000)
    scheduler.shutDown()
  }
}

/// Opens after a number of arrivals.
final class Gate: Sendable {
  private let missing: Atomic<Int>

  init(count: Int) { missing = Atomic(count) }

  func arrive() { missing.subtract(1, ordering: .sequentiallyConsistent) }

  func wait() {
    while missing.load(ordering: .sequentiallyConsistent) > 0 { usleep(200) }
  }
}
