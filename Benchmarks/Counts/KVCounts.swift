// What single operations of the engine take: allocations, which hardly vary and have a budget, and
// work for a count of instructions from outside (counts.sh).
//   kvcounts                  every operation against its budget; exit code 1 where one is over
//   kvcounts NAME REPEATS     one operation, so many times, for valgrind

import CAllocationCount
import Glibc

@main
struct KVCounts {
  private static let repeats = 5_000

  static func main() throws {
    let directory = "/tmp/kvcounts-\(getpid())"
    let arguments = CommandLine.arguments.dropFirst()
    let world = try CountedEngine(directory)
    defer { world.remove() }
    if let name = arguments.first {
      guard let operation = Operation(rawValue: name),
        let count = arguments.last.flatMap({ Int($0) })
      else {
        let names = Operation.allCases.map(\.rawValue).joined(separator: "|")
        print("usage: kvcounts [\(names) REPEATS]")
        exit(2)
      }
      try world.prepare(operation, count)
      _ = try world.run(operation, count)
      try world.close()
      return
    }
    var isOver = false
    for operation in Operation.allCases {
      // Once to fill what is reused.
      try world.prepare(operation, repeats)
      _ = try world.run(operation, repeats)
      try world.prepare(operation, repeats)
      let before = operation.isOfAllThreads ? strata_allocations() : strata_thread_allocations()
      let units = try world.run(operation, repeats)
      let after = operation.isOfAllThreads ? strata_allocations() : strata_thread_allocations()
      let count = Double(after - before) / Double(units)
      let verdict = count > operation.allocationBudget ? "  OVER" : ""
      isOver = isOver || count > operation.allocationBudget
      print(
        "\(operation.rawValue): \(rounded(count)) allocations, budget "
          + "\(rounded(operation.allocationBudget))\(verdict)")
    }
    try world.close()
    if isOver { exit(1) }
  }

  private static func rounded(_ value: Double) -> Double { (value * 1_000).rounded() / 1_000 }
}

/// What is counted, and how many allocations it may take. Budgets are what was measured when they
/// were set, and a little: they are lowered with each saving.
enum Operation: String, CaseIterable {
  /// A row that the row cache has.
  case hit
  /// A row from table files, at a snapshot.
  case get
  /// A row that is absent, by its filters.
  case miss
  /// A seek and the nine entries behind it, each on a new snapshot.
  case seek
  /// An entry of a scan of everything.
  case next
  /// A put by itself.
  case put
  /// A put in a batch of sixteen.
  case batch
  /// An entry on its way from memtable to table file.
  case flush

  var allocationBudget: Double {
    switch self {
    case .hit, .get, .miss: 0.01
    case .seek: 2.1
    case .next: 0.01
    case .put: 2.1
    case .batch: 0.2
    case .flush: 0.12
    }
  }

  /// Done by other threads too.
  var isOfAllThreads: Bool { self == .flush }
}
