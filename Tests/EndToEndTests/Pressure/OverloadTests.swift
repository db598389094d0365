// A moment of overload: nobody is left without an answer, and memory stays within its bound. How
// much is still done is for `make overload`, on a quiet machine.

import Foundation
import Testing

@Suite struct OverloadTests {
  private static let isSlow = ProcessInfo.processInfo.environment["STRATA_READY_SECONDS"] != nil

  @Test(.disabled(if: isSlow, "it measures time"), arguments: ["tcp", "http"])
  func `ten times too much is answered, all of it`(front: String) throws {
    let directory = try TemporaryDirectory()
    try fill(directory)
    let server = try ServerProcess(
      directory: directory.path("data"),
      ["--memory", "256MiB", "--loops", "1", "--shed-after", "20ms", "--durability", "none"])
    let json = directory.path("overload.json")
    let result = try run(
      Programs.path("kvbench"),
      [
        "overload", "--records", "5000", "--protocol", front, "--server",
        front == "tcp" ? server.tcp : server.http, "--factor", "10", "--duration", "1s",
        "--peak-duration", "1s", "--peak-shape", "16x16", "--warm-up", "500ms", "--json", json,
        // As many in flight as a busy machine answers within the patience of the load test.
        "--shape", front == "tcp" ? "32x128" : "200x8",
        "--server-pid", "\(server.processIdentifier)", "--memory", "256MiB",
      ])
    // The figures may fall short on a busy machine; whether there are any may not.
    try #require(FileManager.default.fileExists(atPath: json), "\(result.errors)")
    let data = try Data(contentsOf: URL(filePath: json))
    let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let outcomes = try #require(report["outcomes"] as? [String: Int])
    // Counts end with the measurement; on a busy machine every answer may come behind it.
    let latency = try #require(report["latency"] as? [String: Double])
    #expect(latency["max"] ?? 0 > 0, "\(result.output)")
    for word in ["failed", "absent", "wrong"] {
      #expect(outcomes[word] == 0, "\(outcomes[word] ?? -1) \(word)")
    }
    #expect(report["unanswered"] as? Int == 0, "\(result.output)")
    #expect(report["residentByteCount"] as? Int ?? .max <= 256 << 20)
    #expect(server.stop() == 0)
  }

  /// With two arenas one lay nearly empty beside the other that held the block cache.
  @Test func `what one thread frees is there for all: malloc has one heap`() throws {
    let directory = try TemporaryDirectory()
    try fill(directory)
    let server = try ServerProcess(directory: directory.path("data"), ["--loops", "2"])
    for _ in 0..<4 {
      #expect(try HTTPExchange(server.http).request("GET", "/v1/stats").status == 200)
    }
    #expect(ServerMemory(of: server).furtherHeapCount == 0)
    #expect(server.stop() == 0)
  }

  /// By a server that refuses nobody: a debug build on a busy machine would.
  private func fill(_ directory: TemporaryDirectory) throws {
    let server = try ServerProcess(directory: directory.path("data"), ["--durability", "none"])
    let result = try run(
      Programs.path("kvbench"),
      [
        "run", "get", "--load", "--records", "5000", "--server", server.tcp, "--duration", "50ms",
        "--warm-up", "10ms",
      ])
    // What it measures afterwards does not matter.
    try #require(result.output.contains("filled"), "\(result.errors)")
    #expect(server.stop() == 0)
  }
}
