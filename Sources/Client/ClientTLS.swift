// TLS as a client wants it: whom to trust, how to prove itself, and what its failures mean.

internal import Bytes
internal import Glibc
package import TLS

/// Rules for encrypted connections; shared by as many clients as one likes.
public struct ClientTLS: Sendable {
  /// What ALPN calls the binary protocol.
  static let applicationProtocol = "strata/1"

  let client: TLSClient
  /// The name the server's certificate must have; nil for the host that is connected to.
  let serverName: String?

  /// - Parameter authoritiesPEM: Who may have signed the server's certificate; nil: the system's.
  /// - Parameter certificatePEM: With its key: what to show to a server that asks for one.
  /// - Parameter serverName: What the certificate must be for; nil for the host connected to.
  /// - Throws: `ClientError.refused` with code `bad_certificate_file`.
  public init(
    authoritiesPEM: [UInt8]? = nil, certificatePEM: [UInt8]? = nil, keyPEM: [UInt8]? = nil,
    serverName: String? = nil
  ) throws(ClientError) {
    var identity: TLSIdentity?
    if certificatePEM != nil || keyPEM != nil {
      identity = TLSIdentity(
        chain: PEMText(name: "the client's certificate", bytes: certificatePEM ?? []),
        key: PEMText(name: "the client's key", bytes: keyPEM ?? []))
    }
    do throws(TLSSetupError) {
      try self.init(
        authorities: authoritiesPEM.map { PEMText(name: "the list of authorities", bytes: $0) },
        identity: identity, serverName: serverName)
    } catch {
      throw .refused(code: "bad_certificate_file", message: error.description)
    }
  }

  package init(
    authorities: PEMText?, identity: TLSIdentity?, serverName: String?
  ) throws(TLSSetupError) {
    client = try TLSClient(
      authorities: authorities, identity: identity, protocols: [ClientTLS.applicationProtocol])
    self.serverName = serverName
  }
}

extension Wire {
  /// TLS's numbers for what a server says about a client.
  private static let certificateAlerts = 41...46
  private static let unknownAuthority = 48
  private static let certificateRequired = 116
  private static let noApplicationProtocol = 120

  /// A failed session in words that say what to do.
  func explain(_ failure: TLSFailure) -> ClientError {
    .unreachable(Wire.text(of: failure, at: address, named: expectedName))
  }

  private static func text(
    of failure: TLSFailure, at address: String, named name: String
  ) -> String {
    switch failure {
    case .notTLS:
      "\(address) does not speak TLS: leave --tls out, or check the port."
    case .certificate where failure.isExpired:
      "The certificate of \(address) has expired. Renew it there, or check this machine's clock."
    case .certificate where failure.isWrongName:
      "The certificate of \(address) is not for '\(name)'. "
        + "Use a name it has, in --server or --tls-server-name."
    case .certificate(_, let reason):
      "The certificate of \(address) is not trusted: \(reason). "
        + "Name its authority with --tls-ca FILE."
    case .alert(Wire.certificateRequired, _):
      "\(address) demands a client's certificate: --tls-cert FILE and --tls-key FILE."
    case .alert(Wire.unknownAuthority, let reason), .alert(Wire.certificateAlerts, let reason):
      "\(address) refuses the client's certificate, or misses one: \(reason)."
    case .alert(Wire.noApplicationProtocol, _):
      "\(address) speaks TLS, but not Strata's binary protocol. "
        + "Is it the port of the binary front, 8085 unless told otherwise?"
    case .alert, .refused, .tooLong, .timedOut:
      "No TLS session with \(address): \(failure)."
    }
  }
}
