// Directories that are refused, and what an operator can read of the one that is taken.

import DataModel
import Glibc
import LSM
import Runtime
import Synchronization
import TestSupport
import Testing
import VFS

@testable import Tablets

@Suite struct DataDirectoryTests {
  @Test func `an empty directory, a missing one and a fresh disk are taken`() throws {
    for prepare in [
      { _ in }, { try $0.createDirectory("/data") }, { try $0.createDirectory("/data/lost+found") },
      { files in
        // A power cut after the marker's name, before its bytes.
        try files.createDirectory("/data")
        files.setContents(of: "/data/STRATA", to: [])
      },
    ] as [(SimulatedFileSystem) throws -> Void] {
      let world = ServiceWorld()
      try prepare(world.files)
      try world.open().close()
      #expect(
        world.files.contents(of: "/data/STRATA")
          == Array("strata data directory\nversion 1\n".utf8))
      try world.open().close()
    }
  }

  @Test func `a power cut while a directory is made leaves one that opens`() throws {
    let world = ServiceWorld()
    let clones = Mutex<[SimulatedFileSystem]>([])
    let files = world.files
    files.fault = { [unowned files] _, _, index in
      for seed in 0..<8 as Range<UInt64> {
        let clone = files.crashClone(keeping: 0.5, seed: UInt64(index) * 8 + seed)
        clones.withLock { $0.append(clone) }
      }
      return nil
    }
    try world.open().close()
    files.fault = nil
    for clone in clones.withLock({ $0 }) {
      let found = ServiceWorld()
      found.files = clone
      try found.open().close()
    }
  }

  @Test(arguments: ["/", "/srv", "/srv/strata"])
  func `a directory that an earlier start made is durable before it is used`(
    failing: String
  ) throws {
    let path = "/srv/strata/data"
    let scheduler = ManualScheduler(clock: ManualClock(), seed: 1)
    func open(_ files: SimulatedFileSystem) throws -> TableService {
      var options = TableServiceOptions()
      options.catalogPath = files.pathForSQLite(path + "/catalog.sqlite")
      return try TableService.open(
        path, fileSystem: files, time: ManualClock(), scheduler: scheduler, randomSeed: 1,
        options: options)
    }
    let files = SimulatedFileSystem()
    files.fault = { operation, path, _ in
      operation == .syncDirectory && path == failing ? EIO : nil
    }
    #expect(throws: TableServiceError.self) { _ = try open(files) }
    files.fault = nil
    let service = try open(files)
    try service.createTable(TableDefinition(name: "t", families: []))
    #expect(try open(files.crashClone()).definitions().map(\.name) == ["t"])
    service.close()
  }

  @Test func `a marker whose sync failed is written again before it is relied on`() throws {
    let world = ServiceWorld()
    world.files.plan = FaultPlan([
      .init(.partly(share: 0, errno: EIO), operations: [.sync], path: "STRATA")
    ])
    #expect(throws: TableServiceError.self) { _ = try world.open() }
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: []))
    world.crash()
    #expect(try world.open().definitions().map(\.name) == ["t"])
    service.close()
  }

  @Test func `a parent that nobody may read is not in the way of a directory that is there`() throws
  {
    let world = ServiceWorld()
    try world.files.createDirectory("/data")
    world.files.fault = { operation, path, _ in
      operation == .syncDirectory && path == "/" ? EACCES : nil
    }
    try world.open().close()
  }

  @Test func `a new table's directory is made durable once`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    let syncs = Atomic<Int>(0)
    world.files.fault = { operation, path, _ in
      if operation == .syncDirectory, path == "/data/tables" { syncs.add(1, ordering: .relaxed) }
      return nil
    }
    try service.createTable(TableDefinition(name: "t", families: []))
    #expect(syncs.load(ordering: .relaxed) == 1)
    world.crash()
    #expect(try world.open().definitions().map(\.name) == ["t"])
    service.close()
  }

  @Test func `a directory with other files in it is refused and left alone`() throws {
    let world = ServiceWorld()
    try world.files.createDirectory("/data")
    world.files.setContents(of: "/data/letters.txt", to: [1])
    expect("not_a_data_directory") { _ = try world.open() }
    #expect(try world.files.list("/data") == ["letters.txt"])
    world.files.setContents(of: "/data/STRATA", to: Array("something else\n".utf8))
    expect("not_a_data_directory") { _ = try world.open() }
  }

  @Test func `a directory of a newer version is refused`() throws {
    let world = ServiceWorld()
    try world.files.createDirectory("/data")
    world.files.setContents(
      of: "/data/STRATA", to: Array("strata data directory\nversion 2\n".utf8))
    expect("newer_version") { _ = try world.open() }
  }

  @Test func `tables are not removed because their catalog is gone`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: []))
    service.close()
    world.options.catalogPath = world.files.pathForSQLite("/data/other.sqlite")
    for _ in 0..<2 { expect("wrong_catalog") { _ = try world.open() } }
    world.options.catalogPath = nil
    let again = try world.open()
    #expect(again.definitions().map(\.name) == ["t"])
    again.close()
  }

  @Test func `a directory in use is refused until it is let go`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    expect("directory_in_use") { _ = try world.open() }
    service.close()
    try world.open().close()
  }

  @Test func `a catalog of a newer version, of another program or damaged is refused`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/catalog.sqlite"
    do {
      let database = try SQLiteDatabase(path: path)
      try database.execute("PRAGMA application_id = 7; CREATE TABLE other (x)")
    }
    expect("not_a_data_directory") { _ = try Catalog(path: path) }
    do {
      let database = try SQLiteDatabase(path: path)
      try database.execute(
        "PRAGMA application_id = 0x53545241; PRAGMA user_version = \(Catalog.formatVersion + 1)")
    }
    expect("newer_version") { _ = try Catalog(path: path) }
    let files = PosixFileSystem()
    try files.remove(path)
    let file = try files.create(path)
    let noise = [UInt8](repeating: 0x5a, count: 4_096)
    try noise.withUnsafeBytes { try file.write($0, at: 0) }
    let error = #expect(throws: TableServiceError.self) { _ = try Catalog(path: path) }
    guard case .corruptData(let message) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(message.contains(path))
  }

  @Test func `no permission is told`() throws {
    // Root may write anywhere.
    guard geteuid() != 0 else { return }
    let scheduler = ThreadScheduler()
    defer { scheduler.shutDown() }
    expect("no_permission") {
      _ = try TableService.open(
        "/proc/1/strata", fileSystem: PosixFileSystem(), time: SystemTime(), scheduler: scheduler,
        randomSeed: 1, options: TableServiceOptions())
    }
  }

  @Test func `the catalog reads well in a shell`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/catalog.sqlite"
    let catalog = try Catalog(path: path)
    let definition = TableDefinition(
      name: "scores",
      families: [
        FamilyDefinition(
          name: "s", gc: .union([.maxVersions(24), .maxAge(microseconds: 60_000_000)]),
          type: .int64, columns: [[]: .utf8, Array("m".utf8): .json]),
        FamilyDefinition(name: "n", aggregate: .sum),
      ])
    let row = try catalog.reserve(definition)
    try catalog.insert(row)
    let database = try SQLiteDatabase(path: path)
    var lines: [String] = []
    try database.query(
      """
      SELECT t.name || '|' || f.name || '|' || coalesce(f.gc, '-') || '|' || coalesce(f.type, '-')
        || '|' || coalesce(f.aggregate, '-')
      FROM tables t JOIN families f ON f.table_id = t.id ORDER BY f.name
      """
    ) { lines.append($0.text(0) ?? "") }
    #expect(
      lines == ["scores|n|-|-|sum", "scores|s|any(versions=24,age=60000ms)|int64|-"])
    let loaded = try #require(try catalog.load().first)
    #expect(loaded.schema.definition == definition)
    #expect(loaded.schema.familyIDs == row.schema.familyIDs)
    try catalog.drop(row.id)
    let next = try catalog.reserve(definition)
    #expect(next.id > row.id)
    #expect(try catalog.highestID() == next.id)
    try catalog.insert(next)
    #expect(try database.integer("SELECT count(*) FROM column_types") == 2)
  }
}
