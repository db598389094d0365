// Polling a range: its version, whether it still holds, and waiting until it does not.

package import DataModel
internal import LSM
internal import Runtime
internal import Synchronization

extension Table {
  /// The version of a range now. Take it before reading: what is committed meanwhile then shows
  /// as a change.
  package func version(of range: RowRange) -> RangeVersion {
    changes.keep()
    // Not the engine's newest: that may be visible before it is told here, and a version that has
    // it would miss it as a change.
    return RangeVersion(epoch: currentEpoch, sequence: changes.lastSequence.rawValue)
  }

  /// True only if a read of the range would answer what it answered at `version`; decided without
  /// reading cells. May be false without a change.
  package func isUnchanged(_ range: RowRange, since version: RangeVersion) -> Bool {
    guard version.epoch == currentEpoch else { return false }
    let sequence = SequenceNumber(version.sequence)
    if let changed = changes.hasChange(in: range, after: sequence) { return !changed }
    return engine.newestSequence(from: range.lower, to: range.upper) <= sequence
  }

  /// Calls `changed` once, from any thread, when something in the range is committed after
  /// `version` (at once if it has been), or the schema changes, or the table goes. Cancel to let
  /// go of it. Nil when too many wait.
  package func onChange(
    of range: RowRange, since version: RangeVersion, _ changed: @escaping @Sendable () -> Void
  ) -> ChangeWait? {
    guard let wait = changes.wait(for: range, changed) else { return nil }
    // Registered first, then asked: a commit in between is seen by one or by both, and the wait
    // is called by whoever takes it from the list.
    if !isAlive || !isUnchanged(range, since: version) { changes.fire(wait) }
    return wait
  }

  private var currentEpoch: UInt64 {
    let rules = rules.value
    // Where time alone changes what a read shows, a version holds for a second at most.
    let second =
      rules.gcOnRead && rules.dependsOnTime ? time.wallMicroseconds / 1_000_000 : 0
    return epoch.value(schemaVersion: rules.schema.version, second: second)
  }
}

/// What makes versions of one opening, schema and state of collection differ from others.
final class TableEpoch: Sendable {
  private let opening: UInt64
  private let collections = Atomic<UInt64>(0)

  init(opening: UInt64) { self.opening = opening }

  /// Table files are in force that show less than those before them.
  func noteCollection() { collections.add(1, ordering: .acquiringAndReleasing) }

  func value(schemaVersion: UInt64, second: Int64) -> UInt64 {
    var hash = opening
    for part in [
      schemaVersion, collections.load(ordering: .acquiring), UInt64(bitPattern: second),
    ] {
      hash = (hash ^ part) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
    }
    return hash
  }
}
