// Why a front could not start.

internal import Glibc

/// A refusal of the system, or an address that is none.
package enum NetError: Error, Sendable, Equatable {
  /// `detail` names what it was about: an address, a loop.
  case system(call: String, errno: Int32, detail: String)
  case badAddress(String)
}

extension NetError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .system(_, EADDRINUSE, let address):
      "cannot listen on \(address): the port is taken by another program"
    case .system(_, EACCES, let address):
      "cannot listen on \(address): no permission (ports below 1024 need a privilege)"
    case .system(_, EADDRNOTAVAIL, let address):
      "cannot listen on \(address): no interface of this machine has that address"
    case .system(let call, let reason, let detail):
      "\(detail): \(call): \(String(cString: strerror(reason))) (errno \(reason))"
    case .badAddress(let address):
      "'\(address)' is not an address to listen on: HOST:PORT, IPv6 as [HOST]:PORT"
    }
  }
}
