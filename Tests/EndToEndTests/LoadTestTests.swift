// The built load test against the built server, on all fronts.

import Foundation
import TestSupport
import Testing

@Suite struct LoadTestTests {
  /// A sanitizer's run is too slow for half a second to show anything.
  private static let isSlow =
    ProcessInfo.processInfo.environment["STRATA_READY_SECONDS"] != nil

  /// Runs kvbench for a moment; its report.
  private func bench(_ arguments: [String]) throws -> (runs: [[String: Any]], output: String) {
    let directory = try TemporaryDirectory()
    let json = directory.path("report.json")
    let result = try run(
      Programs.path("kvbench"),
      ["run"] + arguments + [
        "--warm-up", "100ms", "--json", json, "--html", directory.path("h.html"),
      ])
    #expect(result.status == 0, "\(result.errors) \(result.output)")
    let data = try Data(contentsOf: URL(filePath: json))
    let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let page = try String(contentsOfFile: directory.path("h.html"), encoding: .utf8)
    #expect(page.contains("<polyline"))
    return (try #require(report["runs"] as? [[String: Any]]), result.output)
  }

  private func address(of server: ServerProcess, _ front: String) -> String {
    switch front {
    case "tcp": server.tcp
    case "http": server.http
    default: server.grpc
    }
  }

  private func expectGood(_ run: [String: Any]) {
    let name = "\(run["workload"] ?? "?")"
    let outcomes = run["outcomes"] as? [String: Int] ?? [:]
    #expect(outcomes["done"] ?? 0 > 0, "\(name) did nothing")
    for word in ["failed", "absent", "wrong", "retryLater"] {
      #expect(outcomes[word] == 0, "\(name): \(outcomes[word] ?? -1) \(word)")
    }
    #expect(run["serverMicrosecondsPerOperation"] is Double, "\(name)")
  }

  @Test(
    "workloads run without an error", .disabled(if: isSlow, "it measures time"),
    arguments: ["tcp", "http", "grpc"])
  func workloads(front: String) throws {
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(
      directory: directory.path("data"), ["--durability", "none", "--grpc", "127.0.0.1:0"])
    let all =
      [
        "get", "upsert", "mixed", "ycsb-a", "ycsb-d", "ycsb-e", "ycsb-f", "batch-get",
        "range-poll", "scan", "wide-row", "stream-load",
      ]
    let workloads = front == "grpc" ? all.filter { $0 != "stream-load" } : all
    let (runs, _) = try bench(
      workloads + [
        "--load", "--records", "2000", "--protocol", front, "--server",
        address(of: server, front), "--shape", "4x4", "--duration", "1s",
        "--server-pid", "\(server.processIdentifier)", "--verify", "1",
      ])
    #expect(runs.count == workloads.count)
    for run in runs { expectGood(run) }
  }

  @Test(
    "workloads run over TLS", .disabled(if: isSlow, "it measures time"),
    arguments: ["tcp", "http", "grpc"])
  func secureWorkloads(front: String) throws {
    let certificates = TestCertificates.shared
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(
      directory: directory.path("data"),
      [
        "--durability", "none", "--tls-cert", certificates.certificate("server"), "--tls-key",
        certificates.key("server"), "--grpc", "127.0.0.1:0",
      ])
    let address = address(of: server, front)
    let workloads =
      ["get", "upsert", "scan"] + (front == "grpc" ? ["batch-get"] : ["stream-load"])
    let (runs, _) = try bench(
      workloads + [
        "--load", "--records", "2000", "--protocol", front, "--server", address, "--shape", "2x2",
        "--duration", "1s", "--server-pid", "\(server.processIdentifier)", "--verify", "1",
        "--tls-ca", certificates.certificate("ca"),
      ])
    #expect(runs.count == workloads.count)
    for run in runs { expectGood(run) }
    let stranger = try run(
      Programs.path("kvbench"),
      ["run", "get", "--protocol", front, "--server", address, "--tls"])
    #expect(stranger.status == 1, "a certificate of nobody's passed: \(stranger.output)")
  }

  @Test func `what is streamed over HTTP is there, each frame once`() throws {
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(directory: directory.path("data"))
    let (runs, _) = try bench([
      "stream-load", "--load", "--records", "1000", "--protocol", "http", "--server", server.http,
      "--shape", "2x64", "--duration", "1s", "--server-pid", "\(server.processIdentifier)",
    ])
    let frames = (runs[0]["outcomes"] as? [String: Int])?["done"] ?? 0
    let path = "http://\(server.http)/v1/tables/bench_value/producers"
    let producers = try run(URL(filePath: "/usr/bin/curl"), ["-sS", path])
    #expect(frames > 0)
    for name in ["kvbench-0-0", "kvbench-0-1"] { #expect(producers.output.contains(name)) }
  }

  @Test func `what peers leave is cleared away however they end`() throws {
    let directory = try TemporaryDirectory()
    let process = Process()
    process.executableURL = Programs.path("kvbench")
    process.arguments = [
      "peers", "--quick", "--work-dir", directory.url.path, "--kvserver",
      Programs.path("kvserver").path, "--only", "get", "--redis", "127.0.0.1:1",
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    func isEmpty() -> Bool {
      (try? FileManager.default.contentsOfDirectory(atPath: directory.url.path))?.isEmpty ?? true
    }
    for _ in 0..<600 where isEmpty() && process.isRunning { usleep(20_000) }
    #expect(!isEmpty())
    usleep(200_000)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    for _ in 0..<1_000 where !isEmpty() { usleep(20_000) }
    #expect(isEmpty())
  }

  @Test(.disabled(if: isSlow, "it measures time"))
  func `a second run finds the table filled, an open loop keeps its rate`() throws {
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(directory: directory.path("data"), ["--durability", "none"])
    let arguments = [
      "get", "--load", "--records", "1000", "--server", server.tcp, "--server-pid",
      "\(server.processIdentifier)",
    ]
    let (_, first) = try bench(arguments + ["--duration", "1s"])
    #expect(first.contains("filled bench_value"))
    let (runs, second) = try bench(
      arguments + ["--duration", "2s", "--rate", "500", "--shape", "2x8"])
    #expect(!second.contains("filled"))
    let done = (runs[0]["outcomes"] as? [String: Int])?["done"] ?? 0
    // A closed loop would do ten times as many; a machine that is busy with other tests does fewer.
    #expect((100...1_200).contains(done), "\(done) requests of 1,000")
  }

  @Test func `a table that is not filled, and a server that is not there, are told`() throws {
    let directory = try TemporaryDirectory()
    let server = try ServerProcess(directory: directory.path("data"))
    let bare = try run(Programs.path("kvbench"), ["run", "get", "--server", server.tcp])
    #expect(bare.status == 1)
    #expect(bare.errors.contains("--load"), "\(bare.errors)")
    let gone = try run(Programs.path("kvbench"), ["run", "get", "--server", "127.0.0.1:1"])
    #expect(gone.status == 1)
    #expect(gone.errors.contains("127.0.0.1:1"), "\(gone.errors)")
    let wrong = try run(Programs.path("kvbench"), ["run", "nothing"])
    #expect(wrong.status == 2, "\(wrong.errors)")
  }
}
