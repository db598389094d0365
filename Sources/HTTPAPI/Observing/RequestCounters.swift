// Requests by route and status and how long they took, counted without locks: a set of counters a
// loop, added up when somebody looks.

internal import Synchronization

/// One loop's counters; written by the loop, read by anyone.
final class RequestCounters: @unchecked Sendable {
  /// Statuses with a counter of their own; the last stands for all others.
  static let statuses = [
    200, 201, 204, 304, 400, 404, 405, 408, 409, 413, 414, 417, 431, 500, 501, 503, 505, 507, 0,
  ]
  /// Upper bounds of the histogram's buckets in microseconds; one more counts the rest.
  static let bucketMicroseconds: [UInt64] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000,
  ]
  static let bucketCount = bucketMicroseconds.count + 1

  /// routes × statuses │ routes × buckets │ routes × summed nanoseconds. Never freed before `self`.
  private let cells: UnsafeMutablePointer<Atomic<UInt64>>
  private static let bucketsStart = Route.allCases.count * statuses.count
  private static let sumsStart = bucketsStart + Route.allCases.count * bucketCount
  private static let cellCount = sumsStart + Route.allCases.count

  init() {
    cells = .allocate(capacity: Self.cellCount)
    for index in 0..<Self.cellCount { (cells + index).initialize(to: Atomic(0)) }
  }

  deinit {
    cells.deinitialize(count: Self.cellCount)
    cells.deallocate()
  }

  func record(_ route: Route, status: Int, nanoseconds: UInt64) {
    add(1, at: Self.statusIndex(route, Self.slot(of: status)))
    add(1, at: Self.bucketIndex(route, Self.bucket(of: nanoseconds / 1_000)))
    add(nanoseconds, at: Self.sumsStart + route.rawValue)
  }

  /// So many requests refused at once.
  func recordOverloaded(_ route: Route, count: UInt64) {
    add(count, at: Self.statusIndex(route, Self.slot(of: 503)))
    add(count, at: Self.bucketIndex(route, 0))
  }

  func count(_ route: Route, statusSlot: Int) -> UInt64 {
    load(Self.statusIndex(route, statusSlot))
  }

  func count(_ route: Route, bucket: Int) -> UInt64 { load(Self.bucketIndex(route, bucket)) }

  func summedNanoseconds(_ route: Route) -> UInt64 { load(Self.sumsStart + route.rawValue) }

  private func add(_ amount: UInt64, at index: Int) {
    precondition(index >= 0 && index < Self.cellCount, "a counter of ours")
    cells[index].wrappingAdd(amount, ordering: .relaxed)
  }

  private func load(_ index: Int) -> UInt64 {
    precondition(index >= 0 && index < Self.cellCount, "a counter of ours")
    return cells[index].load(ordering: .relaxed)
  }

  private static func statusIndex(_ route: Route, _ slot: Int) -> Int {
    route.rawValue * statuses.count + slot
  }

  private static func bucketIndex(_ route: Route, _ bucket: Int) -> Int {
    bucketsStart + route.rawValue * bucketCount + bucket
  }

  private static func slot(of status: Int) -> Int {
    if status == 200 { return 0 }
    return statuses.firstIndex(of: status) ?? statuses.count - 1
  }

  private static func bucket(of microseconds: UInt64) -> Int {
    var index = 0
    while index < bucketMicroseconds.count, microseconds > bucketMicroseconds[index] { index += 1 }
    return index
  }
}
