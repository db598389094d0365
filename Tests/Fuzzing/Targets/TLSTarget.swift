// Bytes of a TLS connection, at both of its ends. Any bytes end in one state wherever they are cut;
// whatever is changed in what a client sends, a server takes nothing that the client did not seal.

import Bytes
import TLS
import TestSupport

final class TLSTarget: FuzzTarget {
  private static let text = Array("what the client has to say, and nothing else".utf8)
  private let server: TLSServer
  private let client: TLSClient
  private let plain = UnsafeMutableRawBufferPointer.allocate(
    byteCount: (64 << 10) + TLSSession.slackByteCount, alignment: 16)

  init() throws {
    let certificates = TestCertificates.shared
    server = try TLSServer(
      TLSServer.Credentials(identity: try certificates.identity("server")), protocols: ["a/1"])
    client = try TLSClient(
      authorities: try certificates.pem(certificates.certificate("ca")), protocols: ["a/1"])
  }

  deinit { plain.deallocate() }

  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    switch parts.byte() {
    case UInt8(ascii: "s"):
      try checkCuts(parts.rest) { server.makeSession() }
    case UInt8(ascii: "c"):
      try checkCuts(parts.rest) {
        let session = client.makeSession(with: "127.0.0.1")
        session?.start()
        return session
      }
    case UInt8(ascii: "e"): try checkEdits(&parts)
    default: break
    }
  }

  // MARK: - Any bytes

  private func checkCuts(_ bytes: ByteView, _ make: () -> TLSSession?) throws(Finding) {
    guard let whole = make(), let pieces = make() else { throw Finding("no session") }
    _ = try receive(bytes, at: whole)
    var choices = bytes.choices
    var at = 0
    while at < bytes.count {
      let end = min(bytes.count, at + 1 + Int(choices.next() & 63))
      _ = try receive(bytes[at..<end], at: pieces)
      if case .failed = pieces.state { break }
      at = end
    }
    // A first byte that is no record's is told at once, whatever follows.
    let states = "\(whole.state) and \(pieces.state)"
    try require(whole.state == pieces.state, "whole and cut: \(states)")
    try require(whole.state != .established, "a handshake without keys")
  }

  private func receive(_ bytes: ByteView, at session: TLSSession) throws(Finding) -> [UInt8] {
    let before = session.state
    let count = session.receive(bytes, into: plain)
    if case .failed = before {
      try require(session.state == before && count == 0, "a session that failed goes on")
    }
    try require(session.unsentByteCount < 64 << 10, "\(session.unsentByteCount) bytes of answer")
    return Array(plain[..<count])
  }

  // MARK: - Changed bytes

  /// A client and a server talk; what the client sends is changed on its way.
  private func checkEdits(_ parts: inout FuzzInput) throws(Finding) {
    guard let near = client.makeSession(with: "127.0.0.1"), let far = server.makeSession() else {
      throw Finding("no session")
    }
    near.start()
    var taken: [UInt8] = []
    var hasSealed = false
    var edits = parts
    var isChanged = false
    for _ in 0..<6 {
      var bytes = near.unsent.array
      near.noteSent(bytes.count)
      if !edits.isAtEnd { isChanged = TLSTarget.edit(&bytes, &edits) || isChanged }
      taken += try ByteView.of(bytes) { (bytes) throws(Finding) in try receive(bytes, at: far) }
      let answer = far.unsent.array
      far.noteSent(answer.count)
      _ = try ByteView.of(answer) { (answer) throws(Finding) in try receive(answer, at: near) }
      if near.state == .established, !hasSealed {
        hasSealed = true
        _ = ByteView.of(TLSTarget.text) { near.seal($0) }
      }
    }
    try require(TLSTarget.text.starts(with: taken), "a server took \(taken)")
    try require(isChanged || taken == TLSTarget.text, "nothing was changed, and \(taken) came")
  }

  /// One change of a flight; whether it made any.
  private static func edit(_ bytes: inout [UInt8], _ edits: inout FuzzInput) -> Bool {
    let kind = edits.byte()
    guard !bytes.isEmpty, kind != 0 else { return false }
    let place = edits.number16() % bytes.count
    switch kind & 3 {
    case 0: bytes[place] ^= edits.byte() | 1
    case 1: bytes.removeLast(bytes.count - place)
    case 2: bytes.insert(contentsOf: edits.bytes(Int(kind >> 2)).array, at: place)
    default: bytes.insert(contentsOf: bytes[place...], at: place)
    }
    return true
  }
}
