// Records of TLS 1.3 made by hand, from the secret of a real session: messages cut where no library
// would cut them. RFC 8446, sections 5.2, 5.3 and 7.1, for TLS_AES_128_GCM_SHA256 alone.

internal import COpenSSL
internal import Glibc

/// The client's writing side of one session.
final class RecordForge {
  private var secret: [UInt8] = []
  private var sequence: UInt64 = 0

  /// Learns the secret when the handshake of the context's session is done.
  func listen(to context: OpaquePointer) {
    SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(self).toOpaque())
    SSL_CTX_set_keylog_callback(context) { session, line in
      guard let line, let place = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), 0) else { return }
      let words = String(cString: line).split(separator: " ")
      guard words.count == 3, words[0] == "CLIENT_TRAFFIC_SECRET_0" else { return }
      let digits = Array(words[2].utf8)
      Unmanaged<RecordForge>.fromOpaque(place).takeUnretainedValue().secret = stride(
        from: 0, to: digits.count - 1, by: 2
      ).compactMap { UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) }
    }
  }

  /// HKDF-Expand-Label with an empty context, at most one block of SHA-256.
  private func expand(_ label: String, _ count: Int) -> [UInt8] {
    let name = Array("tls13 \(label)".utf8)
    let info = [0, UInt8(count), UInt8(name.count)] + name + [0, 1]
    var block = [UInt8](repeating: 0, count: 32)
    HMAC(EVP_sha256(), secret, Int32(secret.count), info, info.count, &block, nil)
    return Array(block.prefix(count))
  }

  func record(type: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    let inner = bytes + [type]
    let size = inner.count + 16
    let header: [UInt8] = [23, 3, 3, UInt8(size >> 8), UInt8(size & 0xff)]
    var nonce = expand("iv", 12)
    for place in 0..<8 { nonce[11 - place] ^= UInt8(truncatingIfNeeded: sequence >> (8 * place)) }
    sequence += 1
    var sealed = [UInt8](repeating: 0, count: inner.count)
    var sum = [UInt8](repeating: 0, count: 16)
    var count: Int32 = 0
    let cipher = EVP_CIPHER_CTX_new()
    defer { EVP_CIPHER_CTX_free(cipher) }
    EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), nil, expand("key", 16), nonce)
    EVP_EncryptUpdate(cipher, nil, &count, header, Int32(header.count))
    EVP_EncryptUpdate(cipher, &sealed, &count, inner, Int32(inner.count))
    EVP_EncryptFinal_ex(cipher, &sum, &count)
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, &sum)
    return header + sealed + sum
  }
}
