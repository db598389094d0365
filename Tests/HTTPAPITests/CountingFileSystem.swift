// A file system that counts what is read through it.

import Synchronization
import VFS

/// The machine's files, with every read counted.
final class CountingFileSystem: FileSystem {
  private let base = PosixFileSystem()
  private let reads = Counter()

  /// Reads since the start, those that found nothing in memory included.
  var readCount: Int { reads.value }

  func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
    CountingFile(try base.openForReading(path), reads)
  }

  func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }
  func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
  func exists(_ path: String) throws(FileError) -> Bool { try base.exists(path) }
  func create(_ path: String) throws(FileError) -> any WritableFile { try base.create(path) }
  func openForOverwriting(_ path: String) throws(FileError) -> any WritableFile {
    try base.openForOverwriting(path)
  }
  func remove(_ path: String) throws(FileError) { try base.remove(path) }
  func removeTree(_ path: String) throws(FileError) { try base.removeTree(path) }
  func syncDirectory(_ path: String) throws(FileError) { try base.syncDirectory(path) }
  func lock(_ directory: String) throws(FileError) -> any DirectoryLock {
    try base.lock(directory)
  }
  func availableByteCount(at path: String) throws(FileError) -> UInt64 {
    try base.availableByteCount(at: path)
  }
}

private final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int { count.load(ordering: .sequentiallyConsistent) }
  func increment() { count.add(1, ordering: .sequentiallyConsistent) }
}

private final class CountingFile: ReadableFile {
  private let base: any ReadableFile
  private let reads: Counter

  init(_ base: any ReadableFile, _ reads: Counter) {
    self.base = base
    self.reads = reads
  }

  var path: String { base.path }
  var byteCount: UInt64 { base.byteCount }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, wait: ReadWait
  ) throws(FileError) -> Int? {
    reads.increment()
    return try base.read(into: buffer, at: offset, wait: wait)
  }
}
