// TLS fronts over real sockets: what is agreed, who is let in, what a reload changes.

import Bytes
import Glibc
import Net
import TLS
import TestSupport
import Testing

/// Runs `body` against a TLS listener that echoes, or does what `handler` does.
func withSecureListener(
  _ credentials: TLSServer.Credentials? = nil, protocols: [String] = ["http/1.1"],
  answerToPlainText: String = "", handshakeMilliseconds: UInt64 = 10_000, loops: Int = 2,
  onFailure: @escaping @Sendable (TLSFailure) -> Void = { _ in },
  handler: @escaping @Sendable (Connection) -> any ConnectionHandler = { _ in ScriptedHandler() },
  _ body: (UInt16, TLSServer) throws -> Void
) throws {
  let server = try TLSServer(
    credentials ?? TestCertificates.shared.credentials(), protocols: protocols,
    answerToPlainText: Array(answerToPlainText.utf8))
  var tls = ListenerTLS(server: server)
  tls.handshakeNanoseconds = handshakeMilliseconds * 1_000_000
  tls.onFailure = { failure, _ in onFailure(failure) }
  let group = try EventLoopGroup(count: loops)
  defer { group.shutDown(graceNanoseconds: 1_000_000_000) }
  let port = try group.listen(
    on: "127.0.0.1:0", maximumConnections: 1_000, tls: tls, handler: handler)
  try body(port, server)
}

/// Protocols by their numbers on the wire.
let tls11: Int32 = 0x0302
let tls12: Int32 = 0x0303
let tls13: Int32 = 0x0304

/// The alert that a handshake, or the first read behind it, ends with.
private func alert(_ port: UInt16, _ options: SecureOptions) -> String {
  do {
    let client = try SecureSocket(port: port, options)
    client.send("x")
    return client.endOfInput()
  } catch let failure as SecureFailure {
    return failure.alert.map { "alert \($0)" } ?? failure.description
  } catch {
    return "\(error)"
  }
}

@Suite struct TLSTests {
  private let certificates = TestCertificates.shared

  @Test(arguments: [(tls13, "TLSv1.3"), (tls12, "TLSv1.2")])
  func `bytes pass under both versions, authenticated and with forward secrecy`(
    _ newest: Int32, _ name: String
  ) throws {
    try withSecureListener { port, server in
      var options = SecureOptions(newest: newest)
      options.authority = certificates.certificate("ca")
      let client = try SecureSocket(port: port, options)
      #expect(client.version == name)
      #expect(client.cipher.contains("GCM"), "\(client.cipher)")
      client.send("hello")
      #expect(client.receiveText(5) == "hello")
      #expect(server.counters.doneCount == 1)
      #expect(server.counters.failedCount == 0)
    }
  }

  @Test func `older versions are refused`() throws {
    try withSecureListener { port, server in
      #expect(alert(port, SecureOptions(newest: tls11)) == "alert 70")
      #expect(alert(port, SecureOptions(newest: tls11 - 1)) == "alert 70")
      #expect(server.counters.failedCount == 2)
      #expect(server.counters.doneCount == 0)
    }
  }

  @Test func `the server's first protocol that the client offers is agreed on`() throws {
    try withSecureListener(protocols: ["h2", "http/1.1"]) { port, _ in
      func agreed(_ offered: [String]) throws -> String? {
        try SecureSocket(port: port, SecureOptions(protocols: offered)).applicationProtocol
      }
      let (both, old, none) = (
        try agreed(["http/1.1", "h2"]), try agreed(["http/1.0", "http/1.1"]), try agreed([])
      )
      #expect(both == "h2")
      #expect(old == "http/1.1")
      #expect(none == nil)
      #expect(alert(port, SecureOptions(protocols: ["strata/1"])) == "alert 120")
    }
  }

