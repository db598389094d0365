// What the server is told: flags before environment before file before defaults, checked as a whole
// before anything is touched.

internal import CLinux
internal import LSM
internal import Logging
internal import Net
internal import TLS
internal import VFS

/// A call or configuration that is wrong; one line that names where.
struct ConfigurationError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// How the server is to run.
struct Configuration {
  static let defaultHTTP = "127.0.0.1:8080"
  static let defaultTCP = "127.0.0.1:8085"
  static let defaultGRPC = "127.0.0.1:8086"
  /// Below this the memtables of a few tables leave nothing for the cache.
  private static let leastMemoryByteCount = 32 << 20
  /// Far above what a request waits on a server that keeps up, below what its sender waits for.
  private static let shedNanoseconds: UInt64 = 50_000_000

  let dataDirectory: String
  /// Nil when turned off.
  let http: ListenAddress?
  let tcp: ListenAddress?
  let grpc: ListenAddress?
  /// Nil when the fronts speak plainly.
  let tls: CertificateFiles?
  let memoryByteCount: Int
  let durability: Durability
  /// Companies of the demo; nil without `--demo`.
  let demoCompanyCount: Int?
  let logLevel: Logger.Level
  let loopCount: Int
  let loops: EventLoopOptions
  let engine: EngineOptions

  init(
    flags: ServerFlags, environment: [String: String],
    files: any FileSystem = PosixFileSystem()
  ) throws(ConfigurationError) {
    let values = try SettingValues(
      flags: flags.values, environment: environment, files: files)
    guard let directory = values[.dataDir]?.value, !directory.isEmpty else {
      throw ConfigurationError(
        "--data-dir is missing: it says where the data lives (also \(Setting.dataDir.variable))")
    }
    dataDirectory = directory
    tls = try values.certificateFiles(files)
    let mayBeReached = try values.flag(.insecure) || tls != nil
    http = try values.address(.http, Configuration.defaultHTTP, mayBeReached: mayBeReached)
    tcp = try values.address(.tcp, Configuration.defaultTCP, mayBeReached: mayBeReached)
    grpc = try values.address(.grpc, Configuration.defaultGRPC, mayBeReached: mayBeReached)
    memoryByteCount = try values.parsed(
      .memory, 1 << 30,
      "a size of at least 32MiB, as 1GiB, 512MiB or 64MB"
    ) { text in
      ByteSize.byteCount(of: text).flatMap { $0 >= Configuration.leastMemoryByteCount ? $0 : nil }
    }
    durability = try values.parsed(
      .durability, .sync, "one of sync, interval, none"
    ) { Durability(rawValue: $0) }
    let companies = try values.parsed(
      .demoCompanies, 5_000, "a number from 1 to 10000000"
    ) { text in Int(text).flatMap { (1...10_000_000).contains($0) ? $0 : nil } }
    demoCompanyCount = try values.flag(.demo) ? companies : nil
    logLevel = try values.parsed(
      .logLevel, .info,
      "one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))"
    ) { Logger.Level(rawValue: $0) }
    loopCount = try values.parsed(
      .loops, min(64, max(1, Int(strata_usable_cores()))), "a number from 1 to 64"
    ) { text in Int(text).flatMap { (1...64).contains($0) ? $0 : nil } }
    var loops = EventLoopOptions()
    loops.spinNanoseconds = try values.time(.spin, loops.spinNanoseconds)
    loops.shedNanoseconds = try values.time(.shedAfter, Configuration.shedNanoseconds)
    self.loops = loops
    var engine = try values.engine(
      memoryByteCount: memoryByteCount - Configuration.requestByteCount(of: memoryByteCount))
    engine.shedNanoseconds = loops.shedNanoseconds
    self.engine = engine
  }

  /// The share of the memory that requests may hold between arrival and answer.
  var requestByteCount: Int { Configuration.requestByteCount(of: memoryByteCount) }
  /// The rest: memtables and caches.
  var engineByteCount: Int { memoryByteCount - requestByteCount }

  /// An eighth, but room for a large value in each front and no more than many of them.
  private static func requestByteCount(of memoryByteCount: Int) -> Int {
    min(max(memoryByteCount / 8, 16 << 20), 512 << 20)
  }
}

/// What was said for each setting, and where.
private struct SettingValues {
  private var values: [Setting: (value: String, origin: String)] = [:]

  init(
    flags: [Setting: String], environment: [String: String], files: any FileSystem
  ) throws(ConfigurationError) {
    for setting in Setting.allCases {
      if let value = flags[setting] {
        values[setting] = (value, setting.flag)
      } else if let value = environment[setting.variable] {
        values[setting] = (value, setting.variable)
      }
    }
    guard let path = values[.config]?.value else { return }
    let file = try ConfigurationFile(path: path, files: files)
    values.merge(file.values) { said, _ in said }
  }

