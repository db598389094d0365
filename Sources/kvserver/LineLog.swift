// The log: a line an event to standard error.
//
//   2026-11-22T22:10:04.123Z info flushed bytes=1048576 directory=/data/tables/1 ms=12

internal import Glibc
internal import Logging
internal import Runtime

/// Writes log lines.
struct LineLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level

  init(level: Logger.Level) { logLevel = level }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var line = "\(LineLog.timestamp()) \(event.level.rawValue) \(event.message)"
    let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
      line += " \(key)=\(LineLog.quoted("\(value)"))"
    }
    StandardStreams.printError(line.map { $0 == "\n" ? " " : String($0) }.joined())
  }

  /// A value with spaces in quotes, so that a line splits into fields.
  private static func quoted(_ value: String) -> String {
    guard value.isEmpty || value.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else {
      return value
    }
    return "\"" + value.map { $0 == "\"" ? "\\\"" : String($0) }.joined() + "\""
  }

  private static func timestamp() -> String {
    let now = SystemTime().wallMicroseconds
    var seconds = time_t(now / 1_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    let date = [
      padded(Int(parts.tm_year) + 1_900, 4), padded(Int(parts.tm_mon) + 1, 2),
      padded(Int(parts.tm_mday), 2),
    ].joined(separator: "-")
    let clock = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)]
      .map { padded($0, 2) }.joined(separator: ":")
    return "\(date)T\(clock).\(padded(Int(now / 1_000 % 1_000), 3))Z"
  }
}
