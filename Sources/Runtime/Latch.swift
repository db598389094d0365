// A gate that threads wait at until it is opened once: a word that the kernel lets threads sleep on
// (futex(2)). Opening one that nobody sleeps at takes no system call, and who is woken has no lock
// to take.

internal import CLinux
internal import Synchronization

/// Opened once; `wait` returns from then on. Safe for concurrent use.
package final class Latch: Sendable {
  private static let closed: UInt32 = 0
  /// Closed, and somebody may sleep.
  private static let awaited: UInt32 = 1
  private static let opened: UInt32 = 2

  /// `nonisolated(unsafe)`: an atomic, at an address of its own for the kernel.
  private nonisolated(unsafe) let state = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1)

  package init() { state.initialize(to: Atomic(Latch.closed)) }

  deinit { state.deinitialize(count: 1).deallocate() }

  package var isOpen: Bool { state.pointee.load(ordering: .acquiring) == Latch.opened }

  package func open() {
    let before = state.pointee.exchange(Latch.opened, ordering: .acquiringAndReleasing)
    if before == Latch.awaited { strata_wake_all(state) }
  }

  package func wait() {
    while true {
      let found = state.pointee.compareExchange(
        expected: Latch.closed, desired: Latch.awaited, ordering: .acquiring)
      if found.original == Latch.opened { return }
      strata_sleep_while(state, Latch.awaited)
    }
  }
}
