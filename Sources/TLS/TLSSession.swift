// One TLS connection as a state machine without a socket: sealed bytes in, plain bytes out, and the
// other way round. The owner reads and writes the socket.
//
//   arrived ──receive──> plain bytes, and what the session itself has to say into `sealed`
//   plain   ──seal─────> `sealed` ──the owner──> socket
//
// OpenSSL reads from `arrived` and appends to `sealed` through a BIO of ours, so one read(2) serves
// all records it brought, one write(2) all records of a turn, and OpenSSL never waits for a socket.
// What arrived is always taken whole: OpenSSL keeps a part of a record at most.

package import Bytes
internal import COpenSSL
internal import Glibc

/// One side of a TLS connection. One thread at a time.
package final class TLSSession {
  /// Room beyond what arrived that `receive` needs: the part of a record that had come before.
  package static let slackByteCount = 32 << 10
  /// Bytes a peer may send in a handshake that is not done: a chain of certificates and more.
  private static let handshakeByteLimit = 160 << 10
  /// What an idle session may keep of its output.
  private static let idleByteCount = 4 << 10
  private static let handshakeRecord: UInt8 = 22
  private static let alertRecord: UInt8 = 21

  package enum State: Sendable, Equatable {
    case handshaking
    case established
    /// The peer has said that nothing more comes from it; bytes may still go to it.
    case ended
    case failed(TLSFailure)
  }

  package private(set) var state = State.handshaking
  /// True when a write waits for bytes of the peer (the rest of a message about keys).
  package private(set) var awaitsPeer = false

  fileprivate var arrived = ByteView()
  fileprivate var sealed = ByteBuffer()
  private var sentByteCount = 0
  private var handshakeByteCount = 0
  private var hasSaidEnd = false
  private let isServer: Bool
  private let raw: OpaquePointer
  /// OpenSSL calls back into it.
  private let context: TLSContext

  init?(_ context: TLSContext, isServer: Bool) {
    ERR_clear_error()
    guard let raw = SSL_new(context.raw) else { return nil }
    guard let method = SessionBIO.method, let bio = BIO_new(method) else {
      SSL_free(raw)
      return nil
    }
    self.raw = raw
    self.context = context
    self.isServer = isServer
    SSL_set_bio(raw, bio, bio)
    BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
    BIO_set_init(bio, 1)
    if isServer { SSL_set_accept_state(raw) } else { SSL_set_connect_state(raw) }
  }

  deinit { SSL_free(raw) }

  // MARK: - What was agreed

  /// True when the peer came back with a ticket of an earlier session.
  package var isResumed: Bool { SSL_session_reused(raw) == 1 }

  /// `TLSv1.3`.
  package var version: String { String(cString: SSL_get_version(raw)) }

  /// The protocol agreed on by ALPN; nil when the client offered none.
  package var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(raw, &name, &count)
    guard let name, count > 0 else { return nil }
    return String(
      decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  /// For a client, before the handshake: the name or address the certificate must be for.
  func expect(_ host: String) -> Bool {
    var address = in6_addr()
    let isAddress =
      inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
    if isAddress { return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(raw), host) == 1 }
    return SSL_set1_host(raw, host) == 1 && strata_ssl_set_host_name(raw, host) == 1
  }

  // MARK: - In

  /// Begins the handshake of a client: its first message goes to the output.
  package func start() { shakeHands() }

  /// Takes all of `bytes`; returns how many plain ones it wrote to `plain`. Ask `state` what they
  /// did, and send what is unsent.
  package func receive(_ bytes: ByteView, into plain: UnsafeMutableRawBufferPointer) -> Int {
    precondition(plain.count >= bytes.count + TLSSession.slackByteCount, "room for all of it")
    arrived = bytes
    defer { arrived = ByteView() }
    if state == .handshaking {
      guard looksLikeTLS(bytes) else {
        state = .failed(.notTLS)
        return 0
      }
      shakeHands()
      if state == .handshaking {
        handshakeByteCount += bytes.count
        if handshakeByteCount > TLSSession.handshakeByteLimit { state = .failed(.tooLong) }
      }
    }
    guard state == .established else { return 0 }
    return open(into: plain)
  }

  /// Of the very first bytes: a client begins with its hello, a server with its own or an alert.
  private func looksLikeTLS(_ bytes: ByteView) -> Bool {
    guard handshakeByteCount == 0, !bytes.isEmpty else { return true }
    return bytes[0] == TLSSession.handshakeRecord
      || (!isServer && bytes[0] == TLSSession.alertRecord)
  }

  private func shakeHands() {
    ERR_clear_error()
    let result = SSL_do_handshake(raw)
    if result == 1 {
      state = .established
    } else if SSL_get_error(raw, result) != SSL_ERROR_WANT_READ {
      state = .failed(.taken(from: raw))
    }
  }

  private func open(into plain: UnsafeMutableRawBufferPointer) -> Int {
    awaitsPeer = false
    var count = 0
    while count < plain.count {
      ERR_clear_error()
      var got = 0
      let result = SSL_read_ex(
        raw, plain.baseAddress.map { $0 + count }, plain.count - count, &got)
      count += got
      if result == 1 { continue }
      switch SSL_get_error(raw, result) {
      case SSL_ERROR_WANT_READ: return count
      case SSL_ERROR_ZERO_RETURN: state = .ended
      default: state = .failed(.taken(from: raw))
      }
      return count
    }
    // Plain bytes are fewer than sealed ones: nobody gets here.
    state = .failed(.tooLong)
    return count
  }

  // MARK: - Out

  /// Encrypts, in records as long as can be; returns how many bytes it took: fewer when
  /// `awaitsPeer`, nil when the session is over.
  package func seal(_ bytes: ByteView) -> Int? {
    guard state == .established || state == .ended, !hasSaidEnd else { return nil }
    var taken = 0
    while taken < bytes.count {
      ERR_clear_error()
      let rest = bytes.dropFirst(taken)
      var count = 0
      let result = SSL_write_ex(raw, rest.buffer.baseAddress, rest.count, &count)
      taken += count
      if result == 1 { continue }
      if SSL_get_error(raw, result) == SSL_ERROR_WANT_READ {
        awaitsPeer = true
        return taken
      }
      state = .failed(.taken(from: raw))
      return nil
    }
    return taken
  }

  /// Tells the peer that nothing more comes; true when there is something to send for that.
  package func sealEnd() -> Bool {
    guard state == .established || state == .ended, !hasSaidEnd else { return false }
    hasSaidEnd = true
    ERR_clear_error()
    _ = SSL_shutdown(raw)
    return unsentByteCount > 0
  }

  /// Sends bytes as they are: to a peer that does not speak TLS.
  package func answerPlainly(_ bytes: [UInt8]) { sealed.append(bytes) }

  /// What the socket is to take next; valid until the next call.
  package var unsent: ByteView { sealed.view.dropFirst(sentByteCount) }
  package var unsentByteCount: Int { sealed.count - sentByteCount }

  /// The socket has taken so many of `unsent`.
  package func noteSent(_ count: Int) {
    sentByteCount += count
    guard sentByteCount == sealed.count else { return }
    sealed.clear(keepingAtMost: TLSSession.idleByteCount)
    sentByteCount = 0
  }
}

/// OpenSSL's side of a session's bytes.
private enum SessionBIO {
  /// Never freed, never changed.
  nonisolated(unsafe) static let method: OpaquePointer? = {
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session") else {
      return nil
    }
    BIO_meth_set_read_ex(method) { bio, into, room, count in
      guard let session = session(of: bio), let into, let count else { return 0 }
      let taken = min(room, session.arrived.count)
      strata_bio_clear_retry(bio)
      guard taken > 0, let from = session.arrived.buffer.baseAddress else {
        strata_bio_retry_read(bio)
        return 0
      }
      memcpy(into, from, taken)
      session.arrived = session.arrived.dropFirst(taken)
      count.pointee = taken
      return 1
    }
    BIO_meth_set_write_ex(method) { bio, from, size, count in
      guard let session = session(of: bio), let from, let count else { return 0 }
      strata_bio_clear_retry(bio)
      session.sealed.append(ByteView(UnsafeRawPointer(from), count: size))
      count.pointee = size
      return 1
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    return method
  }()

  private static func session(of bio: OpaquePointer?) -> TLSSession? {
    BIO_get_data(bio).map { Unmanaged<TLSSession>.fromOpaque($0).takeUnretainedValue() }
  }
}
