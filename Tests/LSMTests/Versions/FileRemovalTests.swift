// Table files that nothing needs any more: closed and removed by a thread that may wait, and in
// pieces.

import Foundation
import Glibc
import TestSupport
import Testing
import VFS

@testable import LSM

@Suite struct FileRemovalTests {
  private let clock = ManualClock()

  /// Bytes of the open file.
  private func byteCount(_ descriptor: Int32) -> Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : -1
  }

  @Test func `the name goes first, then the bytes, a piece at a time`() throws {
    let directory = NSTemporaryDirectory() + "strata-removal-\(UUID().uuidString)"
    let files = PosixFileSystem()
    try files.createDirectory(directory)
    defer { try? files.removeTree(directory) }
    let scheduler = ManualScheduler(clock: clock, seed: 1)
    let removal = FileRemoval(fileSystem: files, scheduler: scheduler)
    var watched: [Int32] = []
    defer { for descriptor in watched { close(descriptor) } }
    for (name, byteCount) in [("small", 1 << 20), ("large", 3 << 20), ("huge", 5 << 20)] {
      let path = directory + "/" + name
      let file = try files.create(path)
      try file.truncate(to: UInt64(byteCount))
      try file.close()
      watched.append(open(path, O_RDONLY))
      try removal.remove(path, byteCount: UInt64(byteCount))
    }
    #expect(try files.list(directory) == [])
    #expect(watched.map { byteCount($0) >> 20 } == [1, 3, 5])
    var sizes: [[Int]] = []
    for _ in 0..<9 {
      scheduler.run(forNanoseconds: 10_000_000)
      sizes.append(watched.dropFirst().map { byteCount($0) >> 20 })
    }
    // One piece at a time over all files; the last goes with the file itself, which is held here.
    #expect(
      sizes == [[2, 5], [1, 5], [1, 5], [1, 4], [1, 3], [1, 2], [1, 1], [1, 1], [1, 1]])
    #expect(!scheduler.runOne())
  }

  @Test func `whoever lets go of a file last does not close it`() throws {
    var world = try JobWorld(seed: 5)
    let scheduler = ManualScheduler(clock: clock, seed: 1)
    let store = TableStore(
      directory: "/db", fileSystem: world.files, scheduler: scheduler, cache: world.cache,
      removalFailed: { _ in })
    let memtable = world.memtable(entries: 100)
    let result = try FlushJob(
      [memtable], version: world.version, newer: .none, environment: world.environment
    ).run()
    let table = try #require(result.edit.additions.first?.table)
    var file: TableFile? = TableFile(table, in: store)
    weak let reader = try file?.handle.reader(wait: .allowed)
    file?.markObsolete()
    file = nil
    #expect(reader != nil)
    #expect(try world.files.list("/db").count == 1)
    scheduler.runReady()
    #expect(reader == nil)
    #expect(try world.files.list("/db") == [])
  }
}
