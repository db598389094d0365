// kvctl inspect: one file of a data directory as text.

import ArgumentParser
import LSM
import VFS

/// `kvctl inspect`.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows a file of a data directory as text.",
    discussion: """
      A table file, log, manifest or marker; the kind is told by the file's first bytes. The \
      catalog is an SQLite database: sqlite3 shows it. Keys and values are shown as ASCII with \
      \\xNN, values up to 64 bytes.

      Examples:
        kvctl inspect /var/lib/strata/tables/1/000042.table
        kvctl inspect /var/lib/strata/tables/1/manifest-000003
        kvctl inspect /var/lib/strata/tables/1/000001.log --limit 10
      """)

  @Argument(help: "The file.") var file: String
  @Option(name: .long, help: "Show at most that many entries, records or edits.")
  var limit: Int?

  func validate() throws {
    if let limit, limit < 0 { throw ValidationError("--limit is 0 or more.") }
  }

  func run() throws {
    var out = OutputStream()
    do {
      if try showMarker(&out) { return try out.flush() }
      try FileDump.write(file, fileSystem: PosixFileSystem(), entryLimit: limit ?? .max) { line in
        try out.line(line)
      }
    } catch let error as EngineError {
      try out.flush()
      throw CommandFailure.refused(error.explanation)
    } catch let error as FileError {
      throw CommandFailure.refused(error.description)
    }
    try out.flush()
  }

  /// Shows a data directory's marker.
  ///
  /// - Returns: False for any other file.
  private func showMarker(_ out: inout OutputStream) throws -> Bool {
    let reader = try PosixFileSystem().openForReading(file)
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = try bytes.withUnsafeMutableBytes { buffer in
      try reader.read(into: buffer, at: 0, wait: .allowed) ?? 0
    }
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    if text.hasPrefix("SQLite format 3") {
      throw CommandFailure.refused("\(file): an SQLite database. Use: sqlite3 \(file) .dump")
    }
    guard text.hasPrefix("strata data directory") else { return false }
    try out.line("marker of a data directory, \(reader.byteCount) bytes")
    for line in text.split(separator: "\n").dropFirst() {
      try out.line(DisplayText.visible(String(line)))
    }
    return true
  }
}
