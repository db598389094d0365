// Ctrl-C and SIGTERM during a load: the first asks it to stop sending and wait for what is
// committed; the second, the handler being gone, ends the program.

import Glibc
import Synchronization

/// Whether the user wants the load to end.
enum Interruption {
  private static let isAsked = Atomic<Bool>(false)

  static var isRequested: Bool { isAsked.load(ordering: .relaxed) }

  static func listen() {
    // Made before the first signal: its making is not safe within a handler.
    isAsked.store(false, ordering: .relaxed)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      Interruption.isAsked.store(true, ordering: .relaxed)
    }
    // No SA_RESTART: a read that waits for standard input must come back.
    action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
    sigaction(SIGINT, &action, nil)
    sigaction(SIGTERM, &action, nil)
    // Whoever started this program may have had them blocked, and the mask is inherited.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    sigprocmask(SIG_UNBLOCK, &signals, nil)
  }
}
