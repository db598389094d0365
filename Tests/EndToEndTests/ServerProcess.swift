// A server program on a free port, to be asked, stopped and killed.

import Foundation
import Glibc

/// Why a server did not come up.
struct ServerStartFailure: Error, CustomStringConvertible {
  let status: Int32?
  let errors: String
  var description: String { "server did not start (status \(status ?? -1)): \(errors)" }
}

/// A running kvserver.
final class ServerProcess {
  let http: String
  let tcp: String
  /// Empty unless it is asked for.
  let grpc: String
  /// Seconds from the start of the process to `ready`.
  let secondsToReady: Double
  private let process: Process
  private let output: CapturedFile
  private let errors: CapturedFile

  init(
    directory: String, _ more: [String] = [], environment: [String: String] = [:],
    deadlineSeconds: Double = 30
  ) throws {
    output = try CapturedFile()
    errors = try CapturedFile()
    process = Self.process(directory, more, environment, output, errors)
    let start = ContinuousClock.now
    try process.run()
    var lines: [Substring] = []
    while !lines.contains("ready") {
      if !process.isRunning {
        throw ServerStartFailure(status: process.terminationStatus, errors: try errors.text())
      }
      if start.duration(to: .now) > .seconds(deadlineSeconds) {
        process.terminate()
        throw ServerStartFailure(status: nil, errors: "not ready in time: " + (try errors.text()))
      }
      usleep(2_000)
      lines = try output.text().split(separator: "\n")
    }
    let elapsed = start.duration(to: .now)
    secondsToReady =
      Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    func address(_ front: String) -> String {
      let prefix = "listening \(front)="
      return lines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } ?? ""
    }
    http = address("http")
    tcp = address("tcp")
    grpc = address("grpc")
  }

  deinit { kill() }

  /// Starts a server and kills it so many milliseconds later, ready or not.
  static func killWhileStarting(
    directory: String, _ more: [String] = [], environment: [String: String] = [:],
    afterMilliseconds: Int
  ) throws {
    let output = try CapturedFile()
    let process = Self.process(directory, more, environment, output, output)
    try process.run()
    usleep(UInt32(afterMilliseconds) * 1_000)
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    if process.terminationReason == .exit || process.terminationStatus != SIGKILL {
      throw ServerStartFailure(status: process.terminationStatus, errors: try output.text())
    }
  }

  private static func process(
    _ directory: String, _ more: [String], _ environment: [String: String],
    _ output: CapturedFile, _ errors: CapturedFile
  ) -> Process {
    let process = Process()
    process.executableURL = Programs.path("kvserver")
    process.arguments =
      ["--data-dir", directory, "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--grpc", "none"]
      // On a busy machine a debug build has queues that stand, and would say so.
      + ["--shed-after", "0"] + more
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = output.handle
    process.standardError = errors.handle
    process.standardInput = FileHandle.nullDevice
    return process
  }

  var log: String { (try? errors.text()) ?? "" }
  var processIdentifier: Int32 { process.processIdentifier }

  /// SIGKILL, and waits until the process is gone.
  func kill() {
    guard process.isRunning else { return }
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Why a server that is gone is gone, where it was neither killed nor told to stop.
  var unexpectedEnd: String? {
    guard !process.isRunning else { return nil }
    let status = process.terminationStatus
    let wasTold = process.terminationReason == .exit ? status == 0 : status == SIGKILL
    return wasTold ? nil : "the server ended with \(status): \(log.suffix(2_000))"
  }

  /// SIGTERM, without waiting.
  func requestStop() { Glibc.kill(process.processIdentifier, SIGTERM) }

  /// SIGTERM; returns the exit status.
  func stop() -> Int32 {
    process.terminate()
    process.waitUntilExit()
    return process.terminationStatus
  }
}
