// The text of a load: a file or standard input, read in large pieces into the line buffer. What
// begins as gzip does (RFC 1952, bytes 1f 8b) is unpacked by the gzip program.

import Glibc
import RowText

/// An open file to load from.
struct LoadInput: ~Copyable {
  /// Large reads: a system call costs a microsecond, a chunk takes a few milliseconds to parse.
  static let chunkByteCount = 1 << 20

  let name: String
  /// Bytes of the file; nil for a pipe.
  let byteCount: UInt64?
  /// The file as it is now, for the name of its producer; nil for a pipe.
  let identity: String?
  private let descriptor: Int32
  private let unpacking: GzipProcess?

  /// - Parameter path: `-` is standard input.
  init(path: String) throws {
    name = path == "-" ? "standard input" : path
    let file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard file >= 0, fstat(file, &status) == 0 else {
      throw CommandFailure.refused("\(name): \(String(cString: strerror(errno)))")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      throw CommandFailure.refused("\(name): is a directory")
    }
    let isFile = status.st_mode & S_IFMT == S_IFREG && status.st_size > 0
    var magic: [UInt8] = [0, 0]
    let isPacked = isFile && pread(file, &magic, 2, 0) == 2 && magic == [0x1f, 0x8b]
    unpacking = isPacked ? try GzipProcess(unpacking: file, name: name) : nil
    descriptor = unpacking?.output ?? file
    byteCount = isFile && !isPacked ? UInt64(status.st_size) : nil
    identity =
      isFile
      ? "\(status.st_dev).\(status.st_ino).\(status.st_size).\(status.st_mtim.tv_sec)"
        + ".\(status.st_mtim.tv_nsec)" : nil
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
    if count == 0, !Interruption.isRequested { try unpacking?.finish() }
    return count > 0
  }
}
