// Records a history: threads that ask rows at random, while somebody else may disturb the store.

internal import Glibc
internal import Synchronization

/// What a history is made of.
package struct HistoryPlan: Sendable {
  package var seed: UInt64
  package var operationCount = 10_000
  package var clientCount = 12
  package var rowCount = 30
  /// Rows that get half of the operations.
  package var hotRowCount = 4
  /// Deletions and replacements reset counters; without them no lost increment is covered up.
  package var resetsRows = true

  package init(seed: UInt64) { self.seed = seed }
}

/// How far a recording is.
package final class HistoryProgress: Sendable {
  fileprivate let begun = Atomic<Int>(0)
  private let goal: Int

  fileprivate init(goal: Int) { self.goal = goal }

  /// The number of the next operation; nil when there are enough.
  fileprivate func next() -> Int? {
    let number = begun.add(1, ordering: .sequentiallyConsistent).oldValue
    return number < goal ? number : nil
  }

  package var isOver: Bool { begun.load(ordering: .sequentiallyConsistent) >= goal }

  /// Waits until so many operations have begun.
  package func wait(for count: Int) {
    while begun.load(ordering: .sequentiallyConsistent) < min(count, goal) { usleep(200) }
  }
}

/// Records histories.
package enum HistoryRecorder {
  /// Nanoseconds of the clock all times are from.
  package static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Runs the plan. `makeStore` is called once a client, on its thread; `disturb` on a thread of
  /// its own while the clients work. The last operations read every row.
  package static func record(
    _ plan: HistoryPlan, makeStore: @escaping @Sendable (Int) -> any RowStore,
    disturb: @escaping @Sendable (HistoryProgress) -> Void = { _ in }
  ) -> [RecordedOperation] {
    let progress = HistoryProgress(goal: plan.operationCount)
    let recorded = Mutex<[RecordedOperation]>([])
    let collect: @Sendable ([RecordedOperation]) -> Void = { part in
      recorded.withLock { $0 += part }
    }
    TestThreads.run(plan.clientCount + 1) { index in
      if index == plan.clientCount { return disturb(progress) }
      let client = HistoryClient(plan, client: index, makeStore(index))
      while let number = progress.next() { client.step(number) }
      collect(client.recorded)
    }
    let reader = HistoryClient(plan, client: plan.clientCount, makeStore(plan.clientCount))
    reader.read(Array(0..<plan.rowCount), number: plan.operationCount)
    collect(reader.recorded)
    return recorded.withLock { $0 }
  }
}

/// One client of a history, on its thread.
private final class HistoryClient {
  private let plan: HistoryPlan
  private let client: Int
  private let store: any RowStore
  private var random: SeededGenerator
  private var registers: [Int: UInt32] = [:]
  private var valueCount: UInt32 = 0
  private(set) var recorded: [RecordedOperation] = []

  init(_ plan: HistoryPlan, client: Int, _ store: any RowStore) {
    self.plan = plan
    self.client = client
    self.store = store
    random = SeededGenerator(seed: plan.seed &* 0x1_0000_0001 &+ UInt64(client))
  }

  /// Performs and records one operation; one that could not be sent is drawn anew.
  func step(_ number: Int) {
    while true {
      let row = drawRow()
      if random.chance(0.4) {
        let rows =
          random.chance(0.8)
          ? [row] : Array(Set((0..<3).map { _ in drawRow() })).sorted()
        return read(rows, number: number)
      }
      let operation = drawOperation(row)
      let called = HistoryRecorder.now()
      let answer = store.perform(operation, row: row)
      switch answer {
      case .notSent: continue
      case .unknown: record(number, row, operation, called, nil)
      case .known(let outcome):
        record(number, row, operation, called, outcome)
        note(operation, outcome, row)
      }
      return
    }
  }

  func read(_ rows: [Int], number: Int) {
    let called = HistoryRecorder.now()
    guard let states = store.read(rows: rows) else { return }
    let returned = HistoryRecorder.now()
    for (row, state) in zip(rows, states) {
      registers[row] = state.register
      recorded.append(
        RecordedOperation(
          number: number, client: client, row: row, operation: .read, called: called,
          returned: returned, outcome: .state(state)))
    }
  }

  private func record(
    _ number: Int, _ row: Int, _ operation: RowOperation, _ called: UInt64,
    _ outcome: RowOutcome?
  ) {
    recorded.append(
      RecordedOperation(
        number: number, client: client, row: row, operation: operation, called: called,
        returned: outcome == nil ? nil : HistoryRecorder.now(), outcome: outcome))
  }

  /// Remembers what the register probably is, so that conditions are sometimes met.
  private func note(_ operation: RowOperation, _ outcome: RowOutcome, _ row: Int) {
    switch (operation, outcome) {
    case (.set(let value), _), (.replace(let value, _), _), (.setIfEmpty(let value), _),
      (.compareAndSet(_, let value, _), .matched(true)):
      registers[row] = value
    default: break
    }
  }

  private func drawRow() -> Int {
    random.chance(0.5)
      ? Int.random(in: 0..<min(plan.hotRowCount, plan.rowCount), using: &random)
      : Int.random(in: 0..<plan.rowCount, using: &random)
  }

  /// Written by nobody else.
  private func drawValue() -> UInt32 {
    valueCount += 1
    return UInt32(client + 1) << 20 | valueCount
  }

  private func drawOperation(_ row: Int) -> RowOperation {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: return .set(drawValue())
    case 30..<60: return .increment(Int64.random(in: 1...9, using: &random))
    case 60..<85:
      let expected = registers[row] ?? UInt32.random(in: 1...9, using: &random)
      let otherwise = random.chance(0.3) ? drawValue() : nil
      return .compareAndSet(expected: expected, new: drawValue(), otherwise: otherwise)
    case 85..<90: return .setIfEmpty(drawValue())
    case 90..<93: return .deleteRegister
    case 93..<96 where plan.resetsRows: return .deleteRow
    case 96..<100 where plan.resetsRows:
      return .replace(
        register: drawValue(), counter: Int64.random(in: 0...99, using: &random))
    default: return .set(drawValue())
    }
  }
}
