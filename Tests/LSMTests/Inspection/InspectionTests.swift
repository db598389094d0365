// The offline check finds damage, and only damage; the dump shows what a file holds.

import LSM
import TestSupport
import Testing
import VFS

@Suite struct InspectionTests {
  /// A closed engine with table files, and one whose log is not flushed.
  private func world(closing: Bool = true) throws -> EngineWorld {
    let world = try EngineWorld()
    let engine = try world.open()
    for round in 0..<3 {
      for index in 0..<200 {
        try engine.write(.put, "key-\(index)-\(round % 2)", "value \(round) of \(index)")
      }
      if closing || round < 2 { try engine.flush() }
    }
    if closing { try engine.close() } else { world.crash() }
    return world
  }

  private func files(of world: EngineWorld, with suffix: String) throws -> [String] {
    try world.files.list(world.directory).filter { $0.hasSuffix(suffix) }.sorted()
      .map { "\(world.directory)/\($0)" }
  }

  private func byte(of path: String, at offset: UInt64, in world: EngineWorld) throws -> UInt8 {
    var byte: UInt8 = 0
    let file = try world.files.openForReading(path)
    let count = try withUnsafeMutableBytes(of: &byte) {
      try file.read(into: $0, at: offset, wait: .allowed)
    }
    #expect(count == 1)
    return byte
  }

  private func flip(_ path: String, at offset: UInt64, in world: EngineWorld) throws {
    var byte = try byte(of: path, at: offset, in: world) ^ 0x40
    let file = try world.files.openForOverwriting(path)
    try withUnsafeMutableBytes(of: &byte) { try file.write(UnsafeRawBufferPointer($0), at: offset) }
    try file.close()
  }

  @Test func `a closed engine and a crashed one are whole`() throws {
    let closed = try world()
    let check = EngineCheck(closed.directory, fileSystem: closed.files)
    #expect(check.problems == [])
    #expect(check.tableFileCount > 0 && check.entryCount >= 400 && check.byteCount > 0)

    let crashed = try world(closing: false)
    let replayable = EngineCheck(crashed.directory, fileSystem: crashed.files)
    #expect(replayable.problems == [])
    #expect(replayable.logRecordCount >= 200)
  }

  @Test func `a flipped bit anywhere in a table file is found`() throws {
    let world = try world()
    let path = try #require(try files(of: world, with: ".table").first)
    let byteCount = try world.files.openForReading(path).byteCount
    for offset in stride(from: 0, to: byteCount, by: 13) {
      try flip(path, at: offset, in: world)
      let check = EngineCheck(world.directory, fileSystem: world.files)
      #expect(
        check.problems.contains { $0.contains(path) }, "offset \(offset): \(check.problems)")
      try flip(path, at: offset, in: world)
    }
    #expect(EngineCheck(world.directory, fileSystem: world.files).problems == [])
  }

  @Test func `a lost table file is found, a stray one noted`() throws {
    let world = try world()
    let path = try #require(try files(of: world, with: ".table").first)
    try world.files.remove(path)
    _ = try world.files.create("\(world.directory)/999999.table")
    _ = try world.files.create("\(world.directory)/notes.txt")
    let check = EngineCheck(world.directory, fileSystem: world.files)
    #expect(check.problems.contains { $0.contains(path) })
    #expect(check.notes.contains { $0.contains("999999.table") })
    #expect(check.notes.contains { $0.contains("notes.txt") })
  }

  @Test func `damage in the middle of a log is found`() throws {
    let world = try world(closing: false)
    for path in try files(of: world, with: ".log") { try flip(path, at: 60, in: world) }
    #expect(EngineCheck(world.directory, fileSystem: world.files).problems.count == 1)
  }

  @Test func `each kind of file is dumped by its first bytes`() throws {
    let world = try world(closing: false)
    func dump(_ path: String, limit: Int = .max) throws -> [String] {
      var lines: [String] = []
      try FileDump.write(path, fileSystem: world.files, entryLimit: limit) { lines.append($0) }
      return lines
    }
    let table = try dump(try #require(try files(of: world, with: ".table").first))
    #expect(table.first?.hasPrefix("table file") == true)
    #expect(table.contains("put key-0-0 = 12 bytes value 0 of 0"))
    let names = try world.files.list(world.directory).filter { $0.hasPrefix("manifest-") }
    let manifest = try dump("\(world.directory)/\(try #require(names.max()))")
    #expect(manifest.contains { $0.contains("add table") })
    let logs = try files(of: world, with: ".log").map { try dump($0) }
    #expect(logs.contains { $0.contains("  put key-199-0 = 14 bytes value 2 of 199") })
    let short = try dump(try #require(try files(of: world, with: ".table").first), limit: 1)
    #expect(short.last?.hasSuffix("more entries") == true)
    #expect(throws: FileError.self) { try dump("\(world.directory)/none") }
  }
}
