// The simulated disk forgets what it may forget, and nothing else.

import Glibc
import Synchronization
import TestSupport
import Testing
import VFS

@Suite struct SimulatedFileSystemTests {
  /// A file system with the durable directory `/d`.
  func makeFiles() throws -> SimulatedFileSystem {
    let files = SimulatedFileSystem()
    try files.createDirectory("/d")
    try files.syncDirectory("/")
    return files
  }

  func append(_ text: String, to file: any WritableFile, at offset: UInt64) throws {
    try Array(text.utf8).withUnsafeBytes { try file.write($0, at: offset) }
  }

  @Test func `a power cut keeps synced bytes under synced names only`() throws {
    let files = try makeFiles()
    let named = try files.create("/d/named")
    try append("synced", to: named, at: 0)
    try named.sync()
    try files.syncDirectory("/d")
    try append(" lost", to: named, at: 6)
    let nameless = try files.create("/d/nameless")
    try append("synced", to: nameless, at: 0)
    try nameless.sync()

    let after = files.crashClone()
    #expect(try after.list("/d") == ["named"])
    #expect(try after.read("/d/named") == "synced")
    #expect(try files.read("/d/named") == "synced lost")
  }

  @Test func `a killed process loses nothing it has written`() throws {
    let files = try makeFiles()
    try files.write("unsynced", to: "/d/a")
    #expect(try files.crashClone(keeping: 1).read("/d/a") == "unsynced")
  }

  @Test func `an unsynced removal comes back, a synced one does not`() throws {
    let files = try makeFiles()
    try files.write("", to: "/d/a")
    try files.syncDirectory("/d")
    try files.remove("/d/a")
    #expect(try files.crashClone().exists("/d/a"))
    try files.syncDirectory("/d")
    #expect(try files.crashClone().exists("/d/a") == false)
  }

  @Test func `some crashes tear a write, and a seed repeats its crash`() throws {
    let files = try makeFiles()
    let file = try files.create("/d/a")
    try file.preallocate(8 << 10)
    try file.sync()
    try files.syncDirectory("/d")
    try append(String(repeating: "x", count: 4 << 10), to: file, at: 100)
    var counts: Set<Int> = []
    for seed in 0..<50 as Range<UInt64> {
      let bytes = files.crashClone(keeping: 0.5, seed: seed).contents(of: "/d/a")
      #expect(bytes == files.crashClone(keeping: 0.5, seed: seed).contents(of: "/d/a"))
      counts.insert(bytes?.count { $0 != 0 } ?? -1)
    }
    #expect(counts.contains(0))
    #expect(counts.contains(4 << 10))
    #expect(counts.contains { $0 > 0 && $0 < 4 << 10 })
  }

  @Test func `a planted fault fails the operation it names`() throws {
    let files = try makeFiles()
    let before = files.operationCount
    files.fault = { operation, _, index in
      operation == .write && index == before + 1 ? EIO : nil
    }
    let file = try files.create("/d/a")
    #expect(throws: FileError.io(path: "/d/a", operation: .write, errno: EIO)) {
      try append("half", to: file, at: 0)
    }
    #expect(try files.read("/d/a") == "ha")
    try append("whole", to: file, at: 0)
    #expect(try files.read("/d/a") == "whole")
  }

  @Test func `a failed sync loses the bytes even when the next one succeeds`() throws {
    let files = try makeFiles()
    let file = try files.create("/d/a")
    try files.syncDirectory("/d")
    try append("doomed", to: file, at: 0)
    files.fault = { operation, _, _ in operation == .sync ? EIO : nil }
    #expect(throws: FileError.self) { try file.sync() }
    files.fault = nil
    try file.sync()
    #expect(try files.read("/d/a") == "doomed")
    #expect(try files.crashClone().read("/d/a") == "")
  }

  @Test func `a full disk refuses growth and takes overwrites`() throws {
    let files = try makeFiles()
    files.byteCapacity = 10
    let file = try files.create("/d/a")
    try file.preallocate(10)
    try append("0123456789", to: file, at: 0)
    #expect(try files.availableByteCount(at: "/d") == 0)
    #expect(throws: FileError.io(path: "/d/a", operation: .write, errno: ENOSPC)) {
      try append("x", to: file, at: 10)
    }
    let other = try files.create("/d/b")
    let full = #expect(throws: FileError.self) { try other.preallocate(1) }
    #expect(full?.isOutOfSpace == true)
    try files.remove("/d/a")
    try other.preallocate(1)
  }

  @Test func `a hook may take a crash clone at every operation`() throws {
    let files = try makeFiles()
    let clones = Mutex<[SimulatedFileSystem]>([])
    files.fault = { [unowned files] _, _, _ in
      let clone = files.crashClone()
      clones.withLock { $0.append(clone) }
      return nil
    }
    try files.write("a", to: "/d/a")
    #expect(clones.withLock { $0.count } == 4)
  }

  @Test func `a cold file is not read without waiting`() throws {
    let files = try makeFiles()
    try files.write("a", to: "/d/a")
    files.readsWouldBlock = true
    let file = try files.openForReading("/d/a")
    #expect(try file.text(wait: .forbidden) == nil)
    #expect(try file.text(wait: .allowed) == "a")
  }
}
