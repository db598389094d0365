// What every refusal looks like on the wire: status, code, message. One file, tested as a table.

package import BinaryProtocol
package import Tablets

/// A refusal as the protocol says it.
package struct Refusal: Equatable, Sendable {
  package var status: Status
  package var error: ErrorMessage
  /// As long as a queue must stand before anybody is refused (`StandingQueue`).
  private static let retryMilliseconds: UInt32 = 100

  package init(_ status: Status, _ code: String, _ message: String) {
    self.status = status
    self.error = ErrorMessage(code: code, message: message)
    if status == .retryLater { error.retryAfterMilliseconds = Refusal.retryMilliseconds }
  }

  package init(_ error: TableServiceError) {
    switch error {
    case .invalid(let code, let message): self.init(.invalid, code, message)
    case .notFound(let code, let message): self.init(.notFound, code, message)
    case .conflict(let code, let message): self.init(.conflict, code, message)
    case .wouldBlock: self.init(.retryLater, "busy", "The disk is busy; try again.")
    case .retryLater(let message): self.init(.retryLater, "busy", message)
    case .full(let message): self.init(.full, "disk_full", message)
    case .corruptData(let message): self.init(.corruptData, "corrupt_data", message)
    case .readOnly(let message): self.init(.readOnly, "read_only", message)
    case .closed: self.init(.closed, "closed", "The server is shutting down.")
    }
  }

  package init(_ error: WireError) {
    switch error {
    case .truncated:
      self.init(
        .malformed, "malformed_body", "The body ends in the middle of a field: send it whole.")
    case .malformed(let reason):
      self.init(.malformed, "malformed_body", "The body is not the operation's message: \(reason).")
    case .tooLarge(let reason):
      self.init(.tooLarge, "too_large", "Too much in one request: \(reason).")
    }
  }

  package init(_ error: GreetingError) {
    switch error {
    case .notThisProtocol:
      self.init(
        .malformed, "not_strata",
        "This port speaks Strata's binary protocol; the client does not. "
          + "HTTP has a port of its own.")
    case .tooLong(let count):
      self.init(
        .tooLarge, "too_large",
        "A greeting of \(count) bytes; at most \(ProtocolLimits.helloByteCount) are taken.")
    case .noCommonVersion(let oldest, let newest):
      self.init(
        .unsupported, "unsupported_version",
        "The client speaks versions \(oldest) to \(newest), this server "
          + "\(Greeting.versions.lowerBound) to \(Greeting.versions.upperBound).")
    case .malformed(let error):
      self.init(.malformed, "malformed_body", Refusal(error).error.message)
    case .bodyLimitTooSmall(let count):
      self.init(
        .invalid, "body_limit_too_small",
        "The client takes bodies of \(count) bytes; it must take "
          + "\(ProtocolLimits.smallestBodyByteCount).")
    }
  }

  static let shuttingDown = Refusal(
    .retryLater, "shutting_down", "The server is shutting down: connect again in a moment.")
  static let overloaded = Refusal(
    .retryLater, "overloaded", "The server has too much to do: come back in a moment.")
  static let stalled = Refusal(
    .retryLater, "stalled", "A long frame stopped in the middle: send it again, whole.")
  static let batchTooLarge = Refusal(
    .tooLarge, "answer_too_large", "The rows are too long for one batch: ask for fewer at a time.")
  static let cancelled = Refusal(.cancelled, "cancelled", "The client cancelled the request.")
  static let cellTooLarge = Refusal(
    .tooLarge, "cell_too_large",
    "A cell is longer than the body that the client said it takes: raise max_body_byte_count.")
}
