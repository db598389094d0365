// What every file system promises, tried on the machine's and on the simulated one.

import Glibc
import TestSupport
import Testing
import VFS

/// A file system with a directory of its own.
struct FileSystemUnderTest: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var make: @Sendable () throws -> (any FileSystem, String)

  static let posix = FileSystemUnderTest(testDescription: "posix") {
    var template = Array("/tmp/strata-vfs-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template))
    return (PosixFileSystem(), String(cString: made))
  }
  static let simulated = FileSystemUnderTest(testDescription: "simulated") {
    let files = SimulatedFileSystem()
    try files.createDirectory("/data")
    return (files, "/data")
  }
  static let all = [posix, simulated]

  /// Runs `body` with a fresh directory and removes it.
  func use(_ body: (any FileSystem, String) throws -> Void) throws {
    let (files, directory) = try make()
    try body(files, directory)
    try files.removeTree(directory)
  }
}

extension FileSystem {
  func write(_ text: String, to path: String, at offset: UInt64 = 0) throws {
    let file = try exists(path) ? openForOverwriting(path) : create(path)
    try Array(text.utf8).withUnsafeBytes { try file.write($0, at: offset) }
    try file.close()
  }

  /// The file's text from `offset`, read by range.
  func read(_ path: String, from offset: UInt64 = 0, count: Int = 100) throws -> String? {
    try openForReading(path).text(from: offset, count: count, wait: .allowed)
  }
}

extension ReadableFile {
  func bytes() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(byteCount))
    let count = try bytes.withUnsafeMutableBytes { try read(into: $0, at: 0, wait: .allowed) }
    #expect(count == bytes.count)
    return bytes
  }

  func text(
    from offset: UInt64 = 0, count: Int = 100, wait: ReadWait = .allowed
  ) throws -> String? {
    try withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
      try read(into: buffer, at: offset, wait: wait)
        .map { String(decoding: buffer[0..<$0], as: UTF8.self) }
    }
  }
}