  subscript(setting: Setting) -> (value: String, origin: String)? { values[setting] }

  /// - Parameter expected: What the value should have been, for the error.
  func parsed<Value>(
    _ setting: Setting, _ standard: Value, _ expected: String, _ parse: (String) -> Value?
  ) throws(ConfigurationError) -> Value {
    guard let (text, origin) = values[setting] else { return standard }
    guard let value = parse(text) else {
      throw ConfigurationError("\(origin): '\(text)' is not \(expected)")
    }
    return value
  }

  /// Tuning of the engines (`engine.…`); their durability is the service's.
  func engine(memoryByteCount: Int) throws(ConfigurationError) -> EngineOptions {
    var options = EngineOptions(memoryByteCount: memoryByteCount)
    options.memtableByteCount = try size(.engineMemtable, options.memtableByteCount)
    options.logFileByteCount = UInt64(
      try size(.engineLogFile, Int(options.logFileByteCount)))
    options.tableFileByteCount = try size(.engineTableFile, options.tableFileByteCount)
    options.baseLevelByteCount = UInt64(
      try size(.engineLevel, Int(options.baseLevelByteCount)))
    options.blockByteCount = try parsed(
      .engineBlock, options.blockByteCount, "a size from 512B to 256KiB"
    ) { text in
      ByteSize.byteCount(of: text).flatMap { (512...256 << 10).contains($0) ? $0 : nil }
    }
    options.compress = try flag(.engineCompression, options.compress)
    return options
  }

  /// A size of files or memtables: below, they would be too many; above, too long in the making.
  private func size(_ setting: Setting, _ standard: Int) throws(ConfigurationError) -> Int {
    try parsed(setting, standard, "a size from 64KiB to 1GiB") { text in
      ByteSize.byteCount(of: text).flatMap { (64 << 10...1 << 30).contains($0) ? $0 : nil }
    }
  }

  /// The three files of TLS, as far as they are named; all that is named is read and checked.
  func certificateFiles(
    _ files: any FileSystem
  ) throws(ConfigurationError) -> CertificateFiles? {
    func path(_ setting: Setting) -> String? {
      values[setting].flatMap { $0.value.isEmpty ? nil : $0.value }
    }
    func mustGo(_ setting: Setting, with other: Setting) -> ConfigurationError {
      ConfigurationError(
        "\(values[setting]?.origin ?? setting.flag) needs \(other.flag) beside it")
    }
    let authorities = path(.tlsClientAuthorities)
    guard let certificate = path(.tlsCertificate) else {
      if path(.tlsKey) != nil { throw mustGo(.tlsKey, with: .tlsCertificate) }
      if authorities != nil { throw mustGo(.tlsClientAuthorities, with: .tlsCertificate) }
      return nil
    }
    guard let key = path(.tlsKey) else { throw mustGo(.tlsCertificate, with: .tlsKey) }
    let found = CertificateFiles(
      certificate: certificate, key: key, clientAuthorities: authorities, files: files)
    do throws(TLSSetupError) {
      _ = try TLSServer(try found.read(), protocols: [])
    } catch {
      throw ConfigurationError("TLS: \(error)")
    }
    return found
  }

  func time(_ setting: Setting, _ standard: UInt64) throws(ConfigurationError) -> UInt64 {
    try parsed(setting, standard, "a time as 80us, 50ms or 1s (at most 10s), or 0 for never") {
      ShortTime.nanoseconds(of: $0)
    }
  }

  func flag(
    _ setting: Setting, _ standard: Bool = false
  ) throws(ConfigurationError) -> Bool {
    try parsed(setting, standard, "true or false") { text in
      switch text {
      case "true", "1", "yes": true
      case "false", "0", "no", "": false
      default: nil
      }
    }
  }

  func address(
    _ setting: Setting, _ standard: String, mayBeReached: Bool
  ) throws(ConfigurationError) -> ListenAddress? {
    let (text, origin) = values[setting] ?? (standard, setting.flag)
    if text == "none" { return nil }
    let address: ListenAddress
    let isLoopback: Bool
    do throws(NetError) {
      address = try ListenAddress(parsing: text)
      isLoopback = try address.isLoopback()
    } catch {
      throw ConfigurationError("\(origin): \(error)")
    }
    guard isLoopback || mayBeReached else {
      throw ConfigurationError(
        "\(origin): other machines can reach \(address), and without --tls-cert what they say "
          + "is readable on the way; --insecure allows it")
    }
    return address
  }
}
