// Standard output, buffered, and standard error. A reader that goes away ends the command quietly.

import Bytes
import Glibc

/// The reader of standard output has gone.
struct ClosedOutput: Error {}

/// Where rows go: standard output or a file.
struct OutputStream: ~Copyable {
  private let descriptor: Int32
  private let name: String
  private static let flushByteCount = 64 << 10
  /// Appended to by whoever writes rows; `flushIfLarge` after each.
  var buffer = ByteBuffer(capacity: OutputStream.flushByteCount * 2)

  /// Standard output.
  init() {
    descriptor = STDOUT_FILENO
    name = "standard output"
  }

  /// A new file; an existing one is replaced.
  init(path: String) throws {
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    name = path
    guard descriptor >= 0 else {
      throw CommandFailure.refused("\(path): \(String(cString: strerror(errno)))")
    }
  }

  deinit {
    if descriptor != STDOUT_FILENO { close(descriptor) }
  }

  mutating func flushIfLarge() throws {
    if buffer.count >= OutputStream.flushByteCount { try flush() }
  }

  mutating func flush() throws {
    var rest = buffer.view
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, rest.buffer.baseAddress, rest.count)
      if written > 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        if errno == EPIPE { throw ClosedOutput() }
        throw CommandFailure.refused("writing \(name): \(String(cString: strerror(errno)))")
      }
    }
    buffer.clear(keepingAtMost: 1 << 20)
  }

  /// Appends a line of text.
  mutating func line(_ text: String) throws {
    buffer.append(utf8: text)
    buffer.append(UInt8(ascii: "\n"))
    try flushIfLarge()
  }
}

/// Standard error, unbuffered.
enum StandardError {
  static func write(_ text: String) {
    var copy = text
    copy.withUTF8 { bytes in
      // Nothing can be told when standard error is gone too.
      _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }
  }

  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}

/// What standard output is shown on.
enum Terminal {
  static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Columns of the terminal behind a descriptor; nil when it is none.
  static func width(of descriptor: Int32) -> Int? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}