@Suite struct FileSystemContractTests {
  @Test(arguments: FileSystemUnderTest.all)
  func `written bytes are read back by range`(_ system: FileSystemUnderTest) throws {
    try system.use { files, directory in
      let path = directory + "/a"
      try files.write("hello world", to: path)
      #expect(try files.read(path) == "hello world")
      #expect(try files.read(path, from: 6, count: 3) == "wor")
      #expect(try files.read(path, from: 9) == "ld")
      #expect(try files.read(path, from: 11) == "")
      #expect(try files.read(path, from: 1 << 40) == "")
      #expect(try files.openForReading(path).byteCount == 11)
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `overwriting keeps the length and what is not written`(
    _ system: FileSystemUnderTest
  ) throws {
    try system.use { files, directory in
      let path = directory + "/log"
      try files.write("old old old", to: path)
      try files.write("new", to: path)
      #expect(try files.read(path) == "new old old")
      let file = try files.openForOverwriting(path)
      try file.truncate(to: 5)
      try file.preallocate(8)
      try file.preallocate(2)
      try file.sync()
      try file.close()
      #expect(try files.read(path) == "new o\0\0\0")
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `freed blocks keep the length and what is before them`(
    _ system: FileSystemUnderTest
  ) throws {
    try system.use { files, directory in
      let path = directory + "/log"
      try files.create(path).close()
      let file = try files.openForOverwriting(path)
      try file.preallocate(32 << 10)
      file.mapForWriting(32 << 10)
      try Array("kept".utf8).withUnsafeBytes { try file.write($0, at: 8_188) }
      try Array("gone".utf8).withUnsafeBytes { try file.write($0, at: 8_192) }
      file.freeBlocks(from: 8_192)
      file.freeBlocks(from: 1 << 40)
      #expect(try files.openForReading(path).byteCount == 32 << 10)
      #expect(try files.read(path, from: 8_188, count: 8) == "kept\0\0\0\0")
      try file.preallocate(32 << 10)
      try Array("new".utf8).withUnsafeBytes { try file.write($0, at: 8_193) }
      try file.sync()
      try file.close()
      #expect(try files.read(path, from: 8_188, count: 9) == "kept\0new\0")
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `a write past the end leaves zeros between`(_ system: FileSystemUnderTest) throws {
    try system.use { files, directory in
      try files.write("x", to: directory + "/sparse", at: 3)
      #expect(try files.read(directory + "/sparse") == "\0\0\0x")
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `what is written through memory is there like all else`(
    _ system: FileSystemUnderTest
  ) throws {
    try system.use { files, directory in
      let path = directory + "/mapped"
      try files.create(path).close()
      let file = try files.openForOverwriting(path)
      let byteCount = (2 << 20) + 12_345
      try file.preallocate(UInt64(byteCount))
      file.mapForWriting(UInt64(byteCount))
      var random = SeededGenerator(seed: 3)
      var expected = [UInt8](repeating: 0, count: byteCount)
      var offset = 0
      // Small and long ones, within a window and across two, and some behind the reservation.
      while offset < byteCount {
        let count = random.chance(0.02) ? 300_000 : Int.random(in: 1...9_000, using: &random)
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ offset) }
        try bytes.withUnsafeBytes { try file.write($0, at: UInt64(offset)) }
        if offset + count > expected.count {
          expected += [UInt8](repeating: 0, count: offset + count - expected.count)
        }
        expected.replaceSubrange(offset..<offset + count, with: bytes)
        if random.chance(0.1) { try file.sync() }
        // Back now and then, over what is there.
        offset += random.chance(0.1) ? -min(offset, count / 2) : count
      }
      #expect(try files.openForReading(path).bytes() == expected)
      try file.close()
      #expect(try files.openForReading(path).bytes() == expected)
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `creating refuses an existing file`(_ system: FileSystemUnderTest) throws {
    try system.use { files, directory in
      try files.write("1", to: directory + "/a")
      #expect(throws: FileError.io(path: directory + "/a", operation: .create, errno: EEXIST)) {
        try files.create(directory + "/a")
      }
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `what is missing is an error with its path`(_ system: FileSystemUnderTest) throws {
    try system.use { (files, directory) throws in
      let path = directory + "/missing"
      let open = FileError.io(path: path, operation: .open, errno: ENOENT)
      #expect(throws: open) { try files.openForReading(path) }
      #expect(throws: open) { try files.openForOverwriting(path) }
      #expect(throws: FileError.io(path: path, operation: .remove, errno: ENOENT)) {
        try files.remove(path)
      }
      #expect(throws: FileError.io(path: path, operation: .list, errno: ENOENT)) {
        try files.list(path)
      }
      #expect(throws: FileError.self) { try files.syncDirectory(path) }
      #expect(throws: FileError.self) { try files.lock(path) }
      #expect(try files.exists(path) == false)
      #expect(try files.exists(path + "/below") == false)
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `directories are made with parents, listed and removed`(
    _ system: FileSystemUnderTest
  ) throws {
    try system.use { files, directory in
      try files.createDirectory(directory + "/x/y/z")
      try files.createDirectory(directory + "/x/y/z")
      try files.write("1", to: directory + "/x/y/a")
      try files.syncDirectory(directory + "/x/y")
      #expect(try files.list(directory + "/x/y").sorted() == ["a", "z"])
      #expect(throws: FileError.self) { try files.createDirectory(directory + "/x/y/a") }
      try files.remove(directory + "/x/y/a")
      #expect(try files.list(directory + "/x/y") == ["z"])
      try files.removeTree(directory + "/x")
      #expect(try files.list(directory).isEmpty)
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `an open file outlives its name`(_ system: FileSystemUnderTest) throws {
    try system.use { files, directory in
      try files.write("still here", to: directory + "/a")
      let open = try files.openForReading(directory + "/a")
      try files.remove(directory + "/a")
      #expect(try open.text() == "still here")
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `a directory has one owner at a time`(_ system: FileSystemUnderTest) throws {
    try system.use { files, directory in
      do {
        let held = try files.lock(directory)
        #expect(throws: FileError.alreadyLocked(path: directory)) { try files.lock(directory) }
        withExtendedLifetime(held) {}
      }
      _ = try files.lock(directory)
    }
  }

  @Test(arguments: FileSystemUnderTest.all)
  func `a read that may not wait finds fresh bytes in memory`(
    _ system: FileSystemUnderTest
  ) throws {
    try system.use { files, directory in
      try files.write("fresh", to: directory + "/a")
      let file = try files.openForReading(directory + "/a")
      #expect(try file.text(wait: .forbidden) == "fresh")
    }
  }
}
