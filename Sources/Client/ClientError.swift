// Why a call to a server failed; the texts say what to do.

/// Why a call failed.
public enum ClientError: Error, Sendable {
  /// No server there, or it went away.
  case unreachable(String)
  /// The server or the data said no; `code` is stable.
  case refused(code: String, message: String)
  /// The peer does not speak this protocol.
  case protocolViolation(String)
}

extension ClientError: CustomStringConvertible {
  /// What to tell a person.
  public var description: String {
    switch self {
    case .unreachable(let text), .protocolViolation(let text): text
    case .refused(let code, let message): "\(message) (\(code))"
    }
  }
}
