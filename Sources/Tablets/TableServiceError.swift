// Few kinds, each tells the caller what to do; every front maps them in one file, StatusMapping.

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
