// The machine's files, read past the page cache (open(2), O_DIRECT): what is not in the engine's
// caches comes from the device. All but reading is the ordinary file system's.

import Glibc
import VFS

final class DirectFileSystem: FileSystem {
  private let files = PosixFileSystem()

  func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | pastPageCache)
    guard descriptor >= 0 else { throw .io(path: path, operation: .open, errno: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let reason = errno
      _ = close(descriptor)
      throw .io(path: path, operation: .stat, errno: reason)
    }
    return DirectFile(path, descriptor, byteCount: UInt64(clamping: status.st_size))
  }

  func createDirectory(_ path: String) throws(FileError) { try files.createDirectory(path) }
  func list(_ directory: String) throws(FileError) -> [String] { try files.list(directory) }
  func exists(_ path: String) throws(FileError) -> Bool { try files.exists(path) }
  func create(_ path: String) throws(FileError) -> any WritableFile { try files.create(path) }
  func openForOverwriting(_ path: String) throws(FileError) -> any WritableFile {
    try files.openForOverwriting(path)
  }
  func remove(_ path: String) throws(FileError) { try files.remove(path) }
  func removeTree(_ path: String) throws(FileError) { try files.removeTree(path) }
  func syncDirectory(_ path: String) throws(FileError) { try files.syncDirectory(path) }
  func lock(_ directory: String) throws(FileError) -> any DirectoryLock {
    try files.lock(directory)
  }
  func availableByteCount(at path: String) throws(FileError) -> UInt64 {
    try files.availableByteCount(at: path)
  }
}

/// O_DIRECT, which Swift's Glibc leaves out.
#if arch(arm64)
  private let pastPageCache: Int32 = 0o200_000
#else
  private let pastPageCache: Int32 = 0o40_000
#endif

/// Reads whole pages into a page-aligned piece and copies what was asked for, as RocksDB does.
private final class DirectFile: ReadableFile {
  private static let page: UInt64 = 4_096
  let path: String
  let byteCount: UInt64
  private let descriptor: Int32

  init(_ path: String, _ descriptor: Int32, byteCount: UInt64) {
    self.path = path
    self.descriptor = descriptor
    self.byteCount = byteCount
  }

  deinit { _ = close(descriptor) }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, wait: ReadWait
  ) throws(FileError) -> Int? {
    if wait == .forbidden { return nil }
    let end = min(offset.addingReportingOverflow(UInt64(buffer.count)).partialValue, byteCount)
    guard offset < end else { return 0 }
    let first = offset / DirectFile.page * DirectFile.page
    let count = Int((end - first + DirectFile.page - 1) / DirectFile.page * DirectFile.page)
    let piece = UnsafeMutableRawBufferPointer.allocate(
      byteCount: count, alignment: Int(DirectFile.page))
    defer { piece.deallocate() }
    var filled = 0
    while filled < Int(end - first) {
      let room = UnsafeMutableRawBufferPointer(rebasing: piece[filled...])
      let moved = pread(descriptor, room.baseAddress, room.count, off_t(first) + off_t(filled))
      if moved > 0 {
        filled += moved
      } else if moved == 0 || errno != EINTR {
        throw .io(path: path, operation: .read, errno: moved == 0 ? EIO : errno)
      }
    }
    let skipped = Int(offset - first)
    let wanted = UnsafeRawBufferPointer(rebasing: piece[skipped..<skipped + Int(end - offset)])
    buffer.copyMemory(from: wanted)
    return wanted.count
  }
}
