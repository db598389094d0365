// What a protocol does with a connection.

package import Bytes

/// A protocol's side of one connection. All calls come on the connection's loop, one at a time.
package protocol ConnectionHandler: AnyObject {
  /// Bytes have arrived. Returns how many were used; the rest is kept and handed in again with what
  /// follows. `bytes` is valid during the call only.
  func received(_ bytes: ByteView, on connection: Connection) -> Int
  /// The peer has closed its sending side; nothing more will come. Answers may still be sent.
  func inputEnded(on connection: Connection)
  /// The unsent output has fallen below the low-water mark after having been above the high one.
  func outputDrained(on connection: Connection)
  /// The server is going down: finish what is in flight, take nothing new, close. Who has not
  /// closed at the deadline is closed.
  func shuttingDown(on connection: Connection)
  /// Gone, for whatever reason; the last call.
  func closed(_ connection: Connection)
}

extension ConnectionHandler {
  /// For protocols whose answers are complete when `received` returns.
  package func shuttingDown(on connection: Connection) { connection.closeAfterFlush() }
}
