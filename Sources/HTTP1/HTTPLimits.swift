// Bounds on what a request may make the server hold, all in bytes unless named otherwise.

/// Limits of one request.
package struct HTTPLimits: Sendable {
  /// Method, target and version. 8 KiB: RFC 9112 section 3 recommends at least 8,000.
  package var requestLineByteCount = 8 << 10
  /// All header lines together.
  package var headerByteCount = 32 << 10
  package var headerFieldCount = 100
  /// A chunk's size line with its extensions, which are ignored.
  package var chunkLineByteCount = 256
  /// All trailer lines of a chunked body, which are ignored.
  package var trailerByteCount = 8 << 10
  package init() {}
}
