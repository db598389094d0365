// Handlers of listeners under test, as scripts.

import Bytes
import Glibc
import Net
import Synchronization

/// Calls closures; what is not set does the simplest thing.
final class ScriptedHandler: ConnectionHandler {
  var onReceive: (ByteView, Connection) -> Int = { bytes, connection in
    connection.output.append(bytes)
    return bytes.count
  }
  var onEnd: (Connection) -> Void = { $0.closeAfterFlush() }
  var onDrained: (Connection) -> Void = { _ in }
  var onClosed: (Connection) -> Void = { _ in }
  var onShutDown: (Connection) -> Void = { $0.closeAfterFlush() }

  /// Sends `byteCount` sevens as fast as the connection takes them, from the first input on, and
  /// closes it; without a count it never ends. `most` becomes the most bytes that lay unsent.
  static func producing(_ byteCount: Int = .max, most: Counter = Counter()) -> ScriptedHandler {
    let handler = ScriptedHandler()
    let chunk = [UInt8](repeating: 7, count: 64 << 10)
    var produced = 0
    let produce = { (connection: Connection) in
      while produced < byteCount, !connection.isOutputFull {
        connection.output.append(chunk)
        produced += chunk.count
      }
      most.increase(by: max(0, connection.unsentByteCount - most.value))
      if produced >= byteCount { connection.closeAfterFlush() }
    }
    handler.onReceive = { bytes, connection in
      produce(connection)
      return bytes.count
    }
    handler.onDrained = produce
    return handler
  }

  /// Answers some milliseconds after its peer has said its end.
  static func answeringLate(_ text: StaticString) -> ScriptedHandler {
    let handler = ScriptedHandler()
    handler.onEnd = { connection in
      let waiting = connection
      _ = connection.loop.schedule(afterNanoseconds: 5_000_000) {
        waiting.output.append(text)
        waiting.closeAfterFlush()
      }
    }
    return handler
  }

  func received(_ bytes: ByteView, on connection: Connection) -> Int {
    onReceive(bytes, connection)
  }
  func inputEnded(on connection: Connection) { onEnd(connection) }
  func outputDrained(on connection: Connection) { onDrained(connection) }
  func shuttingDown(on connection: Connection) { onShutDown(connection) }
  func closed(_ connection: Connection) { onClosed(connection) }
}

/// Counts up on any thread.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  var value: Int { count.load(ordering: .sequentiallyConsistent) }

  @discardableResult
  func increase(by step: Int = 1) -> Int {
    count.add(step, ordering: .sequentiallyConsistent).newValue
  }

  /// Waits until the count is reached; gives up after ten seconds.
  func reaches(_ goal: Int) -> Bool {
    for _ in 0..<50_000 {
      if value >= goal { return true }
      usleep(200)
    }
    return false
  }
}

/// Runs `body` against a listener on a free port and shuts it down.
func withListener(
  loops: Int = 2, maximumConnections: Int = 1_000,
  options: EventLoopOptions = EventLoopOptions(),
  handler: @escaping @Sendable (Connection) -> any ConnectionHandler = { _ in ScriptedHandler() },
  _ body: (UInt16, EventLoopGroup) throws -> Void
) throws {
  let group = try EventLoopGroup(count: loops, options: options)
  defer { group.shutDown(graceNanoseconds: 1_000_000_000) }
  let port = try group.listen(
    on: "127.0.0.1:0", maximumConnections: maximumConnections, handler: handler)
  try body(port, group)
}
