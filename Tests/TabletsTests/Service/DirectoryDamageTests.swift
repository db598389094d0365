// The marker and the catalog with every byte flipped and every length cut: refused with the file's
// name, or the same tables as before, and never others. A run takes a sample; STRATA_DAMAGE=all
// takes everything (make damage-sweep).

import DataModel
import Foundation
import LSM
import TestSupport
import Testing
import VFS

@testable import Tablets

@Suite struct DirectoryDamageTests {
  private static let isWhole = ProcessInfo.processInfo.environment["STRATA_DAMAGE"] == "all"
  private static let sampleCount = 300

  private let world = ServiceWorld(seed: 3)
  private let before: [String]

  init() throws {
    let service = try world.open()
    for name in ["scores", "companies", "gone"] {
      try service.createTable(
        TableDefinition(
          name: name,
          families: [
            FamilyDefinition(name: "f", gc: .maxVersions(3), type: .int64),
            FamilyDefinition(name: "g", columns: [Array("m".utf8): .json]),
          ]))
      try world.apply(try service.find(name), "row", [.set("g", "q", 1_000, [1])])
    }
    try service.dropTable("gone")
    service.close()
    world.scheduler.runReady()
    let again = try world.open()
    before = try Self.contents(of: again)
    // Killed: what is in the catalog's own log stays there.
    world.files = world.files.crashClone(keeping: 1)
    again.close()
  }

  /// All that a reader may see.
  private static func contents(of service: TableService) throws -> [String] {
    var lines = service.damagedTables.map { "damaged \($0.id)" }
    for (definition, statistics) in zip(service.definitions(), service.statistics()) {
      let table = try service.find(definition.name)
      let rows = try table.rows(ScanRequest()).map { "\($0)" }
      lines.append("\(table.id) \(definition) \(statistics.putsTotal) \(rows)")
    }
    return lines
  }

  private enum Ending {
    case refused, same
    case wrong(String)
  }

  private func disk(with bytes: [UInt8]?, at path: String) throws -> SimulatedFileSystem {
    let disk = world.files.crashClone(keeping: 1)
    if let bytes { disk.setContents(of: path, to: bytes) } else { try disk.remove(path) }
    return disk
  }

  private func ending(of disk: SimulatedFileSystem, naming path: String) throws -> Ending {
    let clock = ManualClock()
    let scheduler = ManualScheduler(clock: clock, seed: 1)
    do throws(TableServiceError) {
      let service = try ServiceWorld.open(
        disk, clock: clock, scheduler: scheduler, seed: 1, options: world.options)
      defer { service.close() }
      let found = (try? Self.contents(of: service)) ?? ["cannot be read"]
      return found == before ? .same : .wrong("\(found)")
    } catch {
      let name = path.split(separator: "/").last ?? ""
      let isNamed = error.message.contains(name) || error.message.contains("/data")
      return isNamed ? .refused : .wrong("refused without a name: \(error.message)")
    }
  }

  private func check(_ disk: SimulatedFileSystem) throws -> DataDirectoryCheck {
    let scratch = try TemporaryFolder()
    return DataDirectoryCheck("/data", fileSystem: disk, scratch: scratch.path)
  }

  @Test(arguments: ["/data/STRATA", "/data/catalog.sqlite"])
  func `a flipped bit or a cut is found, or changes nothing`(path: String) throws {
    let whole = try #require(world.files.contents(of: path))
    var refused = 0
    var same = 0
    let step = Self.isWhole ? 1 : max(1, whole.count / Self.sampleCount)
    func plant(_ bytes: [UInt8], _ what: String) throws {
      let disk = try disk(with: bytes, at: path)
      let problems = try check(disk).problems
      switch try ending(of: disk, naming: path) {
      case .refused:
        refused += 1
        #expect(!problems.isEmpty, "\(path): \(what): refused, and the check finds nothing")
      case .same:
        same += 1
        #expect(problems.isEmpty, "\(path): \(what): served, and the check says \(problems)")
      case .wrong(let reason): Issue.record("\(path): \(what): \(reason)")
      }
    }
    for offset in stride(from: 0, to: whole.count, by: step) {
      var bytes = whole
      bytes[offset] ^= 1 << UInt8(offset % 8)
      try plant(bytes, "bit \(offset % 8) of byte \(offset)")
    }
    let flips = (refused, same)
    for count in stride(from: 0, to: whole.count, by: step) {
      try plant(Array(whole[..<count]), "cut to \(count)")
    }
    print(
      "damage: \(path): flipped bits \(flips.0 + flips.1): \(flips.0) found, \(flips.1) unused; "
        + "cut lengths \(refused + same - flips.0 - flips.1): \(refused - flips.0) found, "
        + "\(same - flips.1) unused, wrong 0")
    #expect(refused > 20)
    if path.hasSuffix("STRATA") { #expect(same == 0) }
  }

  /// The control: contents that fit their structure and not their checksum.
  @Test func `a rule that was changed in the catalog is noticed`() throws {
    let path = "/data/catalog.sqlite"
    var bytes = try #require(world.files.contents(of: path))
    let place = try #require(bytes.firstRange(of: Array("versions=3".utf8)))
    bytes[place.upperBound - 1] = UInt8(ascii: "1")
    let disk = try disk(with: bytes, at: path)
    guard case .refused = try ending(of: disk, naming: path) else {
      Issue.record("a rule with one version in place of three was believed")
      return
    }
    #expect(try check(disk).problems.contains { $0.contains("checksum") })
  }

  @Test func `the check tells what the directory lacks or has too much`() throws {
    #expect(try check(world.files).problems == [])
    #expect(try check(world.files).tablePaths == ["/data/tables/1", "/data/tables/2"])
    for (plant, expected) in [
      ({ try $0.removeTree("/data/tables/1") }, "/data/tables/1"),
      ({ try $0.createDirectory("/data/tables/77") }, "/data/tables/77"),
      ({ try $0.remove("/data/catalog.sqlite") }, "/data/catalog.sqlite"),
      ({ try $0.remove("/data/STRATA") }, "/data/STRATA"),
    ] as [((SimulatedFileSystem) throws -> Void, String)] {
      let disk = world.files.crashClone(keeping: 1)
      try plant(disk)
      let problems = try check(disk).problems
      #expect(problems.contains { $0.contains(expected) }, "\(expected): \(problems)")
    }
    let disk = world.files.crashClone(keeping: 1)
    try disk.createDirectory("/data/tables/3")
    disk.setContents(of: "/data/letters.txt", to: [1])
    let left = try check(disk)
    #expect(left.problems == [])
    #expect(left.notes.contains { $0.contains("/data/tables/3") })
    #expect(left.notes.contains { $0.contains("letters.txt") })
  }
}
