// kvctl inspect: one file of a data directory as text.

import ArgumentParser
import LSM
import VFS

/// `kvctl inspect`.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows a table file, log or manifest as text.",
    discussion: """
      The kind is told by the file's first bytes. Keys and values are shown as ASCII with \\xNN, \
      values up to 64 bytes.

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
}