  @Test(arguments: [tls13, tls12])
  func `a ticket resumes on any loop, and after a reload`(_ newest: Int32) throws {
    try withSecureListener(loops: 3) { port, server in
      var options = SecureOptions(newest: newest)
      let first = try SecureSocket(port: port, options)
      first.send("x")
      #expect(first.receiveText(1) == "x")
      #expect(!first.isResumed)
      options.session = first.session
      for _ in 0..<6 {
        let again = try SecureSocket(port: port, options)
        again.send("y")
        #expect(again.receiveText(1) == "y")
        #expect(again.isResumed)
      }
      #expect(server.counters.resumedCount == 6)
      try server.replace(certificates.credentials("renewed"))
      let later = try SecureSocket(port: port, options)
      later.send("z")
      #expect(later.receiveText(1) == "z")
      #expect(later.isResumed)
    }
  }

  @Test func `a reload changes new connections and no old one`() throws {
    try withSecureListener { port, server in
      let before = try SecureSocket(port: port)
      before.send("a")
      #expect(before.receiveText(1) == "a")
      try server.replace(certificates.credentials("renewed"))
      let after = try SecureSocket(port: port)
      #expect(after.peerName == "renewed")
      before.send("b")
      #expect(before.receiveText(1) == "b")
      #expect(before.peerName == "localhost")
      // What does not fit changes nothing.
      var broken = try certificates.credentials("server")
      broken.identity.key = try certificates.pem(certificates.key("client"))
      #expect(throws: TLSSetupError.self) { try server.replace(broken) }
      #expect(try SecureSocket(port: port).peerName == "renewed")
    }
  }

  @Test(arguments: [tls13, tls12])
  func `clients need a certificate of the right authority where one is demanded`(
    _ newest: Int32
  ) throws {
    try withSecureListener(certificates.credentials(clientsOf: "ca")) { port, server in
      func options(_ name: String?) -> SecureOptions {
        var options = SecureOptions(newest: newest)
        options.identity = name.map { (certificates.certificate($0), certificates.key($0)) }
        return options
      }
      let client = try SecureSocket(port: port, options("client"))
      client.send("x")
      #expect(client.receiveText(1) == "x")
      // TLS 1.3 has an alert of its own for none.
      #expect(alert(port, options(nil)) == (newest == tls13 ? "alert 116" : "alert 40"))
      #expect(alert(port, options("stranger")) == "alert 48")
      #expect(alert(port, options("expired")) == "alert 45")
      #expect(server.counters.failedCount == 3)
      // Who was let in may come back by ticket, until other authorities count.
      var again = options("client")
      again.session = client.session
      let resumed = try SecureSocket(port: port, again)
      #expect(resumed.isResumed)
      again.identity = nil
      try server.replace(certificates.credentials(clientsOf: "other-ca"))
      #expect(alert(port, again) == (newest == tls13 ? "alert 116" : "alert 40"))
    }
  }

  @Test func `keys and certificates that do not fit are refused in one line`() throws {
    func refusal(_ identity: TLSIdentity) -> String {
      let error = #expect(throws: TLSSetupError.self) {
        try TLSServer(TLSServer.Credentials(identity: identity), protocols: [])
      }
      return error?.description ?? ""
    }
    let good = try certificates.identity("server")
    let text = Array("no PEM".utf8)
    var identity = good
    identity.chain.bytes = text
    #expect(refusal(identity).contains("holds no certificate"))
    identity.chain.bytes = Array(good.chain.bytes.dropLast(100))
    #expect(refusal(identity).contains("cannot be read"))
    identity = good
    identity.key.bytes = text
    #expect(refusal(identity).contains("holds no private key"))
    identity.key.bytes = Array(
      """
      -----BEGIN ENCRYPTED PRIVATE KEY-----
      MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg
      -----END ENCRYPTED PRIVATE KEY-----

      """.utf8)
    #expect(refusal(identity).contains("encrypted"))
    identity = good
    identity.key = try certificates.pem(certificates.key("client"))
    #expect(refusal(identity).contains("is not the key of the certificate"))
    #expect(!refusal(identity).contains("\n"))
  }
}
