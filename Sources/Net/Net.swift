// Stub of the network layer; owned by the net work, which splits it into EventLoop, Listener,
// Connection, TimerWheel.

package import Bytes

/// One epoll thread and the connections it accepted.
package final class EventLoop: Sendable {
  /// Runs `work` on the loop's thread, soon, from any thread. Many calls cost one wake-up.
  package func execute(_ work: @escaping @Sendable () -> Void) {}
  /// Runs `work` on the loop after the delay; call on the loop.
  package func schedule(
    afterNanoseconds delay: UInt64, _ work: @escaping @Sendable () -> Void
  ) -> LoopTimer { LoopTimer() }
  package var isCurrent: Bool { false }
  init() {}
}

/// A timer that has not fired.
package final class LoopTimer: Sendable {
  /// On the loop.
  package func cancel() {}
  init() {}
}

/// What a protocol does with a connection. All calls come on the connection's loop.
package protocol ConnectionHandler: AnyObject {
  /// Bytes have arrived. Returns how many were used; the rest is kept and handed in again with what
  /// follows. `bytes` is valid during the call only.
  func received(_ bytes: ByteView, on connection: Connection) -> Int
  /// The peer has closed its sending side; nothing more will come. Answers may still be sent.
  func inputEnded(on connection: Connection)
  /// The unsent output has fallen below the low-water mark after having been above the high one.
  func outputDrained(on connection: Connection)
  /// Gone, for whatever reason; the last call.
  func closed(_ connection: Connection)
}

/// One accepted socket. Used on its loop only.
package final class Connection: @unchecked Sendable {
  package let loop: EventLoop
  /// Output; append here. Everything appended during one wake-up leaves with one write at its end.
  /// Outside a wake-up (a completion run by `loop.execute`) it is the same: the loop flushes.
  package var output = ByteBuffer()
  /// Unsent bytes, including those the socket did not take yet.
  package var unsentByteCount: Int { 0 }
  /// True while more than the high-water mark is unsent: stop producing until `outputDrained`.
  package var isOutputFull: Bool { false }
  /// Appended outside `received`/`outputDrained`: ask for a flush at the end of this wake-up.
  package func setNeedsFlush() {}
  /// Stops reading (back-pressure on the peer); on again by `resumeReading`, which also hands in
  /// what is already buffered.
  package func pauseReading() {}
  package func resumeReading() {}
  /// Sends what is unsent, then closes.
  package func closeAfterFlush() {}
  /// Closes at once.
  package func close() {}
  package var peerDescription: String { "" }
  init(loop: EventLoop) { self.loop = loop }
}

/// Why a front could not start.
package enum NetError: Error, Sendable {
  case system(call: String, errno: Int32, detail: String)
  case badAddress(String)
}

/// The loops of a process and the listeners on them.
package final class EventLoopGroup: Sendable {
  /// Starts `count` loop threads.
  package init(count: Int) throws(NetError) {}
  /// Listens on `host:port` (IPv6 in brackets; port 0 takes a free one) with every loop
  /// (SO_REUSEPORT is not used: one listener, loops take turns accepting). Returns the real port.
  package func listen(
    on address: String, maximumConnections: Int,
    handler: @escaping @Sendable (Connection) -> any ConnectionHandler
  ) throws(NetError) -> UInt16 { 0 }
  /// Stops accepting, lets handlers finish for up to the deadline, closes, joins the threads.
  package func shutDown(graceNanoseconds: UInt64) {}
  package var loops: [EventLoop] { [] }
}
