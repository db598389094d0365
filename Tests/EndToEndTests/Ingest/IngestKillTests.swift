// Exactly once, with real processes: producers and servers are killed at random moments, what was
// cut off is started again, and at the end every counter is what one undisturbed load would have
// made. STRATA_INGEST_KILLS sets how many kills each way of loading takes.

import Bytes
import Client
import DataModel
import Foundation
import Glibc
import TestSupport
import Testing

@Suite(.serialized) struct IngestKillTests {
  private static let kills = ProcessEnvironment.number("STRATA_INGEST_KILLS") ?? 6
  private static let seed = UInt64(ProcessEnvironment.number("STRATA_SEED") ?? 2026)
  private static let lineCount = 30_000
  private static let rowCount = 997

  /// Line `number`, from 1: adds its number to a counter of a row, and says so in a cell.
  private static func line(_ number: Int, isCSV: Bool = false) -> String {
    let key = "row\(number % rowCount)"
    return isCSV
      ? "\(key),\(number),\(number)\n"
      : #"{"key":"\#(key)","timestamp":1000000,"families":"#
        + #"{"n":{"sum":\#(number)},"s":{"l\#(number)":"\#(number)"}}}"#
        + "\n"
  }

  private func start(_ directory: TemporaryDirectory) throws -> ServerProcess {
    try ServerProcess(directory: directory.path("data"), ["--memory", "64MiB"])
  }

  private func createTable(_ server: ServerProcess) throws {
    let client = try StoreClient(connectingTo: server.tcp)
    try client.createTable(
      TableDefinition(
        name: "t",
        families: [FamilyDefinition(name: "n", aggregate: .sum), FamilyDefinition(name: "s")]))
  }

  /// Whether the table holds `loads` times all lines: counters exactly, cells too.
  private func check(_ server: ServerProcess, loads: Int, cells: Int) throws {
    let client = try StoreClient(connectingTo: server.tcp)
    var sum: Int64 = 0
    var found = 0
    try client.scan("t", ScanRequest()) { row in
      for cell in row.cells {
        if cell.value.count == 8, cell.qualifier.array == Array("sum".utf8) {
          sum += Int64(bitPattern: cell.value.bigEndian64(at: 0))
        } else {
          found += 1
        }
      }
      return true
    }
    let once = Self.lineCount * (Self.lineCount + 1) / 2
    #expect(sum == Int64(once * loads), "counters, seed \(Self.seed)")
    #expect(found == cells, "cells, seed \(Self.seed)")
  }

  @Test(arguments: ["ndjson", "csv", "ndjson.gz"])
  func `kvctl load goes on after any kill and counts nothing twice`(kind: String) throws {
    let directory = try TemporaryDirectory()
    let isCSV = kind == "csv"
    let file = directory.path("lines." + (isCSV ? "csv" : "ndjson"))
    let text = (1...Self.lineCount).map { Self.line($0, isCSV: isCSV) }.joined()
    try Data(((isCSV ? "key,n:sum,s:line\n" : "") + text).utf8).write(to: URL(filePath: file))
    var path = file
    if kind == "ndjson.gz" {
      #expect(try run(URL(filePath: "/bin/gzip"), [file]).status == 0)
      path = file + ".gz"
    }
    var random = SeededGenerator(seed: Self.seed)
    var server = try start(directory)
    try createTable(server)
    var kills = 0
    var loads = 0
    while kills < Self.kills {
      let load = Process()
      load.executableURL = Programs.path("kvctl")
      // Under a name of its own: one killed right after its last commit is no second load.
      load.arguments = Self.arguments(server, path) + ["--producer", "p\(loads)"]
      load.standardOutput = FileHandle.nullDevice
      let errors = try CapturedFile()
      load.standardError = errors.handle
      try load.run()
      usleep(UInt32(5_000 + random.below(250_000)))
      let wasRunning = load.isRunning
      let choice = random.below(3)
      if choice > 0 { server.kill() }
      if choice < 2, load.isRunning { Glibc.kill(load.processIdentifier, SIGKILL) }
      load.waitUntilExit()
      if wasRunning { kills += 1 }
      if load.terminationReason == .exit, load.terminationStatus == 0 { loads += 1 }
      if choice > 0 { server = try start(directory) }
    }
    for name in ["p\(loads)", nil] {
      let end = try run(
        Programs.path("kvctl"),
        Self.arguments(server, path) + (name.map { ["--producer", $0] } ?? []))
      #expect(end.status == 0, "\(end.errors)")
      loads += 1
    }
    try check(server, loads: loads, cells: isCSV ? Self.rowCount : Self.lineCount)
    // The load without a name has left none.
    #expect(try producerCount(server) == loads - 1)
    print("kvctl load of \(kind): \(kills) kills, \(loads) whole loads, counters equal")
  }

