// What a server offers: methods by path, each called with one message.

package import Bytes

/// The methods that a connection's calls may name.
package protocol GRPCMethods: AnyObject {
  /// A number for the method of a path as `/google.bigtable.v2.Bigtable/ReadRows`; nil for one
  /// there is not.
  func method(_ path: ByteView) -> Int?

  /// May a call be refused in overload, before its message is looked at?
  func isSheddable(_ method: Int) -> Bool

  /// Starts a call.
  ///
  /// - Parameters:
  ///   - method: The number that its path has been given.
  ///   - call: To be answered now or later; on its loop.
  ///   - message: Valid during this only.
  func perform(_ method: Int, _ call: GRPCCall, _ message: ByteView)
}

/// What is taken from a peer.
package struct GRPCLimits: Sendable {
  /// Of a message of a call.
  package var messageByteCount = 256 << 20
  /// Calls of one connection at once.
  package var callCount = 1_000
  /// Bytes of all fields of a header.
  package var headerByteCount = 32 << 10
  /// What a peer may send ahead on one stream, and on all of a connection.
  package var streamWindowByteCount = 256 << 10
  package var connectionWindowByteCount = 8 << 20
  /// Of a connection's messages that fit their windows, all that are arriving together.
  package var looseByteCount = 16 << 20
  /// A connection that has not begun to speak HTTP/2 by then is closed.
  package var greetingNanoseconds: UInt64 = 10_000_000_000
  /// A message of which nothing more has arrived for so long, or for twice that, is given up.
  package var stallNanoseconds: UInt64 = 30_000_000_000
  package init() {}
}
