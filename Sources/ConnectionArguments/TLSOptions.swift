// How connections to a server are encrypted: the same options and variables in every program that
// connects to one.

internal import ArgumentParser
internal import Glibc
package import TLS
internal import VFS

/// `--tls` and its kin.
package struct TLSOptions: ParsableArguments {
  /// Far above any chain of certificates.
  private static let byteLimit = 1 << 20

  @Flag(
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

  /// The options that take a value.
  package static let names = ["--tls-ca", "--tls-cert", "--tls-key", "--tls-server-name"]

  package init() {}

  package func validate() throws {
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-cert and --tls-key go together.")
    }
  }

  /// What a connection is to be encrypted with.
  package struct Rules {
    /// Nil for the system's.
    package var authorities: PEMText?
    package var identity: TLSIdentity?
    /// What the certificate must be for; nil for the host connected to.
    package var serverName: String?
  }

  /// Reads the files; nil for plain connections.
  ///
  /// - Throws: `FileError`.
  package func rules() throws -> Rules? {
    let authorities = tlsAuthorities ?? Self.variable("STRATA_TLS_CA")
    let serverName = tlsServerName ?? Self.variable("STRATA_TLS_SERVER_NAME")
    let isAsked =
      tls || authorities != nil || tlsCertificate != nil || serverName != nil
      || Self.variable("STRATA_TLS") == "1"
    guard isAsked else { return nil }
    let identity = try tlsCertificate.flatMap { certificate in
      try tlsKey.map { key in
        TLSIdentity(chain: try Self.text(of: certificate), key: try Self.text(of: key))
      }
    }
    return Rules(
      authorities: try authorities.map(Self.text), identity: identity, serverName: serverName)
  }

  private static func text(of path: String) throws -> PEMText {
    PEMText(name: path, bytes: try PosixFileSystem().contents(of: path, atMost: byteLimit))
  }

  /// A variable of the environment; nil where it is empty.
  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
