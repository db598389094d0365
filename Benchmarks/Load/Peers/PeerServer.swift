// Servers started for a comparison: on a free port of this machine, pinned to one processor, in a
// directory of their own, and ended with us whatever happens.

import Foundation

/// What can be started.
enum PeerSystem: String, CaseIterable, Sendable {
  case strata = "strata"
  case strataDurable = "strata, durable"
  case redis = "redis"
  case redisDurable = "redis, AOF always"
  case memcached = "memcached"
  case nginx = "nginx"
  /// Google's, which keeps everything in memory (cloud.google.com/go/bigtable/cmd/emulator).
  case bigtableEmulator = "Bigtable emulator"

  var program: String {
    switch self {
    case .strata, .strataDurable: "kvserver"
    case .redis, .redisDurable: "redis-server"
    case .memcached: "memcached"
    case .nginx: "nginx"
    case .bigtableEmulator: "cbtemulator"
    }
  }

  var isStrata: Bool { self == .strata || self == .strataDurable }
}

/// A running server.
final class PeerServer {
  let system: PeerSystem
  /// Of the protocol that is loaded; for Strata the binary front.
  let address: String
  /// Strata's HTTP front.
  let http: String
  /// Strata's gRPC front.
  let grpc: String
  private let process: Process

  static let staticFileByteCount = 200
  static let staticFilePath = "/x.json"

  /// - Parameter program: Where the program is.
  init(_ system: PeerSystem, program: String, processor: Int, directory: String) throws {
    self.system = system
    let port = try PeerServer.freePort()
    let httpPort = try PeerServer.freePort()
    let grpcPort = try PeerServer.freePort()
    address = "127.0.0.1:\(port)"
    http = "127.0.0.1:\(httpPort)"
    grpc = "127.0.0.1:\(grpcPort)"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    process = Process()
    // Both replace themselves by what they start: the process is the server. It is told to stop
    // when we die.
    process.executableURL = URL(filePath: "/usr/bin/setpriv")
    process.arguments =
      ["--pdeathsig", "TERM", "taskset", "-c", "\(processor)", program]
      + (try PeerServer.arguments(system, port, httpPort, grpcPort, directory))
    let log = "\(directory)/log"
    try Data().write(to: URL(filePath: log))
    let output = try FileHandle(forWritingTo: URL(filePath: log))
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    try waitUntilReady(log)
  }

  deinit { stop() }

  func stop() {
    guard process.isRunning else { return }
    process.terminate()
    for _ in 0..<200 where process.isRunning { usleep(50_000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// The server's processes, workers included.
  var processes: [Int32] {
    let own = process.processIdentifier
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    let children = all.compactMap { Int32($0) }.filter { id in
      let status = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
      return status.split(separator: "\n").contains { $0 == "PPid:\t\(own)" }
    }
    return [own] + children
  }

  /// Waits until what the server does by itself (merging what was loaded) is over.
  func waitUntilIdle() {
    for _ in 0..<40 {
      let before = ProcessorTime(of: processes)
      usleep(500_000)
      if (ProcessorTime(of: processes).seconds(since: before) ?? 0) < 0.03 { return }
    }
  }

  private func waitUntilReady(_ log: String) throws {
    for _ in 0..<600 where process.isRunning {
      if let file = try? SocketAddress(address).connect() {
        close(file)
        return
      }
      usleep(50_000)
    }
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    stop()
    throw BenchmarkFailure("\(system.rawValue) did not start: \(text.suffix(500))")
  }

  private static func freePort() throws -> UInt16 {
    let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(file) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(file, $0, length) == 0 && getsockname(file, $0, &length) == 0
      }
    }
    guard result else { throw BenchmarkFailure("There is no free port.") }
    return UInt16(bigEndian: address.sin_port)
  }

  private static func arguments(
    _ system: PeerSystem, _ port: UInt16, _ httpPort: UInt16, _ grpcPort: UInt16,
    _ directory: String
  ) throws -> [String] {
    switch system {
    case .strata, .strataDurable:
      return [
        "--data-dir", "\(directory)/data", "--tcp", "127.0.0.1:\(port)", "--http",
        "127.0.0.1:\(httpPort)", "--grpc", "127.0.0.1:\(grpcPort)", "--loops", "1", "--durability",
        system == .strata ? "none" : "sync",
      ]
    case .redis, .redisDurable:
      let isDurable = system == .redisDurable
      return [
        "--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--save", "",
        "--appendonly", isDurable ? "yes" : "no", "--appendfsync", "always",
        "--auto-aof-rewrite-percentage", "0", "--daemonize", "no",
      ]
    case .memcached:
      let root = geteuid() == 0 ? ["-u", "root"] : []
      return root + ["-l", "127.0.0.1", "-p", "\(port)", "-U", "0", "-m", "2048", "-t", "1"]
    case .bigtableEmulator: return ["-port", "\(port)"]
    case .nginx:
      try writeNginx(port, directory)
      return ["-c", "\(directory)/nginx.conf", "-p", directory, "-e", "\(directory)/errors"]
    }
  }

  private static func writeNginx(_ port: UInt16, _ directory: String) throws {
    let root = "\(directory)/html"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    let pad = String(repeating: "x", count: staticFileByteCount - 10)
    try Data("{\"pad\":\"\(pad)\"}".utf8.prefix(staticFileByteCount)).write(
      to: URL(filePath: root + staticFilePath))
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map { "\($0)_temp_path \(directory)/\($0);" }.joined(separator: " ")
    let configuration = """
      daemon off; worker_processes 1; pid \(directory)/pid; error_log \(directory)/errors;
      \(geteuid() == 0 ? "user root;" : "")
      events { worker_connections 1024; }
      http { access_log off; sendfile on; tcp_nopush off; keepalive_requests 1000000000;
       open_file_cache max=100; types { application/json json; } \(temporary)
       server { listen 127.0.0.1:\(port); root \(root); } }
      """
    try Data(configuration.utf8).write(to: URL(filePath: "\(directory)/nginx.conf"))
  }
}
