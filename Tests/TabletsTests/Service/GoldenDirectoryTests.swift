// Whole data directories as released formats wrote them, kept for ever: marker, catalog, engines.
// Each opens, holds what it held and is found whole. The catalog's bytes are SQLite's business, so
// unlike an engine's files nothing here is compared with what is written today;
// `UPDATE_GOLDEN=1 swift test --filter GoldenDirectoryTests` writes the newest one anew.
//
//   Golden/v1/data/…          the files; a manifest without the zeros at its end
//   Golden/v1/data.content    definitions and rows, a line each

import DataModel
import Foundation
import LSM
import TestSupport
import Testing
import VFS

@testable import Tablets

@Suite(.serialized) struct GoldenDirectoryTests {
  private static func place(_ version: UInt64) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/v\(version)")
  }

  // MARK: Writing

  /// Two tables with a family of every kind; rows in table files and rows in the log alone.
  private func write() throws -> ServiceWorld {
    let world = ServiceWorld(seed: 7)
    world.options.engine.logFileByteCount = 4 << 10
    let service = try world.open()
    let companies = TableDefinition(
      name: "companies",
      families: [
        FamilyDefinition(name: "name", gc: .maxVersions(1), type: .utf8),
        FamilyDefinition(
          name: "facts", gc: .union([.maxVersions(3), .maxAge(microseconds: 1 << 60)]),
          columns: [Array("m".utf8): .json]),
      ], gcOnRead: true)
    for definition in [TypedTable.definition, companies] {
      try service.createTable(definition)
    }
    let scores = try service.find("scores")
    let names = try service.find("companies")
    for index in 0..<20 {
      let time = Int64(1_700_000_000_000_000 + index * 1_000)
      let number = RowModel.bytes(Int64(index * index))
      try world.apply(
        scores, "row-\(index)",
        [
          .set("s", "x", time, number), .set("s", "model", time, Array("third".utf8)),
          .set("f", "free", time, [UInt8(index), 0xff]), .set("j", "", time, Array("[1]".utf8)),
          .add("n", "count", time, Int64(index)),
        ])
      try world.apply(
        names, "company-\(index % 7)",
        [
          .set("name", "", time, Array("Name \(index)".utf8)),
          .set("facts", "m", time, Array("{\"seen\":\(index)}".utf8)),
        ])
      if index == 9 {
        try scores.flush()
        try names.compact()
      }
    }
    try world.apply(scores, "row-3", [.deleteColumn("s", "x", 0, nil), .add("n", "count", 0, 5)])
    try world.apply(scores, "row-4", [.deleteRow])
    // A name that is gone, so that ids and families have gaps.
    try service.createTable(TableDefinition(name: "gone", families: []))
    try service.dropTable("gone")
    _ = try service.alterTable("scores", [.dropFamily("b"), .setGCOnRead(true)])
    try world.apply(scores, "row-5", [.set("f", "last", 1_000, [1])])
    // Killed: the last rows are in the logs alone.
    world.files = world.files.crashClone(keeping: 1)
    return world
  }

  /// All files below the directory by their path in it.
  private func files(of world: ServiceWorld) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    func add(_ path: String) throws {
      for name in try world.files.list(world.directory + path) {
        let path = "\(path)/\(name)"
        guard var bytes = world.files.contents(of: world.directory + path) else {
          try add(path)
          continue
        }
        if name.hasPrefix("manifest") { while bytes.last == 0 { bytes.removeLast() } }
        files[String(path.dropFirst())] = bytes
      }
    }
    try add("")
    return files
  }

  // MARK: Reading

  private func world(of version: UInt64) throws -> ServiceWorld {
    let place = Self.place(version).appending(path: "data")
    let names = try #require(FileManager.default.enumerator(atPath: place.path))
    let world = ServiceWorld()
    for case let name as String in names {
      let path = "\(world.directory)/\(name)"
      let source = place.appending(path: name)
      if try source.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true {
        try world.files.createDirectory(path)
      } else {
        try world.files.createDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        world.files.setContents(of: path, to: Array(try Data(contentsOf: source)))
      }
    }
    return world
  }

  private func content(of world: ServiceWorld) throws -> String {
    let service = try world.open()
    defer { service.close() }
    #expect(service.damagedTables.map(\.name) == [])
    var lines: [String] = []
    for definition in service.definitions() {
      let table = try service.find(definition.name)
      lines.append("\(table.id) \(definition.name) gcOnRead \(definition.gcOnRead)")
      for family in definition.families {
        let columns = family.columns.map { "\(String(decoding: $0, as: UTF8.self))=\($1)" }
        lines.append(
          "  \(family.name) gc \(family.gc?.text ?? "-") type \(family.type?.rawValue ?? "-") "
            + "aggregate \(family.aggregate?.rawValue ?? "-") columns \(columns.sorted())")
      }
      for row in try table.rows(ScanRequest(options: ReadOptions(versions: 0))) {
        lines.append("  \(row.key) \(row.cells)")
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private func update() throws {
    let written = try write()
    let place = Self.place(DataDirectory.version)
    try? FileManager.default.removeItem(at: place)
    for (name, bytes) in try files(of: written) {
      let file = place.appending(path: "data/\(name)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: file)
    }
    try Data(content(of: written).utf8).write(to: place.appending(path: "data.content"))
  }

  @Test(arguments: 1...DataDirectory.version)
  func `a golden data directory of any version is whole and holds what it held`(
    version: UInt64
  ) throws {
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil { try update() }
    let world = try world(of: version)
    let scratch = try TemporaryFolder()
    let check = DataDirectoryCheck(
      world.directory, fileSystem: world.files, scratch: scratch.path)
    #expect(check.problems == [])
    #expect(check.tablePaths.count == 2)
    for path in check.tablePaths {
      let engine = EngineCheck(path, fileSystem: world.files)
      #expect(engine.problems == [])
      #expect(engine.tableFileCount > 0 && engine.logRecordCount > 0, "\(path)")
    }
    let expected = try String(
      contentsOf: Self.place(version).appending(path: "data.content"), encoding: .utf8)
    #expect(try content(of: world) == expected)
    #expect(try content(of: world) == expected, "after what the first opening wrote")
    #expect(expected.split(separator: "\n").count > 30)
  }

  @Test func `a golden data directory of a newer version is refused and left alone`() throws {
    let world = try world(of: DataDirectory.version)
    world.files.setContents(
      of: "/data/STRATA",
      to: Array("strata data directory\nversion \(DataDirectory.version + 1)\n".utf8))
    let before = try files(of: world)
    let error = #expect(throws: TableServiceError.self) { _ = try world.open() }
    #expect(error.flatMap(testCode) == "newer_version")
    #expect(error?.message.contains("version \(DataDirectory.version + 1)") == true)
    #expect(try files(of: world) == before)
    let scratch = try TemporaryFolder()
    let check = DataDirectoryCheck(
      world.directory, fileSystem: world.files, scratch: scratch.path)
    #expect(check.problems.contains { $0.contains("/data/STRATA") })
  }
}
