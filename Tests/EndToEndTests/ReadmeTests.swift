// Runs the README: every console block on the demo data must print what the README shows.
//
// In a block marked ```console, a line that begins with `$ ` is a command and the lines up to the
// next one are its output; a line `…` stands for any lines. Blocks marked otherwise are not run.

import Foundation
import Testing

@Suite struct ReadmeTests {
  /// A command and what the README says it prints.
  struct Example: Sendable {
    let command: String
    let expected: [String]
  }

  static func examples() throws -> [Example] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    var examples: [Example] = []
    var isConsole = false
    var command: String?
    var expected: [String] = []
    func finish() {
      if let command { examples.append(Example(command: command, expected: expected)) }
      command = nil
      expected = []
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("```") {
        finish()
        isConsole = line == "```console"
      } else if isConsole, line.hasPrefix("$ ") {
        finish()
        command = String(line.dropFirst(2))
      } else if isConsole, let begun = command, begun.hasSuffix("\\") {
        command = String(begun.dropLast()) + line
      } else if isConsole, command != nil {
        expected.append(line)
      }
    }
    return examples
  }

  @Test func `every command of the README prints what it shows`() throws {
    let directory = try TemporaryDirectory()
    // A reader takes time: by then the demo is written out, and what its rules let go is gone.
    let first = try ServerProcess(
      directory: directory.path("data"), ["--demo"], deadlineSeconds: 120)
    #expect(first.stop() == 0)
    let server = try ServerProcess(directory: directory.path("data"), ["--demo"])
    let examples = try Self.examples()
    #expect(examples.count >= 6)
    for example in examples where !example.command.hasPrefix("make ") {
      // The README speaks of the default ports; the test's server has taken free ones.
      let command = example.command
        .replacing("127.0.0.1:8080", with: server.http)
        .replacing("kvctl ", with: "kvctl --server \(server.tcp) ")
      let result = try run(
        URL(filePath: "/bin/bash"), ["-c", command],
        environment: ["PATH": Programs.directory.path + ":/usr/local/bin:/usr/bin:/bin"])
      let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
      #expect(
        Self.matches(lines, example.expected),
        """
        $ \(command)
        \(result.output)\(result.errors)
        """)
    }
    #expect(server.stop() == 0)
  }

  /// Equal line by line; a line `…` matches any run of lines.
  static func matches(_ lines: [String], _ expected: [String]) -> Bool {
    let lines = lines.filter { !$0.isEmpty }
    let expected = expected.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    guard let gap = expected.firstIndex(of: "…") else { return lines == expected }
    let head = expected[..<gap]
    let tail = Array(expected[(gap + 1)...])
    guard lines.count >= head.count + tail.count, Array(lines.prefix(head.count)) == Array(head)
    else { return false }
    return Array(lines.suffix(tail.count)) == tail
  }

  @Test func `a difference is noticed`() {
    #expect(Self.matches(["a", "b", "c"], ["a", "…", "c"]))
    #expect(!Self.matches(["a", "b"], ["a", "c"]))
    #expect(!Self.matches(["a"], ["a", "…", "c"]))
  }
}
