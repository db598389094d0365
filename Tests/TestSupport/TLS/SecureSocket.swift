// A TLS client for tests, made on OpenSSL's own socket calls and so of nothing that it tests:
// blocking, with every knob that a bad or an old client would turn.

internal import COpenSSL
internal import Glibc

/// A handshake or a session that ended; what OpenSSL says about it.
package struct SecureFailure: Error, CustomStringConvertible {
  package let description: String
  /// The alert that the peer sent.
  package let alert: Int?
}

/// How a test's client behaves.
package struct SecureOptions {
  package var oldest: Int32 = 0
  package var newest: Int32 = 0
  package var protocols: [String] = []
  /// Authority for the server; nil trusts anybody.
  package var authority: String?
  /// Certificate and key.
  package var identity: (certificate: String, key: String)?
  package var session: SecureSession?
  package var receiveBufferByteCount: Int32?
  package init() {}
  package init(newest: Int32) {
    self.newest = newest
    oldest = min(newest, TLS1_2_VERSION)
  }
  package init(protocols: [String]) { self.protocols = protocols }
  package init(identity: (certificate: String, key: String)?) { self.identity = identity }
}

/// A ticket to come back with.
package final class SecureSession: @unchecked Sendable {
  fileprivate let raw: OpaquePointer
  fileprivate init(_ raw: OpaquePointer) { self.raw = raw }
  deinit { SSL_SESSION_free(raw) }
}

/// A blocking TLS connection.
package final class SecureSocket {
  package let socket: BlockingSocket
  private let context: OpaquePointer
  private let raw: OpaquePointer
  private let forge = RecordForge()

  package init(port: UInt16, _ options: SecureOptions = SecureOptions()) throws {
    signal(SIGPIPE, SIG_IGN)
    socket = try BlockingSocket(port: port, receiveBufferByteCount: options.receiveBufferByteCount)
    guard let context = SSL_CTX_new(TLS_client_method()), let raw = SecureSocket.make(context)
    else {
      throw SecureFailure(description: "no memory", alert: nil)
    }
    self.context = context
    self.raw = raw
    try apply(options)
    ERR_clear_error()
    let status = SSL_connect(raw)
    guard status == 1 else { throw failure() }
  }

  deinit {
    // Else OpenSSL takes the session for broken and its ticket for spent.
    SSL_set_shutdown(raw, SSL_SENT_SHUTDOWN)
    SSL_free(raw)
    SSL_CTX_free(context)
  }

  private static func make(_ context: OpaquePointer) -> OpaquePointer? {
    // Old protocols are offered at level 0 only.
    SSL_CTX_set_security_level(context, 0)
    return SSL_new(context)
  }

  private func apply(_ options: SecureOptions) throws {
    var list: [UInt8] = []
    for name in options.protocols { list += [UInt8(name.utf8.count)] + name.utf8 }
    if !list.isEmpty { SSL_set_alpn_protos(raw, list, UInt32(list.count)) }
    guard strata_ssl_set_session_protocols(raw, options.oldest, options.newest) == 1 else {
      throw failure()
    }
    if let authority = options.authority {
      SSL_CTX_load_verify_file(context, authority)
      SSL_set_verify(raw, SSL_VERIFY_PEER, nil)
    }
    if let (certificate, key) = options.identity {
      SSL_use_certificate_file(raw, certificate, SSL_FILETYPE_PEM)
      guard SSL_use_PrivateKey_file(raw, key, SSL_FILETYPE_PEM) == 1 else { throw failure() }
    }
    if let session = options.session { SSL_set_session(raw, session.raw) }
    SSL_set_fd(raw, socket.descriptor)
    forge.listen(to: context)
  }

  /// A record that OpenSSL would not make, under TLS 1.3, to be sent on the plain socket. All that
  /// is sent in this session must be such records.
  package func forged(type: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    forge.record(type: type, bytes)
  }

  private func failure() -> SecureFailure {
    let code = ERR_peek_error()
    let reason = Int(ERR_GET_REASON(code))
    let text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "ended"
    ERR_clear_error()
    return SecureFailure(
      description: text, alert: (1_000..<1_256).contains(reason) ? reason - 1_000 : nil)
  }

  // MARK: - What was agreed

  package var version: String { String(cString: SSL_get_version(raw)) }
  package var isResumed: Bool { SSL_session_reused(raw) == 1 }
  package var cipher: String { String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(raw))) }

  package var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(raw, &name, &count)
    guard let name, count > 0 else { return nil }
    return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  /// The ticket, once something has been read.
  package var session: SecureSession? { SSL_get1_session(raw).map { SecureSession($0) } }

  /// The common name in the server's certificate.
  package var peerName: String {
    guard let certificate = SSL_get1_peer_certificate(raw) else { return "" }
    defer { X509_free(certificate) }
    var text = [CChar](repeating: 0, count: 256)
    let count = X509_NAME_get_text_by_NID(
      X509_get_subject_name(certificate), NID_commonName, &text, 256)
    return String(
      decoding: text.prefix(Int(max(0, count))).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  // MARK: - Bytes

  /// Sends all, or what the peer takes before it closes.
  @discardableResult
  package func send(_ bytes: [UInt8]) -> Bool {
    ERR_clear_error()
    return bytes.isEmpty || SSL_write(raw, bytes, Int32(bytes.count)) == Int32(bytes.count)
  }

  @discardableResult
  package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// What there is, at most `count` bytes; empty at the end or when patience is.
  package func receiveSome(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    ERR_clear_error()
    let got = SSL_read(raw, &bytes, Int32(count))
    return Array(bytes.prefix(Int(max(0, got))))
  }

  package func receive(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = receiveSome(min(count - bytes.count, 1 << 20))
      if more.isEmpty { break }
      bytes += more
    }
    return bytes
  }

  package func receiveText(_ count: Int) -> String {
    String(decoding: receive(count), as: UTF8.self)
  }

  /// Why the next read brings nothing: "end" when the server said so, an alert, or a cut.
  package func endOfInput() -> String {
    var byte: UInt8 = 0
    ERR_clear_error()
    let got = SSL_read(raw, &byte, 1)
    if got > 0 { return "more" }
    if SSL_get_error(raw, got) == SSL_ERROR_ZERO_RETURN { return "end" }
    let failure = failure()
    return failure.alert.map { "alert \($0)" } ?? failure.description
  }

  /// Says that nothing more comes; answers may still.
  package func endSending() { SSL_shutdown(raw) }

  /// Asks for new keys: TLS 1.3 for the writing side, or both.
  package func updateKeys(both: Bool) -> Bool {
    SSL_key_update(raw, both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1
      && SSL_do_handshake(raw) == 1
  }

  /// Asks for a new handshake in TLS 1.2; true when it was granted.
  package func renegotiate() -> Bool {
    SSL_renegotiate(raw) == 1 && SSL_do_handshake(raw) == 1
      && SSL_renegotiate_pending(raw) == 0
  }
}
