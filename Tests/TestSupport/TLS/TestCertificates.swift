// Certificates made for one run of the tests, by OpenSSL's command, and gone with it.

import Foundation
package import TLS

/// Authorities, servers and clients; a file each, PEM.
package final class TestCertificates: Sendable {
  /// Made at the first use. The directory is the process's own.
  package static let shared: TestCertificates = {
    do { return try TestCertificates() } catch { preconditionFailure("openssl: \(error)") }
  }()

  private let directory: URL

  /// name │ authority or "-" for itself │ subject │ days │ extensions
  private static let all = """
    ca -         /CN=Strata+test+authority 30 basicConstraints=critical,CA:TRUE
    other-ca -   /CN=Another+authority     30 basicConstraints=critical,CA:TRUE
    server ca    /CN=localhost 30 subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
    renewed ca   /CN=renewed   30 subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
    named ca     /CN=other     30 subjectAltName=DNS:strata.test
    foreign other-ca /CN=foreign 30 subjectAltName=DNS:localhost,IP:127.0.0.1
    client ca    /CN=client    30 extendedKeyUsage=clientAuth
    stranger other-ca /CN=stranger 30 extendedKeyUsage=clientAuth
    """

  private init() throws {
    directory = FileManager.default.temporaryDirectory
      .appending(path: "strata-certificates-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    atexit {
      try? FileManager.default.removeItem(at: TestCertificates.shared.directory)
    }
    for line in TestCertificates.all.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      var arguments = TestCertificates.request(words[0], words[2], words[4])
      if words[1] == "-" {
        arguments += ["-x509", "-days", words[3]]
      } else {
        arguments += ["-x509", "-days", words[3], "-CA", "\(words[1]).pem"]
        arguments += ["-CAkey", "\(words[1]).key", "-addext", "basicConstraints=critical,CA:FALSE"]
      }
      try openssl(arguments)
    }
    try makeExpired()
  }

  private static func request(_ name: String, _ subject: String, _ extensions: String) -> [String] {
    [
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
      "\(name).key", "-out", "\(name).pem", "-subj",
      subject.replacing("+", with: " "), "-addext", extensions,
    ]
  }

  /// `req` gives no end in the past; `ca` does.
  private func makeExpired() throws {
    try Data().write(to: directory.appending(path: "index.txt"))
    try Data(
      """
      [ca]
      default_ca = here
      [here]
      database = index.txt
      new_certs_dir = .
      rand_serial = yes
      default_md = sha256
      policy = any
      copy_extensions = copy
      [any]
      commonName = supplied
      """.utf8
    ).write(to: directory.appending(path: "ca.cnf"))
    var request = TestCertificates.request(
      "expired", "/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    request[request.firstIndex(of: "expired.pem") ?? 0] = "expired.csr"
    try openssl(request)
    try openssl([
      "ca", "-config", "ca.cnf", "-batch", "-notext", "-cert", "ca.pem", "-keyfile", "ca.key",
      "-in", "expired.csr", "-out", "expired.pem", "-startdate", "20200101000000Z", "-enddate",
      "20200201000000Z",
    ])
  }

  private func openssl(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/openssl")
    process.arguments = arguments
    process.currentDirectoryURL = directory
    let log = directory.appending(path: "log")
    try Data().write(to: log)
    let output = try FileHandle(forWritingTo: log)
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CertificateFailure(text: try String(contentsOf: log, encoding: .utf8))
    }
  }

  // MARK: - Files

  /// Path of `ca`, `server`, … as a certificate.
  package func certificate(_ name: String) -> String {
    directory.appending(path: "\(name).pem").path
  }

  package func key(_ name: String) -> String { directory.appending(path: "\(name).key").path }

  package func pem(_ path: String) throws -> PEMText {
    PEMText(name: path, bytes: Array(try Data(contentsOf: URL(filePath: path))))
  }

  package func identity(_ name: String) throws -> TLSIdentity {
    TLSIdentity(chain: try pem(certificate(name)), key: try pem(key(name)))
  }

  /// What a server of this name is made with.
  package func credentials(
    _ name: String = "server", clientsOf authority: String? = nil
  ) throws -> TLSServer.Credentials {
    TLSServer.Credentials(
      identity: try identity(name),
      clientAuthorities: try authority.map { try pem(certificate($0)) })
  }
}

struct CertificateFailure: Error {
  let text: String
}
