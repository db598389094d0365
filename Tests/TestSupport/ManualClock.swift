// A clock that stands still until a test moves it.

internal import Runtime
internal import Synchronization

/// Time as a test sets it.
package final class ManualClock: TimeSource {
  private let nanoseconds: Atomic<UInt64>
  /// Microseconds since 1970 at monotonic zero.
  private let wallStart: Atomic<Int64>
  private static let notHeld = Int64.min
  private let heldWall = Atomic<Int64>(ManualClock.notHeld)

  package init(monotonicNanoseconds: UInt64 = 0, wallMicroseconds: Int64 = 1_756_695_600_000_000) {
    nanoseconds = Atomic(monotonicNanoseconds)
    wallStart = Atomic(wallMicroseconds)
  }

  package var monotonicNanoseconds: UInt64 { nanoseconds.load(ordering: .sequentiallyConsistent) }

  package var wallMicroseconds: Int64 {
    let held = heldWall.load(ordering: .sequentiallyConsistent)
    if held != ManualClock.notHeld { return held }
    return wallStart.load(ordering: .sequentiallyConsistent) + Int64(monotonicNanoseconds / 1_000)
  }

  /// From now on the wall clock stands, whatever time passes, until it is held elsewhere: what
  /// depends on it is then the same however long the work took.
  package func holdWall(microseconds: Int64) {
    heldWall.store(microseconds, ordering: .sequentiallyConsistent)
  }

  /// Lets time pass on both clocks.
  package func advance(nanoseconds passed: UInt64) {
    nanoseconds.add(passed, ordering: .sequentiallyConsistent)
  }

  /// Sets the wall clock as an operator may: also back.
  package func setWall(microseconds: Int64) {
    wallStart.store(
      microseconds - Int64(monotonicNanoseconds / 1_000), ordering: .sequentiallyConsistent)
  }
}
