// The built programs over TLS: what curl and kvctl see, what a reload changes, what is refused.

import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct SecureFrontTests {
  private let certificates = TestCertificates.shared
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func flags(_ name: String, clientsOf authority: String? = nil) -> [String] {
    var flags = ["--tls-cert", certificates.certificate(name), "--tls-key", certificates.key(name)]
    if let authority { flags += ["--tls-client-ca", certificates.certificate(authority)] }
    return flags
  }

  private func server(_ flags: [String]) throws -> ServerProcess {
    try ServerProcess(directory: directory.path("data-\(UUID().uuidString)"), flags)
  }

  private func kvctl(_ server: ServerProcess, _ arguments: String...) throws -> ProgramResult {
    try run(Programs.path("kvctl"), ["--server", server.tcp] + arguments)
  }

  private func curl(_ arguments: String...) throws -> ProgramResult {
    try run(URL(filePath: "/usr/bin/curl"), ["-sS", "--max-time", "10"] + arguments)
  }

  private func port(_ address: String) throws -> UInt16 {
    try #require(address.split(separator: ":").last.flatMap { UInt16($0) })
  }

  // MARK: - HTTP

  @Test func `curl is served by name and by address, and told when it speaks plainly`() throws {
    let server = try server(flags("server"))
    let authority = certificates.certificate("ca")
    let port = try port(server.http)
    for host in ["127.0.0.1", "localhost"] {
      for version in ["1.3", "1.2"] {
        let answer = try curl(
          "--cacert", authority, "--tls-max", version, "https://\(host):\(port)/healthz")
        #expect(answer.status == 0, "\(host) \(version): \(answer.errors)")
      }
    }
    let stranger = try curl("https://127.0.0.1:\(port)/healthz")
    #expect(stranger.status == 60, "curl trusts what it does not know: \(stranger.errors)")
    let plain = try curl("-i", "http://127.0.0.1:\(port)/healthz")
    #expect(plain.output.contains("400 Bad Request"), "\(plain.output) \(plain.errors)")
    #expect(plain.output.contains("tls_required"))
    let metrics = try curl("--cacert", authority, "https://127.0.0.1:\(port)/metrics").output
    #expect(metrics.contains("strata_tls_handshakes_total{front=\"http\"} 5"), "\(metrics)")
    #expect(metrics.contains("strata_tls_failed_handshakes_total{front=\"http\"} 2"))
    #expect(server.stop() == 0)
  }

  /// A sanitizer keeps what is freed.
  private static let isSanitized =
    dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil

  @Test(.disabled(if: isSanitized))
  func `an idle connection costs little memory`() throws {
    let server = try server(flags("server"))
    let port = try port(server.http)
    func residentByteCount() throws -> Int {
      let path = "/proc/\(server.processIdentifier)/statm"
      let fields = try String(contentsOf: URL(filePath: path), encoding: .utf8).split(
        separator: " ")
      return (Int(fields[1]) ?? 0) * 4_096
    }
    func connect(_ count: Int) throws -> [SecureSocket] {
      try (0..<count).map { _ in
        let client = try SecureSocket(port: port)
        client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.receiveSome(1_000).count > 10)
        return client
      }
    }
    let first = try connect(50)
    let before = try residentByteCount()
    let clients = try connect(500)
    let each = (try residentByteCount() - before) / clients.count
    #expect(each <= 32 << 10, "\(each) bytes a connection")
    #expect(first.count == 50)
  }

  // MARK: - kvctl

  @Test func `kvctl works over TLS, and says what is wrong where it does not`() throws {
    let server = try server(flags("server"))
    let trust = ["--tls-ca", certificates.certificate("ca")]
    #expect(
      try kvctl(server, "table", "create", "t", "--family", "f", trust[0], trust[1]).status == 0)
    #expect(try kvctl(server, trust[0], trust[1], "put", "t", "a", "f:x=1").status == 0)
    let line = "{\"key\":\"a\",\"families\":{\"f\":{\"x\":\"1\"}}}\n"
    #expect(try kvctl(server, "--tls", trust[0], trust[1], "get", "t", "a").output == line)
    // Enough that records are many in both directions.
    let rows = (0..<20_000).map { "{\"key\":\"r\($0)\",\"families\":{\"f\":{\"x\":\"\($0)\"}}}" }
    let load = try run(
      Programs.path("kvctl"), ["--server", server.tcp] + trust + ["load", "t", "-"],
      input: Data((rows.joined(separator: "\n") + "\n").utf8))
    #expect(load.status == 0, "\(load.errors)")
    #expect(try kvctl(server, trust[0], trust[1], "count", "t").output == "20001\n")
    let untrusted = try kvctl(server, "--tls", "table", "list")
    #expect(untrusted.status == 3)
    #expect(untrusted.errors.contains("is not trusted"), "\(untrusted.errors)")
    let plain = try kvctl(server, "table", "list")
    #expect(plain.status == 1)
    #expect(plain.errors.contains("--tls"), "\(plain.errors)")
    let missing = try kvctl(server, "--tls-ca", "/nowhere/ca.pem", "table", "list")
    #expect(missing.status == 2)
    #expect(missing.errors.contains("/nowhere/ca.pem"), "\(missing.errors)")
    #expect(try kvctl(server, "--tls-cert", "x.pem", "table", "list").status == 2)
    #expect(server.stop() == 0)
  }

  @Test(
    "kvctl tells why a certificate will not do",
    arguments: [
      ("expired", "has expired"), ("named", "is not for '127.0.0.1'"),
      ("foreign", "is not trusted"),
    ])
  func badCertificate(name: String, message: String) throws {
    let server = try server(flags(name))
    let trust = certificates.certificate("ca")
    let result = try kvctl(server, "--tls-ca", trust, "table", "list")
    #expect(result.status == 3)
    #expect(result.errors.contains(message), "\(result.errors)")
    if name == "named" {
      let named = try kvctl(
        server, "--tls-ca", trust, "--tls-server-name", "strata.test", "table", "list")
      #expect(named.status == 0, "\(named.errors)")
    }
    if name == "expired" { #expect(server.log.contains("has expired")) }
  }

  @Test func `a TLS client at a plain port is told so`() throws {
    let server = try server([])
    let tcp = try kvctl(server, "--tls", "table", "list")
    #expect(tcp.status == 3)
    #expect(tcp.errors.contains("does not speak TLS"), "\(tcp.errors)")
    let http = try run(
      Programs.path("kvctl"), ["--tls", "--server", server.http, "table", "list"])
    #expect(http.status == 3)
    #expect(http.errors.contains("does not speak TLS"), "\(http.errors)")
  }

  @Test func `the HTTP port is not taken for the binary one`() throws {
    let server = try server(flags("server"))
    let result = try run(
      Programs.path("kvctl"),
      ["--tls-ca", certificates.certificate("ca"), "--server", server.http, "table", "list"])
    #expect(result.status == 3)
    #expect(result.errors.contains("not Strata's binary protocol"), "\(result.errors)")
  }

  @Test func `clients prove themselves where that is demanded`() throws {
    let server = try server(flags("server", clientsOf: "ca"))
    let trust = certificates.certificate("ca")
    func list(_ name: String?) throws -> ProgramResult {
      let identity = name.map {
        ["--tls-cert", certificates.certificate($0), "--tls-key", certificates.key($0)]
      }
      return try run(
        Programs.path("kvctl"),
        ["--server", server.tcp, "--tls-ca", trust] + (identity ?? []) + ["table", "list"])
    }
    let good = try list("client")
    #expect(good.status == 0, "\(good.errors)")
    let none = try list(nil)
    #expect(none.status == 3)
    #expect(none.errors.contains("demands a client's certificate"), "\(none.errors)")
    let stranger = try list("stranger")
    #expect(stranger.status == 3)
    #expect(stranger.errors.contains("refuses the client's certificate"), "\(stranger.errors)")
    let port = try port(server.http)
    let answer = try curl(
      "--cacert", trust, "--cert", certificates.certificate("client"), "--key",
      certificates.key("client"), "https://127.0.0.1:\(port)/healthz")
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(try curl("--cacert", trust, "https://127.0.0.1:\(port)/healthz").status != 0)
  }

  // MARK: - Reload

  @Test func `SIGHUP brings a new certificate and costs no connection`() throws {
    let certificate = directory.path("live.pem")
    let key = directory.path("live.key")
    func put(_ name: String) throws {
      for (from, to) in [
        (certificates.certificate(name), certificate), (certificates.key(name), key),
      ] {
        try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to))
      }
    }
    try put("server")
    let server = try server(["--tls-cert", certificate, "--tls-key", key])
    let port = try port(server.http)
    let old = try SecureSocket(port: port)
    func ask(_ client: SecureSocket) -> Bool {
      client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
      return String(decoding: client.receiveSome(4_096), as: UTF8.self).hasPrefix("HTTP/1.1 200")
    }
    #expect(ask(old))
    #expect(old.peerName == "localhost")
    try put("renewed")
    Glibc.kill(server.processIdentifier, SIGHUP)
    #expect(waits { server.log.contains("certificate reloaded") })
    let fresh = try SecureSocket(port: port)
    #expect(fresh.peerName == "renewed")
    #expect(ask(old) && ask(fresh))
    try Data("broken".utf8).write(to: URL(filePath: certificate))
    Glibc.kill(server.processIdentifier, SIGHUP)
    #expect(waits { server.log.contains("certificate not reloaded") })
    let later = try SecureSocket(port: port)
    #expect(later.peerName == "renewed")
    #expect(ask(old) && ask(fresh) && ask(later))
    #expect(server.stop() == 0)
  }

  private func waits(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2_000 {
      if condition() { return true }
      usleep(5_000)
    }
    return false
  }

  // MARK: - Start

  @Test func `certificates that will not do are refused before anything is touched`() throws {
    let data = directory.path("untouched")
    func refusal(_ flags: [String]) throws -> String {
      let result = try run(
        Programs.path("kvserver"),
        ["--data-dir", data, "--http", "127.0.0.1:0", "--tcp", "none", "--grpc", "none"] + flags)
      #expect(result.status == 2, "\(flags): \(result.status) \(result.errors)")
      return result.errors
    }
    let good = certificates.certificate("server")
    let key = certificates.key("server")
    #expect(try refusal(["--tls-cert", good]).contains("--tls-cert needs --tls-key"))
    #expect(try refusal(["--tls-key", key]).contains("--tls-key needs --tls-cert"))
    #expect(try refusal(["--tls-client-ca", good]).contains("--tls-client-ca needs --tls-cert"))
    let missing = try refusal(["--tls-cert", good, "--tls-key", "/nowhere/server.key"])
    #expect(missing.contains("/nowhere/server.key") && missing.contains("No such file"))
    let other = try refusal(["--tls-cert", good, "--tls-key", certificates.key("client")])
    #expect(other.contains("is not the key of the certificate"), "\(other)")
    let swapped = try refusal(["--tls-cert", key, "--tls-key", good])
    #expect(swapped.contains("holds no certificate"), "\(swapped)")
    #expect(!FileManager.default.fileExists(atPath: data))
  }

  @Test func `with a certificate other machines may be let in, and an open key is told`() throws {
    let key = directory.path("open.key")
    try Data(contentsOf: URL(filePath: certificates.key("server"))).write(to: URL(filePath: key))
    chmod(key, 0o644)
    let server = try server([
      "--http", "0.0.0.0:0", "--tls-cert", certificates.certificate("server"), "--tls-key", key,
    ])
    #expect(server.log.contains("everybody on this machine can read the private key"))
    #expect(server.http.hasPrefix("0.0.0.0:"))
    #expect(server.stop() == 0)
  }

  @Test func `the certificates of make dev-cert work both ways`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let place = directory.path("dev-cert")
    let made = try run(
      URL(filePath: "/usr/bin/make"), ["-s", "-C", root.path, "dev-cert", "DEV_CERT=\(place)"])
    try #require(made.status == 0, "\(made.errors)")
    let server = try server([
      "--tls-cert", place + "/server.pem", "--tls-key", place + "/server.key", "--tls-client-ca",
      place + "/ca.pem",
    ])
    let list = try kvctl(
      server, "--tls-ca", place + "/ca.pem", "--tls-cert", place + "/client.pem", "--tls-key",
      place + "/client.key", "table", "list")
    #expect(list.status == 0, "\(list.errors)")
    #expect(!server.log.contains("everybody on this machine"), "\(server.log)")
  }
}
