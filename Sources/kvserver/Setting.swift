// The names of the options (as flags, in the configuration file, in the environment), and the texts
// of values that are more than words.

/// An option, by its name in the configuration file.
enum Setting: String, CaseIterable {
  case dataDir = "data-dir"
  case http, tcp, grpc, config, memory, durability, demo
  case demoCompanies = "demo-companies"
  case tlsCertificate = "tls-cert"
  case tlsKey = "tls-key"
  case tlsClientAuthorities = "tls-client-ca"
  case insecure
  case logLevel = "log-level"
  case loops, spin
  case shedAfter = "shed-after"
  // Of every engine; no flags, as the defaults are right for all but tests and measurements.
  case engineMemtable = "engine.memtable"
  case engineLogFile = "engine.log-file"
  case engineTableFile = "engine.table-file"
  case engineLevel = "engine.level"
  case engineBlock = "engine.block"
  case engineCompression = "engine.compression"

  static let variablePrefix = "STRATA_"

  var flag: String { "--" + rawValue }

  var variable: String {
    Setting.variablePrefix
      + rawValue.uppercased().map { ".-".contains($0) ? "_" : String($0) }.joined()
  }
}

/// Sizes as people write them.
enum ByteSize {
  private static let units: [(name: String, byteCount: Int)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000), ("B", 1), ("", 1),
  ]

  /// Bytes of `1GiB`, `512 MiB`, `64MB` or `1048576`; nil for what is no size.
  static func byteCount(of text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    guard let number = Int(digits),
      let match = units.first(where: { $0.name.lowercased() == unit.lowercased() })
    else { return nil }
    let (byteCount, overflow) = number.multipliedReportingOverflow(by: match.byteCount)
    return overflow ? nil : byteCount
  }
}

/// Short times as people write them.
enum ShortTime {
  private static let units: [(name: String, nanoseconds: UInt64)] = [
    ("us", 1_000), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
  ]

  /// Nanoseconds of `80us`, `50ms`, `1s` or `0`; nil for what is no time up to ten seconds.
  static func nanoseconds(of text: String) -> UInt64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = UInt64(digits), number <= 10_000_000 else { return nil }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    if unit.isEmpty { return number == 0 ? 0 : nil }
    guard let match = units.first(where: { $0.name == unit }) else { return nil }
    let nanoseconds = number * match.nanoseconds
    return nanoseconds <= 10_000_000_000 ? nanoseconds : nil
  }
}
