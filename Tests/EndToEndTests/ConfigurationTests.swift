// Where the server's options come from, which source counts, and what is said about a wrong one.

import Foundation
import Testing

@Suite struct ConfigurationTests {
  /// Starts the server with a wrong value in each given place; says how it refused.
  private func refusal(
    flags: [String] = [], environment: [String: String] = [:], file: String = ""
  ) throws -> ProgramResult {
    let directory = try TemporaryDirectory()
    let path = directory.path("strata.conf")
    try Data(file.utf8).write(to: URL(filePath: path))
    return try run(
      Programs.path("kvserver"),
      ["--data-dir", directory.path("data"), "--config", path] + flags, environment: environment)
  }

  @Test func `a flag counts before the environment, that before the file`() throws {
    let file = "memory = from-file\n"
    let variables = ["STRATA_MEMORY": "from-environment"]
    let flags = ["--memory", "from-flag"]
    let all = try refusal(flags: flags, environment: variables, file: file)
    #expect(all.errors.contains("--memory: 'from-flag'"), "\(all.errors)")
    let two = try refusal(environment: variables, file: file)
    #expect(two.errors.contains("STRATA_MEMORY: 'from-environment'"), "\(two.errors)")
    let one = try refusal(file: file)
    #expect(one.errors.contains("strata.conf:1: memory: 'from-file'"), "\(one.errors)")
    #expect([all.status, two.status, one.status] == [2, 2, 2])
  }

  @Test(
    "a wrong line of the file is named with its number",
    arguments: [
      ("# fine\n\ncolour = blue\n", "strata.conf:3: unknown key 'colour'"),
      ("http 127.0.0.1:1\n", "strata.conf:1: 'http 127.0.0.1:1' is not 'key = value'"),
      ("loops = 1\nloops = 2\n", "strata.conf:2: 'loops' stands here a second time"),
      ("demo = perhaps\n", "strata.conf:1: demo: 'perhaps' is not true or false"),
      ("memory = 1KiB\n", "strata.conf:1: memory: '1KiB' is not a size of at least 32MiB"),
      ("tcp = 1.2.3\n", "strata.conf:1: tcp: '1.2.3' is not an address"),
      ("loops = 65\n", "strata.conf:1: loops: '65' is not a number from 1 to 64"),
      ("log-level = loud\n", "strata.conf:1: log-level: 'loud' is not one of trace"),
      ("engine.memtable = 1KiB\n", "engine.memtable: '1KiB' is not a size from 64KiB to 1GiB"),
      ("engine.block = 1GiB\n", "engine.block: '1GiB' is not a size from 512B to 256KiB"),
      ("engine.compression = lz5\n", "engine.compression: 'lz5' is not true or false"),
      ("spin = fast\n", "strata.conf:1: spin: 'fast' is not a time as 80us, 50ms or 1s"),
      ("shed-after = 50\n", "strata.conf:1: shed-after: '50' is not a time"),
      ("grpc = 8086\n", "strata.conf:1: grpc: "),
    ])
  func wrongLine(file: String, message: String) throws {
    let result = try refusal(file: file)
    #expect(result.status == 2)
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test func `the engine's settings have variables too`() throws {
    let result = try refusal(environment: ["STRATA_ENGINE_TABLE_FILE": "small"])
    #expect(result.errors.contains("STRATA_ENGINE_TABLE_FILE: 'small'"), "\(result.errors)")
  }

  @Test func `a configuration that cannot be read is named`() throws {
    let result = try run(Programs.path("kvserver"), ["--config", "/nowhere/strata.conf"])
    #expect(result.status == 2)
    #expect(result.errors.contains("/nowhere/strata.conf"), "\(result.errors)")
  }

  @Test func `help goes to standard output with examples`() throws {
    let result = try run(Programs.path("kvserver"), ["--help"])
    #expect(result.status == 0)
    #expect(result.output.contains("EXAMPLES"))
    #expect(result.errors.isEmpty)
  }
}
