// How connections are encrypted: the options of kvctl, by the same names.

import ArgumentParser
import Client
import Foundation
import TLS

struct SecurityOptions: ParsableArguments {
  @Flag(help: "Encrypt, and verify the server's certificate; so does each option below.")
  var tls = false

  @Option(
    name: .customLong("tls-ca"),
    help: ArgumentHelp(
      "Authorities to trust, PEM (default: the system's).", valueName: "file"))
  var tlsAuthorities: String?

  @Option(
    name: .customLong("tls-cert"),
    help: ArgumentHelp("Certificate to show to a server that asks, PEM.", valueName: "file"))
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The certificate's private key, PEM.", valueName: "file"))
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      "The name its certificate must have (default: --server's).", valueName: "name"))
  var tlsServerName: String?

  func validate() throws {
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-cert and --tls-key go together.")
    }
  }

  /// Nil for plain connections.
  func security(_ front: Front) throws -> LoadSecurity? {
    let isAsked = tls || [tlsAuthorities, tlsCertificate, tlsServerName].contains { $0 != nil }
    guard isAsked else { return nil }
    let authorities = try tlsAuthorities.map(SecurityOptions.text)
    let identity = try tlsCertificate.flatMap { certificate in
      try tlsKey.map { key in
        TLSIdentity(
          chain: try SecurityOptions.text(of: certificate), key: try SecurityOptions.text(of: key))
      }
    }
    do throws(TLSSetupError) {
      return LoadSecurity(
        client: try TLSClient(
          authorities: authorities, identity: identity,
          protocols: [front == .tcp ? "strata/1" : "http/1.1"]),
        store: try ClientTLS(
          authorities: authorities, identity: identity, serverName: tlsServerName),
        serverName: tlsServerName)
    } catch {
      throw BenchmarkFailure("\(error)")
    }
  }

  private static func text(of path: String) throws -> PEMText {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw BenchmarkFailure("\(path) cannot be read.")
    }
    return PEMText(name: path, bytes: Array(bytes))
  }
}
