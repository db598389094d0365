// The configurations a row may be in at one moment of a history, without those that another one
// makes superfluous.

/// A row's state and which of the pending operations (by slot) have led to it.
struct Configuration: Hashable {
  var state: RowState
  var linearized: UInt128
}

/// Configurations, each of use.
///
/// An operation without an answer need never take effect. So of two configurations that differ
/// only in how many of those have been used up, the one that has used fewer can do all that the
/// other can: a superset is not kept. That is what keeps unanswered operations from doubling the
/// work each.
struct ConfigurationSet {
  /// Slots of unanswered operations.
  private let optional: UInt128
  private var kept: [Configuration: [UInt128]] = [:]

  init(optional: UInt128) { self.optional = optional }

  var isEmpty: Bool { kept.isEmpty }

  var configurations: [Configuration] {
    kept.flatMap { key, used in
      used.map { Configuration(state: key.state, linearized: key.linearized | $0) }
    }
  }

  /// False where a kept one makes this one superfluous.
  mutating func insert(_ configuration: Configuration) -> Bool {
    let used = configuration.linearized & optional
    let key = Configuration(
      state: configuration.state, linearized: configuration.linearized & ~optional)
    guard let others = kept[key] else {
      kept[key] = [used]
      return true
    }
    if others.contains(where: { $0 & used == $0 }) { return false }
    kept[key] = others.filter { used & $0 != used } + [used]
    return true
  }
}
