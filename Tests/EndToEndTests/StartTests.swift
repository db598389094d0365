// What a server does that cannot start: one clear line, the right exit code, nothing touched.

import Foundation
import Testing

@Suite struct StartTests {
  private func start(_ directory: String, _ more: [String] = []) throws -> ProgramResult {
    try run(
      Programs.path("kvserver"),
      [
        "--data-dir", directory, "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--grpc",
        "127.0.0.1:0",
      ] + more)
  }

  @Test func `a directory in use is refused while the first server goes on`() throws {
    let directory = try TemporaryDirectory()
    let first = try ServerProcess(directory: directory.path("data"))
    let second = try start(directory.path("data"))
    #expect(second.status == 1)
    #expect(second.errors.contains("in use"), "\(second.errors)")
    #expect(second.errors.contains(directory.path("data")), "\(second.errors)")
    #expect(try HTTPExchange(first.http).request("GET", "/healthz").status == 200)
    #expect(first.stop() == 0)
  }

  @Test func `a directory that is not ours is refused and left as it was`() throws {
    let directory = try TemporaryDirectory()
    try Data("mine".utf8).write(to: directory.url.appending(path: "thesis.txt"))
    let result = try start(directory.url.path)
    #expect(result.status == 1)
    #expect(result.errors.contains("not a Strata data directory"), "\(result.errors)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directory.url.path) == ["thesis.txt"])
  }

  @Test func `a directory of a newer version is refused and says which`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path("data")
    #expect(try ServerProcess(directory: data).stop() == 0)
    let marker = URL(filePath: data + "/STRATA")
    let text = try String(contentsOf: marker, encoding: .utf8)
    try Data(text.replacing(/\d+/, with: "999").utf8).write(to: marker)
    let result = try start(data)
    #expect(result.status == 1)
    #expect(result.errors.contains("999"), "\(result.errors)")
    #expect(result.errors.contains("newer"), "\(result.errors)")
  }

  @Test func `a directory that cannot be made names the path and the reason`() throws {
    let result = try start("/proc/strata")
    #expect(result.status == 1)
    #expect(result.errors.contains("/proc/strata"), "\(result.errors)")
  }

  @Test func `a taken port names the address`() throws {
    let directory = try TemporaryDirectory()
    let first = try ServerProcess(directory: directory.path("one"))
    let result = try run(
      Programs.path("kvserver"),
      [
        "--data-dir", directory.path("two"), "--http", first.http, "--tcp", "none", "--grpc",
        "none",
      ])
    #expect(result.status == 1)
    #expect(result.errors.contains(first.http), "\(result.errors)")
    #expect(first.stop() == 0)
  }

  @Test(
    "a wrong call is told so with exit code 2",
    arguments: [
      ["--data-dir", "x", "--memory", "lots"], ["--data-dir", "x", "--durability", "maybe"],
      ["--data-dir", "x", "--http", "nowhere"], ["--no-such-flag"], [],
    ])
  func wrongCall(arguments: [String]) throws {
    let result = try run(Programs.path("kvserver"), arguments)
    #expect(result.status == 2, "\(result.status) \(result.errors)")
    #expect(!result.errors.isEmpty)
  }

  @Test func `an address that others can reach needs to be asked for`() throws {
    let directory = try TemporaryDirectory()
    let result = try run(
      Programs.path("kvserver"),
      [
        "--data-dir", directory.path("data"), "--http", "0.0.0.0:0", "--tcp", "none", "--grpc",
        "none",
      ])
    #expect(result.status != 0)
    #expect(result.errors.contains("--insecure"), "\(result.errors)")
  }
}
