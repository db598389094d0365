// kvctl check: reads a data directory that no server has open and looks for damage.

import ArgumentParser
import Glibc
import LSM
import Tablets
import VFS

/// `kvctl check`.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Verifies a data directory offline; writes nothing.",
    discussion: """
      Reads the marker, the catalog, and every manifest, table file and log: checksums, order and \
      range of keys, counts, filters and indexes, and whether each table has its directory. Exits \
      with 1 when something is damaged, and when a server has the directory open.

      Examples:
        kvctl check /var/lib/strata
      """)

  @Argument(help: ArgumentHelp("The data directory.", valueName: "dir")) var directory: String

  func run() throws {
    let fileSystem = PosixFileSystem()
    do {
      var out = OutputStream()
      let lock = try fileSystem.lock(directory)
      var engines: [String] = []
      try collect(directory, depth: 0, fileSystem, into: &engines)
      let isData = try DataDirectoryCheck.isDataDirectory(directory, fileSystem: fileSystem)
      guard isData || !engines.isEmpty else {
        throw CommandFailure.refused("\(directory): holds no table's files")
      }
      var problemCount = isData ? try checkDirectory(fileSystem, &out) : 0
      for engine in engines.sorted() {
        problemCount += try check(engine, isLocked: engine == directory, fileSystem, &out)
      }
      try out.flush()
      withExtendedLifetime(lock) {}
      if problemCount > 0 {
        throw CommandFailure.refused(
          "\(problemCount) \(problemCount == 1 ? "problem" : "problems") found")
      }
    } catch let error as FileError {
      throw CommandFailure.refused(error.description)
    }
  }

  /// Marker, catalog, and what they say of the tables' directories.
  private func checkDirectory(
    _ fileSystem: any FileSystem, _ out: inout OutputStream
  ) throws -> Int {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(folder)/kvctl-check-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw CommandFailure.refused(
        "\(folder): no room for a copy of the catalog (errno \(errno)); TMPDIR names another place")
    }
    let scratch = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? PosixFileSystem().removeTree(scratch) }
    let check = DataDirectoryCheck(directory, fileSystem: fileSystem, scratch: scratch)
    return try report(
      directory, "\(DisplayText.grouped(check.tablePaths.count)) tables", check.problems,
      check.notes, &out)
  }

  private func check(
    _ engine: String, isLocked: Bool, _ fileSystem: any FileSystem, _ out: inout OutputStream
  ) throws -> Int {
    let lock = isLocked ? nil : try fileSystem.lock(engine)
    let check = EngineCheck(engine, fileSystem: fileSystem)
    withExtendedLifetime(lock) {}
    let figures =
      "\(DisplayText.grouped(check.tableFileCount)) table files, "
      + "\(DisplayText.grouped(check.entryCount)) entries, "
      + "\(DisplayText.bytes(check.byteCount)), "
      + "\(DisplayText.grouped(check.logRecordCount)) log records"
    return try report(engine, figures, check.problems, check.notes, &out)
  }

  /// - Returns: How many problems there are.
  private func report(
    _ place: String, _ figures: String, _ problems: [String], _ notes: [String],
    _ out: inout OutputStream
  ) throws -> Int {
    try out.line("\(problems.isEmpty ? "ok      " : "DAMAGED ") \(place): \(figures)")
    for problem in problems { try out.line("  problem: \(DisplayText.visible(problem))") }
    for note in notes { try out.line("  note: \(DisplayText.visible(note))") }
    return problems.count
  }

  /// Directories with an engine's files, at most three levels down.
  private func collect(
    _ path: String, depth: Int, _ fileSystem: any FileSystem, into engines: inout [String]
  ) throws(FileError) {
    if try EngineCheck.isEngine(path, fileSystem: fileSystem) { engines.append(path) }
    guard depth < 3 else { return }
    for name in try fileSystem.list(path) {
      var status = stat()
      let child = "\(path)/\(name)"
      // lstat: a link could lead anywhere.
      guard lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
      try collect(child, depth: depth + 1, fileSystem, into: &engines)
    }
  }
}
