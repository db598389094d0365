// Folders of the machine, for tests that need real files.

import Glibc
import VFS

/// A folder of the machine, removed with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/strata-tablets-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw FileError.io(
        path: "/tmp", operation: .createDirectory, errno: errno)
    }
    path = template.withUnsafeBufferPointer {
      String(decoding: $0.dropLast().map(UInt8.init), as: UTF8.self)
    }
  }

  deinit { try? PosixFileSystem().removeTree(path) }
}
