// What an engine can say no with. Few kinds, each tells the caller what to do; the details carry
// path, offset, found and expected.

package import VFS

/// A refusal or failure of an engine.
package enum EngineError: Error, Sendable {
  /// The call is wrong: do not repeat it.
  case invalid(String)
  /// The read would wait for the disk and was told not to: repeat it where waiting is allowed.
  case wouldBlock
  /// Too much is in flight: try again after a moment.
  case retryLater(String)
  /// The device is full: reads go on, writes resume when there is space.
  case full(path: String)
  /// A file is not what was written: its bytes are never served.
  case corrupt(path: String, offset: UInt64, reason: String)
  /// The directory was written by a newer program.
  case unsupportedVersion(path: String, found: UInt32, newestKnown: UInt32)
  /// A file operation failed.
  case file(FileError)
  /// A log or manifest write failed earlier: the engine reads on and writes no more.
  case readOnly(cause: String)
  /// The engine is closed.
  case closed
  /// A deciding commit refused by its own reason (see `CommitRequest`).
  case rejected(any Error)

  /// A failed file operation as the engine reports it: a full device is a kind of its own.
  package init(_ failure: FileError) {
    if failure.isOutOfSpace, case .io(let path, _, _) = failure {
      self = .full(path: path)
    } else {
      self = .file(failure)
    }
  }
}
