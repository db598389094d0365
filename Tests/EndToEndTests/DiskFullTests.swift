// The real server on a small file system that fills up: reads go on, writes are refused with 507,
// and when there is space again they are taken, without a restart.

import Foundation
import Glibc
import Testing

/// A file system in memory of a fixed size, where the process may mount one.
private final class SmallFileSystem {
  let path: String
  private let directory: TemporaryDirectory

  init?(byteCount: Int) throws {
    directory = try TemporaryDirectory()
    path = directory.path("small")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    guard mount("none", path, "tmpfs", 0, "size=\(byteCount)") == 0 else { return nil }
  }

  deinit { umount2(path, Int32(MNT_DETACH)) }
}

@Suite struct DiskFullTests {
  private static let settings = [
    "STRATA_ENGINE_LOG_FILE": "256KiB", "STRATA_ENGINE_MEMTABLE": "256KiB",
    "STRATA_ENGINE_TABLE_FILE": "256KiB",
  ]

  @Test func `reads go on while the disk is full, and writes when there is space again`() throws {
    guard let disk = try SmallFileSystem(byteCount: 24 << 20) else {
      print("skipped: this user may not mount a file system to fill")
      return
    }
    let server = try ServerProcess(
      directory: disk.path + "/data", ["--memory", "64MiB"], environment: Self.settings)
    let client = try HTTPExchange(server.http)
    #expect(
      try client.request("POST", "/v1/tables", body: #"{"name":"t","families":{"f":{}}}"#).status
        == 201)
    func put(_ key: String) throws -> Int {
      let value = String(repeating: "v", count: 20_000)
      return try client.request(
        "PUT", "/v1/tables/t/rows/\(key)", body: #"{"families":{"f":{"q":""# + value + #""}}}"#
      ).status
    }
    func isThere(_ key: String) throws -> Bool {
      try client.request("GET", "/v1/tables/t/rows/\(key)").status == 200
    }
    for index in 0..<20 { #expect(try put("before\(index)") == 204) }

    let filler = URL(filePath: disk.path + "/filler")
    _ = FileManager.default.createFile(atPath: filler.path, contents: nil)
    let handle = try FileHandle(forWritingTo: filler)
    let piece = Data(repeating: 1, count: 64 << 10)
    while (try? handle.write(contentsOf: piece)) != nil {}
    try? handle.close()
    var written = (0..<20).map { "before\($0)" }
    var refusals = 0
    let start = ContinuousClock.now
    for index in 0..<400 where refusals < 20 {
      let asked = ContinuousClock.now
      let status = try put("during\(index)")
      if status == 204 {
        written.append("during\(index)")
      } else {
        #expect(status == 507, "refused as \(status)")
        #expect(asked.duration(to: .now) < .seconds(1), "refused too late")
        refusals += 1
      }
      #expect(try isThere(written[index % written.count]), "a read while the disk was full")
    }
    #expect(refusals == 20, "the disk never seemed full")

    try FileManager.default.removeItem(at: filler)
    let freed = ContinuousClock.now
    while try put("after") != 204 {
      try #require(freed.duration(to: .now) < .seconds(10), "does not heal")
      usleep(50_000)
    }
    print(
      "disk full: \(refusals) writes refused in \(start.duration(to: freed)), written again after "
        + "\(freed.duration(to: .now))")
    for key in written + ["after"] { #expect(try isThere(key), "lost \(key)") }
    #expect(server.stop() == 0)
    let again = try ServerProcess(directory: disk.path + "/data", environment: Self.settings)
    let reader = try HTTPExchange(again.http)
    for key in written + ["after"] {
      #expect(try reader.request("GET", "/v1/tables/t/rows/\(key)").status == 200, "lost \(key)")
    }
    #expect(again.stop() == 0)
  }
}
