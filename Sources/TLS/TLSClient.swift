// The client's side: whom it trusts and how it proves itself.

internal import COpenSSL

/// Rules for connections to servers. For all threads.
package final class TLSClient: Sendable {
  private let context: TLSContext

  /// - Parameter authorities: Who may have signed the server's certificate; nil for the system's.
  /// - Parameter identity: What to show to a server that asks for a certificate.
  package init(
    authorities: PEMText? = nil, identity: TLSIdentity? = nil, protocols: [String]
  ) throws(TLSSetupError) {
    context = try TLSContext(isServer: false, protocols: protocols)
    if let authorities {
      try context.trust(authorities, announces: false)
    } else if SSL_CTX_set_default_verify_paths(context.raw) != 1 {
      throw .last("the system's certificates cannot be read")
    }
    if let identity { try context.use(identity) }
    SSL_CTX_set_verify(context.raw, SSL_VERIFY_PEER, nil)
  }

  /// A session with a server that must prove to be `host`, a name or an address.
  package func makeSession(with host: String) -> TLSSession? {
    guard let session = TLSSession(context, isServer: false), session.expect(host) else {
      return nil
    }
    return session
  }
}
