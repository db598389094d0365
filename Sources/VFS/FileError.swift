// What went wrong with a file: which file, which call, which error number.

internal import Glibc

/// The call that failed.
package enum FileOperation: String, Sendable, CaseIterable {
  case open, create, read, write, sync, preallocate, truncate, close, remove, list, createDirectory
  case syncDirectory, lock, stat
}

/// A failed file operation.
package enum FileError: Error, Sendable, Equatable {
  /// The system refused; `errno` as errno(3) has it.
  case io(path: String, operation: FileOperation, errno: Int32)
  /// Another process holds the directory.
  case alreadyLocked(path: String)

  /// True when there is no such file (ENOENT).
  package var isMissing: Bool {
    guard case .io(_, _, let errno) = self else { return false }
    return errno == 2
  }

  /// True when the caller lacks the permission (EACCES, EPERM).
  package var isForbidden: Bool {
    guard case .io(_, _, let errno) = self else { return false }
    return errno == EACCES || errno == EPERM
  }

  /// True when the device is full (ENOSPC, EDQUOT): writing may work again later.
  package var isOutOfSpace: Bool {
    guard case .io(_, _, let errno) = self else { return false }
    return errno == ENOSPC || errno == EDQUOT
  }
}

extension FileError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .io(let path, let operation, let errno):
      "\(operation.rawValue) \(path): \(String(cString: strerror(errno))) (errno \(errno))"
    case .alreadyLocked(let path):
      "\(path) is in use by another process"
    }
  }
}
