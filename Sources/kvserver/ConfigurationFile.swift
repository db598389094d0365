// The configuration file.
//
//   file := line*        line := blank | # comment | key = value        key: as the flag without --
//
// A value ends with its line, without the spaces around it; quotes are part of it. Each key once.

internal import VFS

/// What a configuration file says.
struct ConfigurationFile {
  /// Largest file read: far above any use, so that a wrong path does not fill the memory.
  private static let byteLimit = 1 << 20

  /// Values with the line that says so.
  private(set) var values: [Setting: (value: String, origin: String)] = [:]

  init(path: String, files: any FileSystem) throws(ConfigurationError) {
    do {
      let file = try files.openForReading(path)
      var bytes = [UInt8](repeating: 0, count: ConfigurationFile.byteLimit + 1)
      let count = try bytes.withUnsafeMutableBytes { buffer in
        try file.read(into: buffer, at: 0, wait: .allowed) ?? 0
      }
      guard count <= ConfigurationFile.byteLimit else {
        throw ConfigurationError("\(path): longer than 1 MiB, which no configuration is")
      }
      try parse(String(decoding: bytes[..<count], as: UTF8.self), path: path)
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError("cannot read the configuration: \(error)")
    }
  }

  private mutating func parse(_ text: String, path: String) throws(ConfigurationError) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let place = "\(path):\(index + 1)"
      let content = ConfigurationFile.trimmed(line)
      if content.isEmpty || content.hasPrefix("#") { continue }
      guard let sign = content.firstIndex(of: "=") else {
        throw ConfigurationError("\(place): '\(content)' is not 'key = value'")
      }
      let key = ConfigurationFile.trimmed(content[..<sign])
      let value = ConfigurationFile.trimmed(content[content.index(after: sign)...])
      guard let setting = Setting(rawValue: String(key)), setting != .config else {
        let known = Setting.allCases.filter { $0 != .config }.map(\.rawValue)
        throw ConfigurationError(
          "\(place): unknown key '\(key)' (known: \(known.joined(separator: ", ")))")
      }
      guard values[setting] == nil else {
        throw ConfigurationError("\(place): '\(key)' stands here a second time")
      }
      values[setting] = (String(value), "\(place): \(key)")
    }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0.isWhitespace }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
