// What only the machine's file system can show.

import Glibc
import Testing
import VFS

@Suite struct PosixFileSystemTests {
  @Test func `removing a tree leaves what its links point to`() throws {
    try FileSystemUnderTest.posix.use { files, directory in
      try files.createDirectory(directory + "/kept")
      try files.write("1", to: directory + "/kept/file")
      try files.createDirectory(directory + "/gone/deep")
      #expect(symlink(directory + "/kept", directory + "/gone/link") == 0)
      try files.removeTree(directory + "/gone")
      #expect(try files.list(directory) == ["kept"])
      #expect(try files.list(directory + "/kept") == ["file"])
    }
  }

  @Test func `preallocating past every disk fails`() throws {
    try FileSystemUnderTest.posix.use { files, directory in
      let file = try files.create(directory + "/huge")
      let failed = #expect(throws: FileError.self) { try file.preallocate(1 << 60) }
      guard case .io(_, .preallocate, let reason)? = failed else { return }
      #expect([ENOSPC, EFBIG].contains(reason))
    }
  }

  @Test func `memory that the file system takes away is written by calls`() throws {
    try FileSystemUnderTest.posix.use { files, directory in
      let path = directory + "/a"
      try files.create(path).close()
      let file = try files.openForOverwriting(path)
      try file.preallocate(1 << 20)
      file.mapForWriting(1 << 20)
      try Array("one".utf8).withUnsafeBytes { try file.write($0, at: 0) }
      // Behind its end a mapped file faults, as where a full or broken disk refuses a page.
      try files.openForOverwriting(path).truncate(to: 0)
      for offset in [500_000, 500_003, 700_000] as [UInt64] {
        try Array("two".utf8).withUnsafeBytes { try file.write($0, at: offset) }
      }
      try file.sync()
      #expect(try files.read(path, from: 500_000, count: 6) == "twotwo")
      #expect(try files.read(path, from: 700_000) == "two")
      try file.close()
    }
  }

  @Test func `freed blocks are the disk's again`() throws {
    try FileSystemUnderTest.posix.use { files, directory in
      let path = directory + "/a"
      let file = try files.create(path)
      try file.preallocate(1 << 20)
      #expect(try blockBytes(of: path) >= 1 << 20)
      file.freeBlocks(from: 64 << 10)
      #expect(try blockBytes(of: path) <= 128 << 10)
      try file.preallocate(1 << 20)
      #expect(try blockBytes(of: path) >= 1 << 20)
      try file.close()
    }
  }

  /// Bytes that the file has on its device.
  private func blockBytes(of path: String) throws -> Int {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return Int(status.st_blocks) * 512
  }

  @Test func `a closed file stays closed`() throws {
    try FileSystemUnderTest.posix.use { files, directory in
      let file = try files.create(directory + "/a")
      try file.close()
      try file.close()
      #expect(throws: FileError.io(path: directory + "/a", operation: .sync, errno: EBADF)) {
        try file.sync()
      }
    }
  }

  @Test func `an error tells file, call and reason`() {
    let error = FileError.io(path: "/x/y", operation: .open, errno: ENOENT)
    #expect("\(error)" == "open /x/y: No such file or directory (errno 2)")
    #expect("\(FileError.alreadyLocked(path: "/x"))" == "/x is in use by another process")
    #expect(!error.isOutOfSpace)
  }
}
