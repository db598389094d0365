// How a call ends (github.com/grpc/grpc, doc/statuscodes.md).

/// A gRPC status code.
package enum GRPCCode: Int, Sendable {
  case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists
  case permissionDenied, resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented
  case `internal`, unavailable, dataLoss, unauthenticated
}

/// A code, and words for people.
package struct GRPCStatus: Error, Equatable, Sendable {
  package let code: GRPCCode
  package let message: String
  /// An encoded `google.rpc.Status` with details for programs; empty for none.
  package let details: [UInt8]

  package init(_ code: GRPCCode, _ message: String, details: [UInt8] = []) {
    self.code = code
    self.message = message
    self.details = details
  }

  package static let ok = GRPCStatus(.ok, "")
  package static let deadlineExceeded = GRPCStatus(
    .deadlineExceeded, "the call's deadline passed before its answer was there")
  /// Nothing has been done; clients try such calls again, later each time.
  package static let overloaded = GRPCStatus(
    .unavailable, "the server has more to do than it can: try again later")
  package static let shuttingDown = GRPCStatus(
    .unavailable, "the server is shutting down: connect again in a moment")
}
