// Memory for requests between their arrival and their answer, one budget for all connections.

internal import Synchronization

/// Counts bytes; who gets none is told when there may be some.
package final class InFlightBudget: Sendable {
  private struct State {
    var used = 0
    var waiting: [(need: Int, resume: @Sendable () -> Void)] = []
  }

  private let limit: Int
  private let state = Mutex(State())

  package init(byteCount: Int) { limit = byteCount }

  package var usedByteCount: Int { state.withLock { $0.used } }

  /// Takes `byteCount` if that is possible now.
  package func acquire(_ byteCount: Int) -> Bool {
    state.withLock { state in
      guard state.used == 0 || byteCount <= limit - state.used else { return false }
      state.used += byteCount
      return true
    }
  }

  /// Takes `byteCount`, or returns false and calls `resume` once, from any thread, when it is worth
  /// trying again. A request larger than the whole budget gets through when it is alone.
  package func acquire(_ byteCount: Int, orElse resume: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      guard state.used == 0 || byteCount <= limit - state.used else {
        state.waiting.append((byteCount, resume))
        return false
      }
      state.used += byteCount
      return true
    }
  }

  package func release(_ byteCount: Int) {
    let woken: [@Sendable () -> Void]? = state.withLock { state in
      state.used -= byteCount
      precondition(state.used >= 0, "release what was acquired")
      guard !state.waiting.isEmpty else { return nil }
      // None of them holds anything yet: all that would fit one by one may try, in order.
      let free = state.used == 0 ? Int.max : limit - state.used
      let woken = state.waiting.filter { $0.need <= free }.map(\.resume)
      state.waiting.removeAll { $0.need <= free }
      return woken
    }
    guard let woken else { return }
    for resume in woken { resume() }
  }
}
