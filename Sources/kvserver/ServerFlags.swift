// The command line. Flags are optional here: what is missing may stand in the environment or in the
// configuration file.

internal import ArgumentParser

struct ServerFlags: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvserver",
    abstract: "Serves the tables of one data directory.",
    discussion: """
      Prints a line for each address it listens on, then 'ready', to standard output; the log \
      goes to standard error. SIGTERM or SIGINT: finishes what is in flight and exits with 0; a \
      second one exits at once. SIGHUP: reads the certificate files again.

      Every option also reads from the configuration file ('memory = 2GiB', one a line, # for \
      comments) and from the environment (STRATA_MEMORY=2GiB). A flag counts before the \
      environment, that before the file.

      EXAMPLES
        kvserver --data-dir /var/lib/strata
        kvserver --data-dir ./data --demo
        kvserver --data-dir ./data --http 127.0.0.1:0 --tcp none --memory 256MiB
        kvserver --data-dir ./data --http 0.0.0.0:8443 --tls-cert server.pem --tls-key server.key
        STRATA_DURABILITY=interval kvserver --config /etc/strata.conf

      EXIT CODES
        0 stopped when told to, 1 cannot start, 2 wrong call or configuration
      """
  )

  @Option(help: "Where the data lives; made when missing. The one option without a default.")
  var dataDir: String?

  @Option(
    help: ArgumentHelp(
      "Address of HTTP/JSON (default: \(Configuration.defaultHTTP)); 'none' turns it off.",
      valueName: "host:port"))
  var http: String?

  @Option(
    help: ArgumentHelp(
      "Address of the binary protocol (default: \(Configuration.defaultTCP)).",
      valueName: "host:port"))
  var tcp: String?

  @Option(
    help: ArgumentHelp(
      "Address of the Bigtable gRPC API (default: \(Configuration.defaultGRPC)); 'none': off.",
      valueName: "host:port"))
  var grpc: String?

  @Option(help: ArgumentHelp("File with further options.", valueName: "file"))
  var config: String?

  @Option(
    help: ArgumentHelp(
      "One budget for memtables, caches, indexes and requests (default: 1GiB).",
      valueName: "size"))
  var memory: String?

  @Option(
    help: ArgumentHelp(
      """
      When a write is acknowledged: 'sync' after it is on the disk, 'interval' before (at most \
      0.1 s is lost with the power), 'none' whenever the system writes it (default: sync).
      """, valueName: "sync|interval|none"))
  var durability: String?

  @Flag(inversion: .prefixedNo, help: "Fill an empty directory with the demo tables.")
  var demo: Bool?

  @Option(help: ArgumentHelp("Companies of the demo (default: 5000).", valueName: "count"))
  var demoCompanies: String?

  @Option(
    name: .customLong("tls-cert"),
    help: ArgumentHelp(
      "Certificate, then its chain, PEM: all fronts speak TLS. Read again on SIGHUP.",
      valueName: "file"))
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The certificate's private key, PEM.", valueName: "file"))
  var tlsKey: String?

  @Option(
    name: .customLong("tls-client-ca"),
    help: ArgumentHelp(
      "Authorities, PEM: clients must show a certificate that one of them signed.",
      valueName: "file"))
  var tlsClientAuthorities: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Allow addresses that other machines can reach, without encryption.")
  var insecure: Bool?

  @Option(
    help: ArgumentHelp(
      "Least level logged (default: info).",
      valueName: "trace|debug|info|notice|warning|error|critical"))
  var logLevel: String?

  @Option(help: ArgumentHelp("Event loops (default: one a core).", valueName: "count"))
  var loops: String?

  @Option(
    help: ArgumentHelp(
      """
      How long a busy loop looks for more before it sleeps: waking it again takes as long \
      (default: 80us; 0: it sleeps at once).
      """, valueName: "time"))
  var spin: String?

  @Option(
    help: ArgumentHelp(
      """
      Where requests wait longer than this for their turn, and that lasts, new ones are told to \
      come back (default: 50ms; 0: never).
      """, valueName: "time"))
  var shedAfter: String?

  /// What the command line says, by setting.
  var values: [Setting: String] {
    let given: [Setting: String?] = [
      .dataDir: dataDir, .http: http, .tcp: tcp, .grpc: grpc, .config: config, .memory: memory,
      .durability: durability, .demo: demo.map { "\($0)" }, .demoCompanies: demoCompanies,
      .tlsCertificate: tlsCertificate, .tlsKey: tlsKey,
      .tlsClientAuthorities: tlsClientAuthorities, .insecure: insecure.map { "\($0)" },
      .logLevel: logLevel, .loops: loops, .spin: spin, .shedAfter: shedAfter,
    ]
    return given.compactMapValues { $0 }
  }
}
