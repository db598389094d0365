// The examples in docs/on-disk-format.md are what the writers write, and the readers read them.

import Bytes
import DataModel
import Foundation
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct DocumentedBytesTests {
  private static let logPath = "/data/tables/1/000001.log"
  private static let manifestPath = "/data/tables/1/manifest-000001"

  /// The bytes of a block that begins with "```hex NAME", without the offsets before them.
  private static func example(_ name: String) throws -> [UInt8] {
    let root = URL(filePath: #filePath).appending(path: "../../../..").standardized
    let text = try String(
      contentsOf: root.appending(path: "docs/on-disk-format.md"), encoding: .utf8)
    let start = try #require(text.range(of: "```hex \(name)\n"), "no example of \(name)")
    let lines = text[start.upperBound...].split(separator: "\n").prefix { $0 != "```" }
    return try lines.flatMap { line in
      try line.split(separator: " ").dropFirst().map { try #require(UInt8($0, radix: 16)) }
    }
  }

  /// As the document has it.
  private static func text(_ bytes: [UInt8]) -> String {
    stride(from: 0, to: bytes.count, by: 16).map { offset in
      ([offset] + bytes[offset..<min(offset + 16, bytes.count)].map(Int.init))
        .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ") + "\n"
    }.joined()
  }

  /// Row "k" with one cell, at 1 ms, in a table of one family; killed after that.
  private func world() throws -> ServiceWorld {
    let world = ServiceWorld(seed: 7)
    world.options.engine.logFileByteCount = 256
    let table = try world.open([FamilyDefinition(name: "f")])
    try world.apply(table, "k", [.set("f", "q", 1_000, Array("value".utf8))])
    world.files = world.files.crashClone(keeping: 1)
    return world
  }

  private func written(_ path: String, in world: ServiceWorld) throws -> [UInt8] {
    var bytes = try #require(world.files.contents(of: path))
    while bytes.last == 0 { bytes.removeLast() }
    return bytes
  }

  @Test func `the examples are what is written`() throws {
    let world = try world()
    var log = try written(Self.logPath, in: world)
    log += Array(repeating: 0, count: (8 - log.count % 8) % 8)
    let manifest = try written(Self.manifestPath, in: world)
    for (name, bytes) in [("log", log), ("manifest", manifest)] {
      #expect(try Self.example(name) == bytes, "\(name) is\n\(Self.text(bytes))")
    }
    // kind │ key: bytes │ value: bytes, behind the headers of the log and of its record.
    let row = try Self.example("row")
    let entry = [3, 1, UInt8(ascii: "k"), UInt8(row.count)] + row
    #expect(Array(log[96..<min(log.count, 96 + entry.count)]) == entry, "\(Self.text(log))")
  }

  @Test func `the examples are read as what the document says`() throws {
    let world = try world()
    var log = try Self.example("log")
    try #require(log.count > 96, "shorter than a header and a record")
    let capacity = Int(ByteView.of(log) { $0.littleEndian64(at: 40) })
    log += Array(repeating: 0, count: capacity - log.count)
    world.files.setContents(of: Self.logPath, to: log)
    world.files.setContents(of: Self.manifestPath, to: try Self.example("manifest"))
    let check = EngineCheck("/data/tables/1", fileSystem: world.files)
    #expect(check.problems == [])
    #expect(check.logRecordCount == 1)
    let service = try world.open()
    defer { service.close() }
    let cells = try service.find("t").cells("k")
    #expect(
      cells == [TestCell(family: "f", qualifier: "q", time: 1_000, value: Array("value".utf8))])
  }
}
