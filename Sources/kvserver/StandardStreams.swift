// Standard output and error, written with one call a message: nothing waits in a buffer that a
// crash could lose.

internal import Glibc

/// The two streams.
enum StandardStreams {
  /// A line for whoever started the server.
  static func print(_ line: String) { write(line + "\n", to: STDOUT_FILENO) }

  static func printError(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

  /// The last words.
  static func fail(_ line: String, code: Int32) -> Never {
    printError(line)
    exit(code)
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var copy = text
    copy.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        // A closed pipe must not stop the server.
        guard count > 0 else { return }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
      }
    }
  }
}
