// The files of TLS, and the fronts that serve what is in them. SIGHUP reads the files again: new
// connections get the new certificate, those there are stay; files that do not fit change nothing.

internal import BinaryAPI
internal import Glibc
internal import HTTPAPI
internal import Logging
internal import Net
internal import TLS
internal import VFS

/// Where certificate, key and authorities for clients lie.
struct CertificateFiles: Sendable {
  /// Far above any chain of certificates.
  private static let byteLimit = 1 << 20

  let certificate: String
  let key: String
  let clientAuthorities: String?
  let files: any FileSystem

  func read() throws(TLSSetupError) -> TLSServer.Credentials {
    TLSServer.Credentials(
      identity: TLSIdentity(chain: try text(of: certificate), key: try text(of: key)),
      clientAuthorities: try clientAuthorities.map { path throws(TLSSetupError) in
        try text(of: path)
      })
  }

  /// True when everybody on this machine may read the key.
  var isKeyOpenToAll: Bool {
    var status = stat()
    return stat(key, &status) == 0 && status.st_mode & (S_IROTH | S_IWOTH) != 0
  }

  private func text(of path: String) throws(TLSSetupError) -> PEMText {
    do throws(FileError) {
      let bytes = try files.contents(of: path, atMost: CertificateFiles.byteLimit)
      return PEMText(name: path, bytes: bytes)
    } catch {
      throw TLSSetupError("\(error)")
    }
  }
}

/// TLS of all fronts.
struct SecureFronts: Sendable {
  let http: TLSServer
  let tcp: TLSServer
  let grpc: TLSServer
  private let source: CertificateFiles
  private let logger: Logger

  init(_ source: CertificateFiles, logger: Logger) throws(TLSSetupError) {
    self.source = source
    self.logger = logger
    let credentials = try source.read()
    http = try TLSServer(
      credentials, protocols: ["http/1.1"], answerToPlainText: HTTPFront.answerToPlainText)
    tcp = try TLSServer(
      credentials, protocols: ["strata/1"], answerToPlainText: BinaryFront.answerToPlainText)
    // A client of HTTP/2 that speaks plainly hears nothing it could read.
    grpc = try TLSServer(credentials, protocols: ["h2"], answerToPlainText: [])
    tell("certificate loaded")
  }

  /// Nil without certificate files.
  static func made(
    of source: CertificateFiles?, logger: Logger
  ) throws(StartFailure) -> SecureFronts? {
    guard let source else { return nil }
    do throws(TLSSetupError) {
      return try SecureFronts(source, logger: logger)
    } catch {
      throw StartFailure("TLS: \(error)")
    }
  }

  /// How a front listens.
  func listener(_ server: TLSServer) -> ListenerTLS {
    var options = ListenerTLS(server: server)
    let logger = logger
    options.onFailure = { failure, peer in
      logger.debug("TLS handshake failed", metadata: ["peer": "\(peer)", "cause": "\(failure)"])
    }
    return options
  }

  var figures: [HandshakeFigures] {
    [("http", http), ("tcp", tcp), ("grpc", grpc)].map { name, server in
      HandshakeFigures(
        front: name, done: server.counters.doneCount, resumed: server.counters.resumedCount,
        failed: server.counters.failedCount)
    }
  }

  /// Takes over what the files hold now, or says why not.
  func reload() {
    do throws(TLSSetupError) {
      let credentials = try source.read()
      try http.replace(credentials)
      try tcp.replace(credentials)
      try grpc.replace(credentials)
    } catch {
      logger.error(
        "certificate not reloaded, the one before stays", metadata: ["cause": "\(error)"])
      return
    }
    tell("certificate reloaded")
  }

  private func tell(_ message: Logger.Message) {
    let left = http.expirySeconds.map { $0 - time(nil) } ?? 0
    logger.info(
      message,
      metadata: ["file": "\(source.certificate)", "days-left": "\(max(0, left / 86_400))"])
    if left <= 0 {
      logger.error("the certificate has expired", metadata: ["file": "\(source.certificate)"])
    }
    if source.isKeyOpenToAll {
      logger.warning(
        "everybody on this machine can read the private key; chmod 600 it",
        metadata: ["file": "\(source.key)"])
    }
  }
}
