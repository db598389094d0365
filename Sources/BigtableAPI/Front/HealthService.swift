// grpc.health.v1.Health: a server that does not serve has closed its ports.

internal import BinaryProtocol
internal import Bytes
internal import GRPC

enum HealthService {
  private enum State: UInt64 {
    case serving = 1
    case notServing = 2
    case serviceUnknown = 3
  }

  private static let services = [
    "", "google.bigtable.v2.Bigtable", "google.bigtable.admin.v2.BigtableTableAdmin",
    "google.bigtable.admin.v2.BigtableInstanceAdmin", "google.longrunning.Operations",
    "grpc.health.v1.Health",
  ]

  static func check(_ call: GRPCCall, _ message: ByteView) throws(GRPCStatus) {
    guard try isKnown(message) else { throw GRPCStatus(.notFound, "no such service") }
    send(.serving, to: call)
    call.finish(.ok)
  }

  /// Tells the state now and when the server is shut down.
  static func watch(_ call: GRPCCall, _ message: ByteView) throws(GRPCStatus) {
    send(try isKnown(message) ? .serving : .serviceUnknown, to: call)
    call.onShutDown = {
      send(.notServing, to: call)
      call.finish(.shuttingDown)
    }
  }

  private static func isKnown(_ message: ByteView) throws(GRPCStatus) -> Bool {
    do throws(WireError) {
      var name = ""
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        if number == 1 { name = try reader.string() } else { try reader.skip() }
      }
      return services.contains(name)
    } catch {
      throw GRPCStatus(error)
    }
  }

  private static func send(_ state: State, to call: GRPCCall) {
    call.send { $0.appendField(1, varint: state.rawValue) }
  }
}
