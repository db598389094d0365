// Directories as released formats wrote them, kept for ever: each opens, holds what it held, and is
// found whole. The newest one is also what the writers write today, byte for byte;
// `UPDATE_GOLDEN=1 swift test --filter GoldenTests` writes it anew, and the difference is reviewed.
//
//   Golden/v1/DIRECTORY/…          the files; a manifest without the zeros at its end
//   Golden/v1/DIRECTORY.content    what a reader sees of it, a line a key

import Bytes
import Foundation
import LSM
import TestSupport
import Testing
import VFS

@Suite struct GoldenTests {
  /// What the directories show.
  enum Golden: String, CaseIterable {
    /// Table files on two levels, all logs dead.
    case closed
    /// Table files, a sealed log and its successor, killed.
    case killed
    /// A recycled log with records of its earlier life behind its own, the last record torn.
    case torn
  }

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden")

  private static func place(_ version: FormatVersion, _ golden: Golden) -> URL {
    folder.appending(path: "v\(version.rawValue)/\(golden.rawValue)")
  }

  // MARK: Writing

  private func write(_ golden: Golden) throws -> EngineWorld {
    let world = try EngineWorld(seed: 7)
    world.options.logFileByteCount = 2 << 10
    world.options.tableFileByteCount = 2 << 10
    world.options.blockByteCount = 256
    let engine = try world.open()
    for round in 0..<3 {
      for index in 0..<24 {
        let kind: EntryKind = index % 9 == round ? .delete : index % 4 == 0 ? .merge : .put
        let value = kind == .delete ? "" : "value \(round) of \(index), and some more"
        try engine.write(kind, "key-\(index * 7 % 24)", value)
      }
      if round < 2 { try engine.flush() }
      if round == 0 { try engine.compactAll() }
    }
    switch golden {
    case .closed: try engine.close()
    case .killed: break
    case .torn:
      try engine.flush()
      for index in 0..<5 { try engine.write(.put, "last-\(index)", "written at the end") }
    }
    world.crash()
    if golden == .torn { try tear(world) }
    return world
  }

  /// Flips a bit of the last record.
  private func tear(_ world: EngineWorld) throws {
    let last = Array("last-4".utf8)
    for name in try world.files.list(world.directory) where name.hasSuffix(".log") {
      let path = "\(world.directory)/\(name)"
      guard var bytes = world.files.contents(of: path),
        let range = bytes.firstRange(of: last)
      else { continue }
      bytes[range.lowerBound] ^= 1
      world.files.setContents(of: path, to: bytes)
    }
  }

  /// Files by name; what is preallocated behind a manifest's records is left out.
  private func files(of world: EngineWorld) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in try world.files.list(world.directory) {
      var bytes = world.files.contents(of: "\(world.directory)/\(name)") ?? []
      if name.hasPrefix("manifest") { while bytes.last == 0 { bytes.removeLast() } }
      files[name] = bytes
    }
    return files
  }

  // MARK: Reading

  private func stored(_ version: FormatVersion, _ golden: Golden) throws -> [String: [UInt8]] {
    let place = GoldenTests.place(version, golden)
    var files: [String: [UInt8]] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: place.path) {
      files[name] = Array(try Data(contentsOf: place.appending(path: name)))
    }
    return files
  }

  private func world(of files: [String: [UInt8]]) throws -> EngineWorld {
    let world = try EngineWorld()
    try world.files.createDirectory(world.directory)
    for (name, bytes) in files {
      world.files.setContents(of: "\(world.directory)/\(name)", to: bytes)
    }
    return world
  }

  private func content(of world: EngineWorld) throws -> String {
    let engine = try world.open()
    defer { try? engine.close() }
    return try engine.pairs().map { $0 + "\n" }.joined()
  }

  private static var isUpdating: Bool {
    ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil
  }

  @Test(arguments: Golden.allCases)
  func `the newest golden directory is what is written today`(golden: Golden) throws {
    let written = try files(of: write(golden))
    if GoldenTests.isUpdating {
      let place = GoldenTests.place(.newest, golden)
      try? FileManager.default.removeItem(at: place)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for (name, bytes) in written { try Data(bytes).write(to: place.appending(path: name)) }
      try Data(content(of: world(of: written)).utf8)
        .write(to: place.appendingPathExtension("content"))
    }
    let stored = try stored(.newest, golden)
    #expect(stored.keys.sorted() == written.keys.sorted())
    for (name, bytes) in written { #expect(stored[name] == bytes, "\(golden.rawValue)/\(name)") }
  }

  @Test(arguments: FormatVersion.allCases, Golden.allCases)
  func `a golden directory of any version is whole and holds what it held`(
    version: FormatVersion, golden: Golden
  ) throws {
    let files = try stored(version, golden)
    #expect(files.keys.contains { $0.hasPrefix("manifest") })
    #expect(files.keys.contains { $0.hasSuffix(".table") })
    let world = try world(of: files)
    let check = EngineCheck(world.directory, fileSystem: world.files)
    #expect(check.problems == [])
    #expect(check.notes.contains { $0.contains("torn tail") } == (golden == .torn))
    for name in files.keys {
      var lines = 0
      try FileDump.write(
        "\(world.directory)/\(name)", fileSystem: world.files, entryLimit: 100
      ) { _ in lines += 1 }
      #expect(lines > 1, "\(name) as text")
    }
    let expected = try String(
      contentsOf: GoldenTests.place(version, golden).appendingPathExtension("content"),
      encoding: .utf8)
    #expect(try content(of: world) == expected)
    #expect(expected.contains("last-3") == (golden == .torn))
    #expect(!expected.contains("last-4"))
  }
}
