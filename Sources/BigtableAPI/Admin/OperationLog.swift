// google.longrunning.Operations: nothing here outlasts its call, so an operation is done when it is
// first told of. Those who ask again find the latest ones.

internal import BigtableProto
internal import Foundation
internal import GRPC
internal import SwiftProtobuf
internal import Synchronization

/// The latest operations of a server. Safe for concurrent use.
final class OperationLog: Sendable {
  private static let limit = 1_000

  private struct State {
    var count = 0
    /// Oldest first.
    var latest: [Google_Longrunning_Operation] = []
  }

  private let state = Mutex(State())

  /// - Parameter resource: The name of what was made or changed.
  func done(
    _ resource: String, response: some Message, metadata: some Message
  ) throws -> Google_Longrunning_Operation {
    var operation = Google_Longrunning_Operation()
    operation.done = true
    operation.response = try Google_Protobuf_Any(message: response)
    operation.metadata = try Google_Protobuf_Any(message: metadata)
    return state.withLock { state in
      state.count += 1
      operation.name = "operations/\(resource)/operations/\(state.count)"
      state.latest.append(operation)
      if state.latest.count > OperationLog.limit { state.latest.removeFirst() }
      return operation
    }
  }

  func get(
    _ request: Google_Longrunning_GetOperationRequest
  ) throws -> Google_Longrunning_Operation {
    let found = state.withLock { state in state.latest.last { $0.name == request.name } }
    guard let found else {
      throw GRPCStatus(.notFound, "Operation not found: \(request.name.prefix(300))")
    }
    return found
  }
}

extension Google_Protobuf_Timestamp {
  static var now: Google_Protobuf_Timestamp { .init(date: .init()) }
}
