// What the fronts are told, and how the failures of engine, files and catalog fold into it. Few
// kinds, each tells the caller what to do; every front maps them in one file, StatusMapping.

internal import DataModel
internal import Glibc
internal import LSM
internal import VFS

/// Why a table operation was refused or failed.
package enum TableServiceError: Error, Sendable {
  /// The request is wrong and will stay so. `code` is a stable word for programs
  /// (`invalid_row_key`, `wrong_value_type`, …), `message` says what, where and what to do.
  case invalid(code: String, message: String)
  /// The table, family or row is not there.
  case notFound(code: String, message: String)
  /// The table or family exists already, or a precondition of the operation does not hold.
  case conflict(code: String, message: String)
  /// The read would wait for the disk: repeat it on a blocking worker. Never leaves a front.
  case wouldBlock
  /// Overloaded or shutting down: the same request may succeed later.
  case retryLater(message: String)
  /// The device is full; reads go on.
  case full(message: String)
  /// Stored bytes are damaged; names file and offset. Nothing damaged is served.
  case corruptData(message: String)
  /// Writes are refused until restart because a log or manifest could not be written.
  case readOnly(message: String)
  case closed
}

extension TableServiceError {
  /// The files are not what this program wrote, or not what it knows; trying again changes nothing.
  var isDamage: Bool {
    switch self {
    case .corruptData: true
    case .conflict(let code, _): code == "newer_version"
    default: false
    }
  }

  /// The reason in words.
  package var message: String {
    switch self {
    case .invalid(_, let message), .notFound(_, let message), .conflict(_, let message),
      .retryLater(let message), .full(let message), .corruptData(let message),
      .readOnly(let message):
      message
    case .wouldBlock: "the disk is needed where nobody may wait"
    case .closed: "the store is closed"
    }
  }

  init(_ error: DataModelError) { self = .invalid(code: error.code, message: error.message) }

  static func unknownFamily(_ family: String, table: String) -> TableServiceError {
    .notFound(
      code: "unknown_family", message: "table \"\(table)\" has no family \"\(family)\"")
  }

  static func unknownTable(_ name: String) -> TableServiceError {
    .notFound(code: "unknown_table", message: "there is no table \"\(name)\"")
  }

  /// Folds an engine's refusal. A deciding commit's own reason passes through.
  init(_ error: EngineError) {
    switch error {
    case .invalid(let message): self = .invalid(code: "invalid_request", message: message)
    case .wouldBlock: self = .wouldBlock
    case .retryLater(let message): self = .retryLater(message: message)
    case .full(let path): self = .full(message: "no space left for \(path); reads go on")
    case .corrupt(let path, let offset, let reason):
      self = .corruptData(message: "\(path) is damaged at offset \(offset): \(reason)")
    case .unsupportedVersion(let path, let found, let newestKnown):
      self = .conflict(
        code: "newer_version",
        message: "\(path) has format version \(found); this program knows up to \(newestKnown)")
    case .file(let error): self = TableServiceError(error)
    case .readOnly(let cause): self = .readOnly(message: cause)
    case .closed: self = .closed
    case .rejected(let reason):
      self = reason as? TableServiceError ?? .invalid(code: "rejected", message: "\(reason)")
    }
  }

  /// Folds a failed file operation.
  init(_ error: FileError) {
    switch error {
    case .alreadyLocked(let path):
      self = .conflict(
        code: "directory_in_use", message: "\(path) is in use by another server")
    case .io(let path, let operation, let errno):
      let reason = String(cString: strerror(errno))
      if error.isOutOfSpace {
        self = .full(message: "no space left for \(path); reads go on")
      } else if errno == EACCES || errno == EPERM || errno == EROFS {
        self = .conflict(
          code: "no_permission",
          message: "no permission to \(operation.rawValue) \(path): \(reason)")
      } else {
        self = .retryLater(message: "cannot \(operation.rawValue) \(path): \(reason)")
      }
    }
  }
}

extension TableServiceError {
  /// Folds a failure of the catalog.
  init(_ error: SQLiteFailure) {
    let message = "the catalog \(error.path): \(error.message) (SQLite \(error.code))"
    if error.isFull {
      self = .full(message: message)
    } else if error.isPermission {
      self = .conflict(code: "no_permission", message: message)
    } else if error.isDamage {
      self = .corruptData(message: message)
    } else {
      self = .retryLater(message: message)
    }
  }
}
