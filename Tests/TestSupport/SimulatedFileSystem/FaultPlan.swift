// Which file operations go wrong, and how: a value, written by hand or drawn from a seed.

internal import Glibc
package import VFS

/// Rules for a simulated file system; the first that applies to an operation decides.
package struct FaultPlan: Sendable, Equatable {
  /// What happens to an operation.
  package enum Effect: Sendable, Equatable {
    /// It fails with this errno. A write leaves half of its bytes; of what a sync should have made
    /// durable nothing is, and no later sync brings it back.
    case fail(errno: Int32)
    /// It fails, and this share of a write's bytes is there; of what a sync should have made
    /// durable each change by that chance.
    case partly(share: Double, errno: Int32)
    /// It takes this long and works.
    case slow(nanoseconds: UInt64)
  }

  /// Some operations and their fate.
  package struct Rule: Sendable, Equatable {
    /// Which operations; nil for all.
    package var operations: Set<FileOperation>?
    /// Part of the path; nil for all.
    package var path: String?
    /// Matching operations that pass before the first that may be hit.
    package var skip: Int
    /// Operations that are hit; nil for ever.
    package var count: Int?
    /// By which chance one that may be hit is.
    package var probability: Double
    package var effect: Effect

    package init(
      _ effect: Effect, operations: Set<FileOperation>? = nil, path: String? = nil, skip: Int = 0,
      count: Int? = 1, probability: Double = 1
    ) {
      self.effect = effect
      self.operations = operations
      self.path = path
      self.skip = skip
      self.count = count
      self.probability = probability
    }

    func matches(_ operation: FileOperation, _ path: String) -> Bool {
      if let operations, !operations.contains(operation) { return false }
      if let wanted = self.path, !path.contains(wanted) { return false }
      return true
    }
  }

  package var rules: [Rule]
  /// Decides what is left to chance.
  package var seed: UInt64

  package init(_ rules: [Rule] = [], seed: UInt64 = 0) {
    self.rules = rules
    self.seed = seed
  }

  /// A plan of one or two faults within the next few hundred operations.
  package static func random(_ random: inout SeededGenerator) -> FaultPlan {
    let kinds: [Set<FileOperation>?] = [
      nil, [.write], [.sync], [.syncDirectory], [.create, .open], [.preallocate], [.read],
      [.remove], [.write, .sync],
    ]
    let paths: [String?] = [nil, nil, ".log", ".table", "manifest-", "catalog", "/tables/1/"]
    var rules: [Rule] = []
    for _ in 0..<(random.chance(0.3) ? 2 : 1) {
      let errno = [EIO, EIO, ENOSPC, EINTR, EDQUOT][random.below(5)]
      let effect: Effect =
        switch random.below(6) {
        case 0: .slow(nanoseconds: UInt64(1 + random.below(2_000)) * 1_000_000)
        case 1, 2: .partly(share: Double(random.below(11)) / 10, errno: errno)
        default: .fail(errno: errno)
        }
      rules.append(
        Rule(
          effect, operations: kinds[random.below(kinds.count)],
          path: paths[random.below(paths.count)],
          skip: random.below(random.chance(0.5) ? 6 : 120),
          count: random.chance(0.7) ? 1 : random.chance(0.5) ? 1 + random.below(20) : nil,
          probability: random.chance(0.8) ? 1 : 0.2))
    }
    return FaultPlan(rules, seed: random.next())
  }
}

/// A plan at work: how often each of its rules has matched and hit.
struct FaultPlanState {
  private(set) var plan: FaultPlan
  private var matched: [Int]
  private var hit: [Int]
  private var random: SeededGenerator

  init(_ plan: FaultPlan) {
    self.plan = plan
    matched = Array(repeating: 0, count: plan.rules.count)
    hit = matched
    random = SeededGenerator(seed: plan.seed)
  }

  /// What happens to this operation; nil when it goes well.
  mutating func effect(on operation: FileOperation, _ path: String) -> FaultPlan.Effect? {
    var decided: FaultPlan.Effect?
    for (index, rule) in plan.rules.enumerated() where rule.matches(operation, path) {
      let place = matched[index]
      matched[index] += 1
      guard decided == nil, place >= rule.skip, hit[index] < rule.count ?? .max,
        rule.probability >= 1 || random.chance(rule.probability)
      else { continue }
      hit[index] += 1
      decided = rule.effect
    }
    return decided
  }
}

// MARK: - As Swift source, so that a printed history can be pasted into a test

extension FaultPlan: CustomStringConvertible {
  package var description: String { "FaultPlan(\(rules), seed: \(seed))" }
}

extension FaultPlan.Effect: CustomStringConvertible {
  package var description: String {
    switch self {
    case .fail(let errno): ".fail(errno: \(errno))"
    case .partly(let share, let errno): ".partly(share: \(share), errno: \(errno))"
    case .slow(let nanoseconds): ".slow(nanoseconds: \(nanoseconds))"
    }
  }
}

extension FaultPlan.Rule: CustomStringConvertible {
  package var description: String {
    let kinds = operations.map { kinds in
      "[" + kinds.map { ".\($0.rawValue)" }.sorted().joined(separator: ", ") + "]"
    }
    return ".init(\(effect), operations: \(kinds ?? "nil"), "
      + "path: \(path.map { "\"\($0)\"" } ?? "nil"), skip: \(skip), "
      + "count: \(count.map(String.init) ?? "nil"), probability: \(probability))"
  }
}
