// The server's side: certificates that can be replaced while connections live, and what became of
// the handshakes.
//
// Tickets: a client that comes back shows a ticket, sealed with keys of this process, and skips the
// certificates. The keys go over to the next context at a reload, so a new certificate costs nobody
// a full handshake. A ticket is bound to the authorities for clients (the session id context is
// their checksum): when those change, every client proves itself anew. Tickets last an hour.

internal import COpenSSL
internal import Synchronization

/// A front's certificates and rules. For all threads.
package final class TLSServer: Sendable {
  /// Where certificate, key and authorities stand, as text.
  package struct Credentials: Sendable {
    package var identity: TLSIdentity
    /// Whoever is to be let in has a certificate of these; nil lets everybody in.
    package var clientAuthorities: PEMText?

    package init(identity: TLSIdentity, clientAuthorities: PEMText? = nil) {
      self.identity = identity
      self.clientAuthorities = clientAuthorities
    }
  }

  private static let ticketSeconds = 3_600

  /// Protocols of the front, as ALPN names them; the first that a client offers too is taken.
  package let protocols: [String]
  /// What a peer hears that does not speak TLS, in the words of the front's own protocol.
  package let answerToPlainText: [UInt8]
  package let counters = TLSCounters()
  private let context: Mutex<TLSContext>

  package init(
    _ credentials: Credentials, protocols: [String], answerToPlainText: [UInt8] = []
  ) throws(TLSSetupError) {
    self.protocols = protocols
    self.answerToPlainText = answerToPlainText
    context = Mutex(try TLSServer.makeContext(credentials, protocols))
  }

  /// Sessions from now on use these credentials; those there are stay as they are. When it throws
  /// nothing has changed.
  package func replace(_ credentials: Credentials) throws(TLSSetupError) {
    let next = try TLSServer.makeContext(credentials, protocols)
    context.withLock { current in
      _ = strata_ssl_copy_ticket_keys(current.raw, next.raw)
      current = next
    }
  }

  /// The session of a new connection; nil when memory is short.
  package func makeSession() -> TLSSession? {
    TLSSession(context.withLock { $0 }, isServer: true)
  }

  /// Unix time at which the certificate ends.
  package var expirySeconds: Int? { context.withLock { $0.expirySeconds } }

  private static func makeContext(
    _ credentials: Credentials, _ protocols: [String]
  ) throws(TLSSetupError) -> TLSContext {
    let context = try TLSContext(isServer: true, protocols: protocols)
    try context.use(credentials.identity)
    var sessionContext = Array("strata".utf8)
    if let authorities = credentials.clientAuthorities {
      try context.trust(authorities, announces: true)
      SSL_CTX_set_verify(
        context.raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
      sessionContext = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
      SHA256(authorities.bytes, authorities.bytes.count, &sessionContext)
    }
    guard
      SSL_CTX_set_session_id_context(
        context.raw, sessionContext, UInt32(sessionContext.count)) == 1
    else { throw .last("cannot start TLS") }
    SSL_CTX_set_timeout(context.raw, ticketSeconds)
    return context
  }
}

/// What became of handshakes, for metrics.
package final class TLSCounters: Sendable {
  private let done = Atomic<UInt64>(0)
  private let resumed = Atomic<UInt64>(0)
  private let failed = Atomic<UInt64>(0)

  /// Handshakes that were completed, resumed ones included.
  package var doneCount: UInt64 { done.load(ordering: .relaxed) }
  package var resumedCount: UInt64 { resumed.load(ordering: .relaxed) }
  package var failedCount: UInt64 { failed.load(ordering: .relaxed) }

  package func noteDone(isResumed: Bool) {
    done.add(1, ordering: .relaxed)
    if isResumed { resumed.add(1, ordering: .relaxed) }
  }

  package func noteFailed() { failed.add(1, ordering: .relaxed) }
}
