// Processor time that nobody else wants, for what must not be in the way of what is measured.

import CLinux
import Foundation
import Glibc
import Synchronization

/// What the scheduler gives a thread that gives way to all others.
enum LeftoverTime {
  /// SCHED_IDLE, which Glibc's module does not import. Whoever else wakes has the core at once,
  /// where a thread that is merely nice may keep it for milliseconds.
  private static let idlePolicy: Int32 = 5

  /// The calling thread has only this from now on.
  static func confineThread() {
    var parameters = sched_param()
    sched_setscheduler(0, Self.idlePolicy, &parameters)
  }
}

/// Cores that do not halt: a virtual machine's halted one is woken by its host, which takes tens of
/// microseconds and now and then milliseconds, so that the 99th percentile of anything that sleeps
/// between two requests is the host's.
final class AwakeCores: Sendable {
  private static let pausesPerTurn = 20
  private let isOver = Atomic<Bool>(false)
  private let threads = DispatchGroup()

  init(_ cores: [Int32]) {
    for core in cores {
      threads.enter()
      Thread.detachNewThread { [self] in
        strata_pin_thread(core)
        LeftoverTime.confineThread()
        // A thread that does not yield has its slice now and then, in the middle of a request.
        while !isOver.load(ordering: .relaxed) {
          for _ in 0..<Self.pausesPerTurn { strata_pause() }
          sched_yield()
        }
        threads.leave()
      }
    }
  }

  func end() {
    isOver.store(true, ordering: .relaxed)
    threads.wait()
  }
}
