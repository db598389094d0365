// What a front has once for each loop, and its connections find there.

package import Net
internal import Synchronization

/// A value a loop, made when the first connection of the loop asks. For all threads.
package final class PerLoop<Value: Sendable>: Sendable {
  private let values = Mutex<[ObjectIdentifier: Value]>([:])

  package init() {}

  /// The loop's value.
  package func of(_ loop: EventLoop, make: () -> Value) -> Value {
    values.withLock { values in
      if let known = values[ObjectIdentifier(loop)] { return known }
      let new = make()
      values[ObjectIdentifier(loop)] = new
      return new
    }
  }

  /// Those made so far.
  package var all: [Value] { values.withLock { Array($0.values) } }
}
