// The text of a load: a file or standard input, read in large pieces into the line buffer.

import Glibc
import RowText

/// An open file to load from.
struct LoadInput: ~Copyable {
  /// Large reads: a system call costs a microsecond, a chunk takes a few milliseconds to parse.
  static let chunkByteCount = 1 << 20

  let name: String
  /// Bytes of the file; nil for a pipe.
  let byteCount: UInt64?
  private let descriptor: Int32

  /// - Parameter path: `-` is standard input.
  init(path: String) throws {
    name = path == "-" ? "standard input" : path
    descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw CommandFailure.refused("\(name): \(String(cString: strerror(errno)))")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      throw CommandFailure.refused("\(name): is a directory")
    }
    byteCount =
      status.st_mode & S_IFMT == S_IFREG && status.st_size > 0 ? UInt64(status.st_size) : nil
  }

  deinit {
    if descriptor != STDIN_FILENO { close(descriptor) }
  }

  /// Reads the next piece; false at the end, or when a signal asked to stop.
  func read(into lines: inout LineBuffer) throws -> Bool {
    let descriptor = descriptor
    let name = name
    let count = try lines.fill(capacity: LoadInput.chunkByteCount) { room in
      while true {
        let count = Glibc.read(descriptor, room.baseAddress, room.count)
        if count >= 0 { return count }
        guard errno == EINTR else {
          throw CommandFailure.refused("\(name): \(String(cString: strerror(errno)))")
        }
        if Interruption.isRequested { return 0 }
      }
    }
    return count > 0
  }
}
