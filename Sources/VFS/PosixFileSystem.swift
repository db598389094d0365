// The file system of the machine: each call of `FileSystem` as the system calls of Linux, repeated
// when a signal interrupts them.

internal import Glibc

/// Files of this machine. Holds nothing: instances are interchangeable.
package final class PosixFileSystem: FileSystem {
  package init() {}

  package func createDirectory(_ path: String) throws(FileError) {
    if mkdir(path, 0o755) == 0 { return }
    let reason = errno
    if reason == ENOENT, let parent = PosixFileSystem.parent(of: path) {
      try createDirectory(parent)
      if mkdir(path, 0o755) == 0 { return }
      throw .io(path: path, operation: .createDirectory, errno: errno)
    }
    var status = stat()
    if reason == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
    throw .io(path: path, operation: .createDirectory, errno: reason)
  }

  package func list(_ directory: String) throws(FileError) -> [String] {
    guard let stream = opendir(directory) else {
      throw .io(path: directory, operation: .list, errno: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw .io(path: directory, operation: .list, errno: errno) }
    return names
  }

  package func exists(_ path: String) throws(FileError) -> Bool {
    var status = stat()
    if lstat(path, &status) == 0 { return true }
    if errno == ENOENT || errno == ENOTDIR { return false }
    throw .io(path: path, operation: .stat, errno: errno)
  }

  package func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
    let descriptor = try open(path, O_RDONLY, .open)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let reason = errno
      _ = Glibc.close(descriptor)
      throw .io(path: path, operation: .stat, errno: reason)
    }
    return PosixReadableFile(path, descriptor, byteCount: UInt64(clamping: status.st_size))
  }

  package func create(_ path: String) throws(FileError) -> any WritableFile {
    PosixWritableFile(path, try open(path, O_WRONLY | O_CREAT | O_EXCL, .create))
  }

  package func openForOverwriting(_ path: String) throws(FileError) -> any WritableFile {
    // For reading too: what is written through memory is mapped, and mapped memory can be read.
    PosixWritableFile(path, try open(path, O_RDWR, .open))
  }

  package func remove(_ path: String) throws(FileError) {
    guard unlink(path) == 0 else { throw .io(path: path, operation: .remove, errno: errno) }
  }

  package func removeTree(_ path: String) throws(FileError) {
    for name in try list(path) {
      let child = path + "/" + name
      // Unlink first: a symbolic link to a directory must go itself, not what it points to.
      if unlink(child) == 0 { continue }
      guard errno == EISDIR else { throw .io(path: child, operation: .remove, errno: errno) }
      try removeTree(child)
    }
    guard rmdir(path) == 0 else { throw .io(path: path, operation: .remove, errno: errno) }
  }

  package func syncDirectory(_ path: String) throws(FileError) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY, .syncDirectory)
    defer { _ = Glibc.close(descriptor) }
    guard retryingInterrupts({ fsync(descriptor) }) == 0 else {
      throw .io(path: path, operation: .syncDirectory, errno: errno)
    }
  }

  package func lock(_ directory: String) throws(FileError) -> any DirectoryLock {
    try PosixDirectoryLock(directory, try open(directory, O_RDONLY | O_DIRECTORY, .lock))
  }

  package func availableByteCount(at path: String) throws(FileError) -> UInt64 {
    var status = statvfs()
    guard retryingInterrupts({ statvfs(path, &status) }) == 0 else {
      throw .io(path: path, operation: .stat, errno: errno)
    }
    return UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
      .partialValue
  }

  private func open(
    _ path: String, _ flags: Int32, _ operation: FileOperation
  ) throws(FileError) -> Int32 {
    let descriptor = retryingInterrupts { Glibc.open(path, flags | O_CLOEXEC, 0o644) }
    guard descriptor >= 0 else { throw .io(path: path, operation: operation, errno: errno) }
    return descriptor
  }

  /// The path without its last component; nil when that is the root or the working directory.
  private static func parent(of path: String) -> String? {
    var bytes = Substring(path)
    while bytes.count > 1, bytes.hasSuffix("/") { bytes.removeLast() }
    guard let slash = bytes.lastIndex(of: "/"), slash > bytes.startIndex else { return nil }
    return String(bytes[..<slash])
  }
}

/// Repeats a call as long as a signal interrupts it.
func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
