// One process a directory: an advisory lock on the directory itself, so nothing is left behind when
// the process dies.

internal import Glibc

/// A held flock(2) on a directory's descriptor; released with the object, and by any death.
final class PosixDirectoryLock: DirectoryLock {
  private let descriptor: Int32

  /// Takes over `descriptor`, also when it throws.
  init(_ path: String, _ descriptor: Int32) throws(FileError) {
    self.descriptor = descriptor
    guard retryingInterrupts({ flock(descriptor, LOCK_EX | LOCK_NB) }) != 0 else { return }
    // The descriptor closes with the half-made object: all its fields are set.
    if errno == EWOULDBLOCK { throw .alreadyLocked(path: path) }
    throw .io(path: path, operation: .lock, errno: errno)
  }

  deinit { _ = Glibc.close(descriptor) }
}
