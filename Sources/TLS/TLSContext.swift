// What all sessions of one kind share: OpenSSL's SSL_CTX with certificates, authorities and rules.
// Immutable once it is made; a reload makes another one.
//
// Protocols: 1.3, and 1.2 with forward secrecy and authenticated ciphers only. AES-128 stands
// first: it is as safe as anyone needs and a third faster than AES-256 where processors have AES.

internal import COpenSSL

/// PEM text and where it came from, for errors.
package struct PEMText: Sendable {
  package var name: String
  package var bytes: [UInt8]

  package init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

/// A certificate with its chain, and its key.
package struct TLSIdentity: Sendable {
  package var chain: PEMText
  package var key: PEMText

  package init(chain: PEMText, key: PEMText) {
    self.chain = chain
    self.key = key
  }
}

/// Owns an SSL_CTX. Sendable: OpenSSL locks what it counts, and nothing else changes.
final class TLSContext: @unchecked Sendable {
  private static let modernCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
  private static let modernSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
  /// The longest chain of certificates a peer may present, in bytes and in steps.
  private static let peerChainByteCount = 64 << 10
  private static let peerChainDepth: Int32 = 10

  let raw: OpaquePointer
  /// Protocol names as ALPN has them on the wire: a length byte, then the name.
  private let protocols: UnsafeMutableBufferPointer<UInt8>
  /// Unix time at which the own certificate ends; nil without one.
  private(set) var expirySeconds: Int?

  init(isServer: Bool, protocols names: [String]) throws(TLSSetupError) {
    guard let raw = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
      throw .last("cannot start TLS")
    }
    self.raw = raw
    var list: [UInt8] = []
    for name in names {
      precondition((1...255).contains(name.utf8.count), "a protocol's name has 1 to 255 bytes")
      list.append(UInt8(name.utf8.count))
      list += name.utf8
    }
    protocols = .allocate(capacity: list.count)
    _ = protocols.initialize(from: list)
    SSL_CTX_set_security_level(raw, 2)
    guard strata_ssl_set_protocols(raw, TLS1_2_VERSION, 0) == 1,
      SSL_CTX_set_cipher_list(raw, TLSContext.modernCiphers) == 1,
      SSL_CTX_set_ciphersuites(raw, TLSContext.modernSuites) == 1
    else { throw .last("cannot start TLS") }
    strata_ssl_set_modes(raw)
    strata_ssl_set_max_peer_chain(raw, TLSContext.peerChainByteCount)
    SSL_CTX_set_verify_depth(raw, TLSContext.peerChainDepth)
    if isServer {
      strata_ssl_set_server_options(raw)
      strata_ssl_keep_no_sessions(raw)
      selectProtocols()
    } else {
      strata_ssl_set_client_options(raw)
      if !list.isEmpty { SSL_CTX_set_alpn_protos(raw, list, UInt32(list.count)) }
    }
  }

  deinit {
    SSL_CTX_free(raw)
    protocols.deallocate()
  }

  /// Answers ALPN: our first protocol that the client offers; none in common ends the handshake.
  /// Sessions keep the context, so what the callback is given outlives it.
  private func selectProtocols() {
    guard !protocols.isEmpty else { return }
    let context = Unmanaged.passUnretained(self).toOpaque()
    SSL_CTX_set_alpn_select_cb(
      raw,
      { _, chosen, chosenCount, offered, offeredCount, context in
        guard let context, let chosen, let chosenCount, let offered else {
          return SSL_TLSEXT_ERR_ALERT_FATAL
        }
        let ours = Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue().protocols
        var name: UnsafeMutablePointer<UInt8>?
        var count: UInt8 = 0
        let status = SSL_select_next_proto(
          &name, &count, ours.baseAddress, UInt32(ours.count), offered, offeredCount)
        guard status == OPENSSL_NPN_NEGOTIATED, let name else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        chosen.pointee = UnsafePointer(name)
        chosenCount.pointee = count
        return SSL_TLSEXT_ERR_OK
      }, context)
  }

  // MARK: - While it is made

  /// What the own side proves itself with.
  func use(_ identity: TLSIdentity) throws(TLSSetupError) {
    let chain = try TLSContext.certificates(in: identity.chain)
    defer { for certificate in chain { X509_free(certificate) } }
    guard SSL_CTX_use_certificate(raw, chain[0]) == 1 else {
      throw .last("\(identity.chain.name): the certificate is refused")
    }
    for issuer in chain.dropFirst() {
      X509_up_ref(issuer)
      guard strata_ssl_add_chain_certificate(raw, issuer) == 1 else {
        X509_free(issuer)
        throw .last("\(identity.chain.name): a certificate of the chain is refused")
      }
    }
    expirySeconds = TLSContext.seconds(of: X509_get0_notAfter(chain[0]))
    let key = try TLSContext.privateKey(in: identity.key)
    defer { EVP_PKEY_free(key) }
    guard SSL_CTX_use_PrivateKey(raw, key) == 1, SSL_CTX_check_private_key(raw) == 1 else {
      throw .last(
        "\(identity.key.name) is not the key of the certificate in \(identity.chain.name)")
    }
  }

  /// Takes certificates for the peer's authorities.
  func trust(_ authorities: PEMText, announces: Bool) throws(TLSSetupError) {
    let certificates = try TLSContext.certificates(in: authorities)
    defer { for certificate in certificates { X509_free(certificate) } }
    for certificate in certificates {
      guard X509_STORE_add_cert(SSL_CTX_get_cert_store(raw), certificate) == 1,
        !announces || SSL_CTX_add_client_CA(raw, certificate) == 1
      else { throw .last("\(authorities.name): an authority is refused") }
    }
  }

  /// All certificates of the text, at least one; the caller frees them.
  private static func certificates(in pem: PEMText) throws(TLSSetupError) -> [OpaquePointer] {
    ERR_clear_error()
    let bio = BIO_new_mem_buf(pem.bytes, Int32(clamping: pem.bytes.count))
    defer { BIO_free(bio) }
    var found: [OpaquePointer] = []
    while let certificate = PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil) {
      found.append(certificate)
    }
    // The end of the text shows as the lack of another beginning.
    let isWhole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE
    guard !found.isEmpty, isWhole else {
      for certificate in found { X509_free(certificate) }
      if isWhole { ERR_clear_error() }
      throw isWhole
        ? TLSSetupError("\(pem.name) holds no certificate (PEM: -----BEGIN CERTIFICATE-----)")
        : .last("\(pem.name) holds a certificate that cannot be read")
    }
    ERR_clear_error()
    return found
  }

  private static func privateKey(in pem: PEMText) throws(TLSSetupError) -> OpaquePointer {
    ERR_clear_error()
    let bio = BIO_new_mem_buf(pem.bytes, Int32(clamping: pem.bytes.count))
    defer { BIO_free(bio) }
    // Left alone, OpenSSL would ask the terminal for a passphrase.
    if let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) { return key }
    defer { ERR_clear_error() }
    if pem.bytes.firstRange(of: "ENCRYPTED".utf8) != nil {
      throw TLSSetupError("\(pem.name) is encrypted; give the key without a passphrase")
    }
    throw TLSSetupError("\(pem.name) holds no private key (PEM: -----BEGIN PRIVATE KEY-----)")
  }

  private static func seconds(of time: UnsafePointer<ASN1_TIME>?) -> Int? {
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    return timegm(&parts)
  }
}
