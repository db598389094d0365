// Tables whose files are gone or damaged: named, kept apart, dropped on demand; and creations that
// were interrupted, which are no damage.

import Bytes
import DataModel
import Glibc
import LSM
import Synchronization
import TestSupport
import Testing
import VFS

@testable import Tablets

@Suite struct DamagedTableTests {
  /// Closed, with tables "a", "b" and "c" of one row each, in directories 1 to 3.
  private func filledWorld() throws -> ServiceWorld {
    let world = ServiceWorld()
    let service = try world.open()
    for name in ["a", "b", "c"] {
      try service.createTable(
        TableDefinition(name: name, families: [FamilyDefinition(name: "f")]))
      try world.apply(try service.find(name), "row", [.set("f", "q", 1_000, [1])])
    }
    service.close()
    world.scheduler.runReady()
    return world
  }

  private func manifest(_ world: ServiceWorld, _ id: Int) throws -> String {
    let names = try world.files.list("/data/tables/\(id)").filter { $0.hasPrefix("manifest") }
    return "/data/tables/\(id)/" + (try #require(names.max()))
  }

  private enum Damage: CaseIterable {
    case directoryGone, filesGone, manifestFlipped, tableFileGone, newerManifest
  }

  private func plant(_ damage: Damage, in world: ServiceWorld) throws {
    let directory = "/data/tables/2"
    let files = world.files
    switch damage {
    case .directoryGone: try files.removeTree(directory)
    case .filesGone:
      for name in try files.list(directory) { try files.remove("\(directory)/\(name)") }
    case .manifestFlipped:
      let path = try manifest(world, 2)
      var bytes = try #require(files.contents(of: path))
      bytes[30] ^= 1
      files.setContents(of: path, to: bytes)
    case .tableFileGone:
      let name = try #require(try files.list(directory).first { $0.hasSuffix(".table") })
      try files.remove("\(directory)/\(name)")
    case .newerManifest:
      let path = try manifest(world, 2)
      var bytes = try #require(files.contents(of: path))
      bytes.replaceSubrange(8..<24, with: [9, 0, 0, 0] + bytes[12..<20] + [0, 0, 0, 0])
      bytes.withChecksum(at: 20)
      files.setContents(of: path, to: bytes)
    }
  }

  @Test(arguments: Damage.allCases)
  private func `a damaged table says so, and the others are served`(damage: Damage) throws {
    let world = try filledWorld()
    try plant(damage, in: world)
    for _ in 0..<2 {
      let service = try world.open()
      #expect(service.damagedTables.map(\.name) == ["b"])
      #expect(service.definitions().map(\.name) == ["a", "b", "c"])
      #expect(service.statistics().map(\.name) == ["a", "c"])
      for name in ["a", "c"] { #expect(try service.find(name).cells("row").count == 1) }
      let error = #expect(throws: TableServiceError.self) { try service.find("b") }
      #expect(error?.isDamage == true)
      #expect(error?.message.contains("/data/tables/2") == true)
      #expect(throws: TableServiceError.self) { try service.alterTable("b", []) }
      expect("table_exists") {
        try service.createTable(TableDefinition(name: "b", families: []))
      }
      service.close()
    }
    let service = try world.open()
    try service.dropTable("b")
    #expect(service.damagedTables.isEmpty)
    try service.createTable(TableDefinition(name: "b", families: [FamilyDefinition(name: "f")]))
    #expect(try service.find("b").cells("row") == [])
    service.close()
    let again = try world.open()
    #expect(again.damagedTables.isEmpty && again.definitions().map(\.name) == ["a", "b", "c"])
    again.close()
  }

  @Test func `files put back are served again`() throws {
    let world = try filledWorld()
    let path = try manifest(world, 2)
    let bytes = try #require(world.files.contents(of: path))
    try world.files.remove(path)
    let service = try world.open()
    #expect(service.damagedTables.count == 1)
    service.close()
    _ = try world.files.create(path)
    world.files.setContents(of: path, to: bytes)
    let again = try world.open()
    #expect(try again.find("b").cells("row").count == 1)
    again.close()
  }

  /// The machine stops at each file operation of a creation; the catalog is as far as it got.
  @Test func `an interrupted creation leaves no table and no damage`() throws {
    var stopped = 0
    var isCreated = false
    while !isCreated {
      let world = try filledWorld()
      let service = try world.open()
      let target = world.files.operationCount + stopped
      let files = world.files
      let isDead = Mutex(false)
      files.fault = { _, _, index in
        if index == target { isDead.withLock { $0 = true } }
        return isDead.withLock { $0 } ? 5 : nil
      }
      isCreated = (try? service.createTable(TableDefinition(name: "d", families: []))) != nil
      world.crash()
      let again = try world.open()
      #expect(again.damagedTables.isEmpty, "operation \(stopped)")
      let names = again.definitions().map(\.name)
      #expect(names == (isCreated ? ["a", "b", "c", "d"] : ["a", "b", "c"]), "\(stopped)")
      #expect(try world.files.list("/data/tables").count == names.count, "operation \(stopped)")
      try again.createTable(TableDefinition(name: "e", families: []))
      again.close()
      stopped += 1
    }
    #expect(stopped > 10)
  }

  @Test func `a catalog that cannot be read now is not called damaged`() throws {
    let world = try filledWorld()
    var refusals = 0
    for skipped in 0..<200 {
      world.files.plan = FaultPlan([
        .init(.fail(errno: EIO), operations: [.read], path: "catalog", skip: skipped)
      ])
      do throws(TableServiceError) {
        try world.open().close()
      } catch {
        guard case .retryLater = error else { throw error }
        refusals += 1
      }
    }
    #expect(refusals > 5)
    world.files.plan = FaultPlan()
    #expect(try world.open().definitions().map(\.name) == ["a", "b", "c"])
  }
}

extension [UInt8] {
  /// Puts the checksum of all bytes before it at `offset`.
  fileprivate mutating func withChecksum(at offset: Int) {
    let sum = ByteView.of(Array(self[..<offset])) { CRC32C.checksum($0) }
    for index in 0..<4 {
      self[offset + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index)))
    }
  }
}
