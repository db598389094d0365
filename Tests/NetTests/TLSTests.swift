// TLS fronts over real sockets: what is agreed, what is refused, what bytes do.

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

let tls10: Int32 = 0x0301
let tls11: Int32 = 0x0302
let tls12: Int32 = 0x0303
let tls13: Int32 = 0x0304

@Suite struct TLSTests {
  @Test(arguments: [(tls13, "TLSv1.3"), (tls12, "TLSv1.2")])
  func `bytes pass under both versions, authenticated and with forward secrecy`(
    _ newest: Int32, _ name: String
  ) throws {
    try withSecureListener { port, server in
      var options = SecureOptions(newest: newest)
      options.authority = TestCertificates.shared.certificate("ca")
      let client = try SecureSocket(port: port, options)
      #expect(client.version == name)
      #expect(client.cipher.contains("GCM"), "\(client.cipher)")
      client.send("hello")
      #expect(client.receiveText(5) == "hello")
      #expect(server.counters.doneCount == 1)
      #expect(server.counters.failedCount == 0)
    }
  }
}
