// A file system whose operations a StallWatch knows of: all that may wait for the device. Reads
// that must not wait are passed on as they are.

/// Passes everything on to another file system, watched.
package final class WatchedFileSystem: FileSystem {
  private let inner: any FileSystem
  private let watch: StallWatch

  package init(_ inner: any FileSystem, watch: StallWatch) {
    self.inner = inner
    self.watch = watch
  }

  package func createDirectory(_ path: String) throws(FileError) {
    try watch.watch(.createDirectory, path) { () throws(FileError) in
      try inner.createDirectory(path)
    }
  }

  package func list(_ directory: String) throws(FileError) -> [String] {
    try watch.watch(.list, directory) { () throws(FileError) in try inner.list(directory) }
  }

  package func exists(_ path: String) throws(FileError) -> Bool {
    try watch.watch(.stat, path) { () throws(FileError) in try inner.exists(path) }
  }

  package func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
    let file = try watch.watch(.open, path) { () throws(FileError) in
      try inner.openForReading(path)
    }
    return WatchedReadableFile(file, watch)
  }

  package func create(_ path: String) throws(FileError) -> any WritableFile {
    let file = try watch.watch(.create, path) { () throws(FileError) in try inner.create(path) }
    return WatchedWritableFile(file, watch)
  }

  package func openForOverwriting(_ path: String) throws(FileError) -> any WritableFile {
    let file = try watch.watch(.open, path) { () throws(FileError) in
      try inner.openForOverwriting(path)
    }
    return WatchedWritableFile(file, watch)
  }

  package func remove(_ path: String) throws(FileError) {
    try watch.watch(.remove, path) { () throws(FileError) in try inner.remove(path) }
  }

  package func removeTree(_ path: String) throws(FileError) {
    try watch.watch(.remove, path) { () throws(FileError) in try inner.removeTree(path) }
  }

  package func syncDirectory(_ path: String) throws(FileError) {
    try watch.watch(.syncDirectory, path) { () throws(FileError) in
      try inner.syncDirectory(path)
    }
  }

  package func lock(_ directory: String) throws(FileError) -> any DirectoryLock {
    try watch.watch(.lock, directory) { () throws(FileError) in try inner.lock(directory) }
  }

  package func availableByteCount(at path: String) throws(FileError) -> UInt64 {
    try watch.watch(.stat, path) { () throws(FileError) in try inner.availableByteCount(at: path) }
  }
}

private final class WatchedReadableFile: ReadableFile {
  private let inner: any ReadableFile
  private let watch: StallWatch
  let path: String
  let byteCount: UInt64

  init(_ inner: any ReadableFile, _ watch: StallWatch) {
    self.inner = inner
    self.watch = watch
    path = inner.path
    byteCount = inner.byteCount
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, wait: ReadWait
  ) throws(FileError) -> Int? {
    if wait == .forbidden { return try inner.read(into: buffer, at: offset, wait: wait) }
    return try watch.watch(.read, path) { () throws(FileError) in
      try inner.read(into: buffer, at: offset, wait: wait)
    }
  }
}

private final class WatchedWritableFile: WritableFile {
  private let inner: any WritableFile
  private let watch: StallWatch
  let path: String

  init(_ inner: any WritableFile, _ watch: StallWatch) {
    self.inner = inner
    self.watch = watch
    path = inner.path
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
    try watch.watch(.write, path) { () throws(FileError) in try inner.write(bytes, at: offset) }
  }

  func preallocate(_ byteCount: UInt64) throws(FileError) {
    try watch.watch(.preallocate, path) { () throws(FileError) in
      try inner.preallocate(byteCount)
    }
  }

  func mapForWriting(_ byteCount: UInt64) { inner.mapForWriting(byteCount) }

  func freeBlocks(from offset: UInt64) {
    try? watch.watch(.truncate, path) { () throws(FileError) in inner.freeBlocks(from: offset) }
  }

  func truncate(to byteCount: UInt64) throws(FileError) {
    try watch.watch(.truncate, path) { () throws(FileError) in
      try inner.truncate(to: byteCount)
    }
  }

  func beginWriteback(_ range: Range<UInt64>) {
    // Promises not to wait, and may all the same where the device's queue is full.
    try? watch.watch(.write, path) { () throws(FileError) in inner.beginWriteback(range) }
  }

  func sync() throws(FileError) {
    try watch.watch(.sync, path) { () throws(FileError) in try inner.sync() }
  }

  func close() throws(FileError) {
    try watch.watch(.close, path) { () throws(FileError) in try inner.close() }
  }
}
