// The built programs and directories of their own for each test.

import Foundation

/// Where the programs are: beside the test binary, or where STRATA_PROGRAMS says (a release build).
enum Programs {
  static var directory: URL {
    if let named = ProcessInfo.processInfo.environment["STRATA_PROGRAMS"] {
      return URL(filePath: named)
    }
    return URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
  }

  static func path(_ name: String) -> URL { directory.appending(path: name) }
}

/// A directory that vanishes with the value's owner.
final class TemporaryDirectory: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "strata-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }
}

/// What a finished program left.
struct ProgramResult {
  let status: Int32
  let output: String
  let errors: String
}

/// Runs a program to its end.
func run(
  _ program: URL, _ arguments: [String], input: Data? = nil, environment: [String: String] = [:]
) throws -> ProgramResult {
  let process = Process()
  process.executableURL = program
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  let output = try CapturedFile()
  let errors = try CapturedFile()
  process.standardOutput = output.handle
  process.standardError = errors.handle
  if let input {
    let file = try CapturedFile()
    try file.handle.write(contentsOf: input)
    try file.handle.seek(toOffset: 0)
    process.standardInput = file.handle
  } else {
    process.standardInput = FileHandle.nullDevice
  }
  try process.run()
  process.waitUntilExit()
  return ProgramResult(
    status: process.terminationStatus, output: try output.text(), errors: try errors.text())
}

/// A file that collects what a program prints; unlike a pipe it never fills up.
final class CapturedFile {
  let handle: FileHandle
  private let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "strata-\(UUID().uuidString).txt")
    try Data().write(to: url)
    handle = try FileHandle(forUpdating: url)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func text() throws -> String { try String(contentsOf: url, encoding: .utf8) }
}
