// Connections of a TLS front: the handshake, bytes through the session, what becomes of a failure.

package import TLS

internal import Bytes

/// What makes a front a TLS front.
package struct ListenerTLS: Sendable {
  package var server: TLSServer
  /// From the accept to the end of the handshake; a connection that takes longer is closed.
  package var handshakeNanoseconds: UInt64 = 10_000_000_000
  /// Told of each failed handshake with the peer's address; on the connection's loop.
  package var onFailure: @Sendable (TLSFailure, String) -> Void = { _, _ in }

  package init(server: TLSServer) { self.server = server }
}

extension Connection {
  /// Plain bytes sealed at a time: what a slow reader leaves is held once, not twice.
  private static let sealByteCount = 256 << 10

  /// A peer that does not finish its handshake has no place here.
  func limitHandshake() {
    guard let limit = listener.tls?.handshakeNanoseconds else { return }
    handshakeTimer = loop.schedule(afterNanoseconds: limit) { [weak self] in
      guard let self, isOpen else { return }
      noteHandshakeFailure(.timedOut)
      close()
    }
  }

  /// Takes what one read brought; nothing is the end of the stream.
  func receive(_ arrived: ByteView, through tls: TLSSession) {
    // An end that was not announced may have been made by somebody in between: a cut.
    guard !arrived.isEmpty else { return close() }
    let plain = loop.plainBuffer
    let count = tls.receive(arrived, into: plain)
    noteOutput()
    switch tls.state {
    case .handshaking: return
    case .failed(let failure): return end(tls, failure)
    case .established, .ended: break
    }
    // Answers to requests for new keys that a peer does not read: nobody needs so many.
    guard tls.unsentByteCount <= Connection.highWaterByteCount else { return close() }
    if handshakeTimer != nil { finishHandshake(tls) }
    if count > 0, isReceiving {
      accept(ByteView(UnsafeRawBufferPointer(rebasing: plain[0..<count])))
    }
    if tls.state == .ended, isReceiving { endInput() }
  }

  private func finishHandshake(_ tls: TLSSession) {
    handshakeTimer?.cancel()
    handshakeTimer = nil
    listener.tls?.server.counters.noteDone(isResumed: tls.isResumed)
    admit()
  }

  /// The session is over: its alert is sent, nothing else.
  private func end(_ tls: TLSSession, _ failure: TLSFailure) {
    if handshakeTimer != nil { noteHandshakeFailure(failure) }
    if failure == .notTLS, let answer = listener.tls?.server.answerToPlainText {
      tls.answerPlainly(answer)
    }
    dropOutput()
    closeAfterFlush()
  }

  private func noteHandshakeFailure(_ failure: TLSFailure) {
    handshakeTimer?.cancel()
    handshakeTimer = nil
    guard let options = listener.tls else { return }
    options.server.counters.noteFailed()
    options.onFailure(failure, peerDescription)
  }

  /// Sends output: seals a piece and sends it, for as long as the socket takes all of it.
  func seal(through tls: TLSSession) {
    repeat {
      if sentByteCount < output.count, tls.unsentByteCount == 0 {
        let rest = output.view.dropFirst(sentByteCount)
        guard let taken = tls.seal(rest[0..<min(rest.count, Connection.sealByteCount)]),
          taken > 0 || phase == .open
        else { return close() }
        noteTaken(taken)
      }
      // Nothing sealed: the session waits for the peer.
      guard tls.unsentByteCount > 0 else { return }
      tls.noteSent(transmit(tls.unsent))
    } while !isBlocked && unsentByteCount > 0 && phase != .closed
  }
}
