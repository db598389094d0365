// Where the server is and how the way there is protected: options that every command takes.

import ArgumentParser
import Client
import Glibc
import TLS
import VFS

/// Where the server is.
struct ConnectionOptions: ParsableArguments {
  /// Far above any chain of certificates.
  private static let byteLimit = 1 << 20

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The server's binary front (default: $STRATA_SERVER, else 127.0.0.1:8085).",
      valueName: "host:port"))
  var server: String?

  @Flag(
    name: .long,
    help: "Encrypt, and verify the server's certificate; so does each option below. ($STRATA_TLS=1)"
  )
  var tls = false

  @Option(
    name: .customLong("tls-ca"),
    help: ArgumentHelp(
      "Authorities to trust, PEM (default: $STRATA_TLS_CA, else the system's).", valueName: "file"))
  var tlsAuthorities: String?

  @Option(
    name: .customLong("tls-cert"),
    help: ArgumentHelp("Certificate to show to a server that asks, PEM.", valueName: "file"))
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The certificate's private key, PEM.", valueName: "file"))
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      "The name its certificate must have (default: $STRATA_TLS_SERVER_NAME, else --server's).",
      valueName: "name"))
  var tlsServerName: String?

  /// Connects.
  func connect() throws -> StoreClient {
    let address = server ?? Self.variable("STRATA_SERVER") ?? "127.0.0.1:8085"
    return try StoreClient(connectingTo: address, tls: try security())
  }

  /// Nil for a plain connection.
  private func security() throws -> ClientTLS? {
    let authorities = tlsAuthorities ?? Self.variable("STRATA_TLS_CA")
    let name = tlsServerName ?? Self.variable("STRATA_TLS_SERVER_NAME")
    let isAsked =
      tls || authorities != nil || tlsCertificate != nil || tlsKey != nil || name != nil
      || Self.variable("STRATA_TLS") == "1"
    guard isAsked else { return nil }
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw CommandFailure.wrongCall("--tls-cert and --tls-key go together.")
    }
    do {
      let identity = try tlsCertificate.flatMap { certificate in
        try tlsKey.map { key in
          TLSIdentity(chain: try Self.text(of: certificate), key: try Self.text(of: key))
        }
      }
      return try ClientTLS(
        authorities: try authorities.map(Self.text), identity: identity, serverName: name)
    } catch let error as TLSSetupError {
      throw CommandFailure.wrongCall("\(error)")
    } catch let error as FileError {
      throw CommandFailure.wrongCall("\(error)")
    }
  }

  private static func text(of path: String) throws -> PEMText {
    PEMText(name: path, bytes: try PosixFileSystem().contents(of: path, atMost: byteLimit))
  }

  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
