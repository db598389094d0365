// Why a session failed, and why a context could not be made: what OpenSSL left in its error queue,
// in words. The queue belongs to the thread, so whoever looks at it empties it.

internal import COpenSSL

/// Why a session ended early.
package enum TLSFailure: Error, Sendable, Equatable {
  /// What came first was no TLS at all.
  case notTLS
  /// The peer's certificate does not stand up; the number is X.509's verification result.
  case certificate(code: Int, text: String)
  /// The peer gave up and said why; the number is TLS's alert.
  case alert(code: Int, text: String)
  /// No protocol, cipher, version or name in common, or bytes that are wrong.
  case refused(String)
  /// More bytes in the handshake than one needs.
  case tooLong
  /// The peer took too long.
  case timedOut

  /// What the peer's certificate is rejected for, where that is the cause.
  package var isExpired: Bool { isCertificate(X509_V_ERR_CERT_HAS_EXPIRED) }
  package var isWrongName: Bool {
    isCertificate(X509_V_ERR_HOSTNAME_MISMATCH) || isCertificate(X509_V_ERR_IP_ADDRESS_MISMATCH)
  }

  private func isCertificate(_ wanted: Int32) -> Bool {
    if case .certificate(let code, _) = self { return code == Int(wanted) }
    return false
  }

  /// The cause of a call that has just failed on this thread.
  static func taken(from session: OpaquePointer) -> TLSFailure {
    defer { ERR_clear_error() }
    let code = ERR_peek_error()
    let reason = Int(ERR_GET_REASON(code))
    let verified = SSL_get_verify_result(session)
    if reason == Int(SSL_R_CERTIFICATE_VERIFY_FAILED), verified != Int(X509_V_OK) {
      let text = String(cString: X509_verify_cert_error_string(verified))
      return .certificate(code: verified, text: text)
    }
    let text = TLSFailure.text(of: code)
    // OpenSSL gives a received alert the reason 1000 + its number.
    if reason > 1_000, reason < 1_256, ERR_GET_LIB(code) == Int32(ERR_LIB_SSL) {
      return .alert(code: reason - 1_000, text: text)
    }
    return .refused(text)
  }

  static func text(of code: UInt) -> String {
    guard code != 0 else { return "no reason given" }
    guard let text = ERR_reason_error_string(code) else { return "error \(code)" }
    return String(cString: text)
  }
}

extension TLSFailure: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notTLS: "the peer does not speak TLS"
    case .certificate(_, let text): "the peer's certificate: \(text)"
    case .alert(let code, let text): "the peer ended the session: \(text) (alert \(code))"
    case .refused(let text): text
    case .tooLong: "the handshake is too long"
    case .timedOut: "the handshake took too long"
    }
  }
}

/// A certificate, a key or a list of authorities that cannot be used. One line.
package struct TLSSetupError: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }

  /// With the reason the last call on this thread left.
  static func last(_ description: String) -> TLSSetupError {
    defer { ERR_clear_error() }
    return TLSSetupError("\(description): \(TLSFailure.text(of: ERR_peek_last_error()))")
  }
}