  private static func arguments(_ server: ServerProcess, _ path: String) -> [String] {
    ["--server", server.tcp, "load", "t", path, "--timestamp", "1000000"]
  }

  private func producerCount(_ server: ServerProcess) throws -> Int {
    let answer = try HTTPExchange(server.http).request("GET", "/v1/tables/t/producers")
    return answer.body.components(separatedBy: "\"producer\"").count - 1
  }

  @Test func `rows ingest goes on after any kill and counts nothing twice`() throws {
    let directory = try TemporaryDirectory()
    var random = SeededGenerator(seed: Self.seed)
    var server = try start(directory)
    try createTable(server)
    var kills = 0
    var loads = 0
    var isDone = false
    while kills < Self.kills || !isDone {
      let producer = "p\(loads)"
      let next = try position(server, producer) + 1
      // A producer that is not sure sends some lines again.
      let first = max(1, next - random.below(2_000) * random.below(2))
      let isKilled = kills < Self.kills
      isDone = try send(
        from: first, to: server, producer, stopping: isKilled ? random.below(400) : nil,
        killing: isKilled && random.below(2) == 0)
      if isKilled {
        kills += 1
        server.kill()
        server = try start(directory)
      }
      if isDone { loads += 1 }
    }
    try check(server, loads: loads, cells: Self.lineCount)
    print("rows:ingest: \(kills) kills, \(loads) whole loads, counters equal")
  }

  /// The producer's position; 0 for none.
  private func position(_ server: ServerProcess, _ producer: String) throws -> Int {
    let answer = try HTTPExchange(server.http).request("GET", "/v1/tables/t/producers/\(producer)")
    guard answer.status == 200 else { return 0 }
    let digits = answer.body.components(separatedBy: "\"position\":").last ?? ""
    return Int(digits.prefix { $0.isNumber }) ?? 0
  }

  /// Sends lines, in chunks, to the end or until so many chunks have gone; true when all is taken.
  private func send(
    from first: Int, to server: ServerProcess, _ producer: String, stopping: Int?, killing: Bool
  ) throws -> Bool {
    guard let port = server.http.split(separator: ":").last.flatMap({ UInt16($0) }) else {
      return false
    }
    let socket = try BlockingSocket(port: port)
    socket.send(
      "POST /v1/tables/t/rows:ingest?producer=\(producer)&sequence=\(first) HTTP/1.1\r\n"
        + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    var chunks = 0
    var number = first
    while number <= Self.lineCount {
      let end = min(number + 100, Self.lineCount + 1)
      let text = (number..<end).map { Self.line($0) }.joined()
      socket.send(String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n")
      number = end
      chunks += 1
      guard chunks == stopping else { continue }
      if killing { server.kill() }
      return false
    }
    socket.send("0\r\n\r\n")
    var answer = ""
    while !answer.hasSuffix("0\r\n\r\n") {
      let more = socket.receiveSome(64 << 10)
      if more.isEmpty { return false }
      answer += String(decoding: more, as: UTF8.self)
    }
    return answer.contains(#""done":true"#)
  }
}
