// Refusals as Bigtable says them. Permanent ones never have a code that clients try again:
// UNAVAILABLE, ABORTED and DEADLINE_EXCEEDED are for what may succeed later.

internal import BinaryProtocol
internal import DataModel
package import GRPC
package import Tablets

extension GRPCStatus {
  package init(_ error: TableServiceError) {
    let code: GRPCCode =
      switch error {
      case .invalid(let code, _): code == "not_an_int64" ? .failedPrecondition : .invalidArgument
      case .notFound: .notFound
      case .conflict(let code, _):
        code.hasSuffix("_exists")
          ? .alreadyExists : code == "etag_differs" ? .aborted : .failedPrecondition
      case .wouldBlock, .retryLater, .closed: .unavailable
      case .full, .readOnly: .resourceExhausted
      case .corruptData: .dataLoss
      }
    self.init(code, error.message)
  }

  init(_ error: DataModelError) { self.init(.invalidArgument, error.message) }

  /// A message that cannot be read.
  init(_ error: WireError) {
    let reason =
      switch error {
      case .truncated: "it ends in the middle of a field"
      case .malformed(let reason), .tooLarge(let reason): reason
      }
    self.init(.invalidArgument, "the request cannot be read: \(reason)")
  }

  static func invalid(_ message: String) -> GRPCStatus { GRPCStatus(.invalidArgument, message) }
}
