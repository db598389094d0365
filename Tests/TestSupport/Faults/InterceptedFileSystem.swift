// A file system in front of another one: each call is put before a judge, who may let it pass, make
// it fail, cut a write short, or claim success for what was not done. The judge may also wait, as a
// stalled disk does.

internal import Glibc
package import VFS

/// One call as the judge sees it.
package struct FileCall: Sendable {
  package let operation: FileOperation
  package let path: String
  /// Counted from 0.
  package let index: Int
  /// Of writes.
  package var offset: UInt64 = 0
  /// Of writes and reservations.
  package var byteCount = 0

  package init(
    operation: FileOperation, path: String, index: Int, offset: UInt64 = 0, byteCount: Int = 0
  ) {
    self.operation = operation
    self.path = path
    self.index = index
    self.offset = offset
    self.byteCount = byteCount
  }

  package var name: Substring { path.split(separator: "/").last ?? "" }
  package var isLog: Bool { path.hasSuffix(".log") }
  package var isTableFile: Bool { path.hasSuffix(".table") }
  package var isManifest: Bool { name.hasPrefix("manifest-") }
}

/// What becomes of a call.
package enum Verdict: Sendable {
  case proceed
  /// Nothing is done but, as on Linux, a failed sync lets go of what it should have written.
  case fail(Int32)
  /// So many bytes are written before the write fails.
  case short(Int, Int32)
  /// Nothing is done and success is claimed: a disk that lies.
  case lie
}

/// Judges every call to an inner file system.
package final class InterceptedFileSystem: FileSystem {
  package typealias Judge = @Sendable (FileCall) -> Verdict

  private let inner: SimulatedFileSystem
  private let judge: Judge
  private let after: @Sendable (FileCall) -> Void

  /// - Parameter after: Told of each call that was done.
  package init(
    _ inner: SimulatedFileSystem, judge: @escaping Judge,
    after: @escaping @Sendable (FileCall) -> Void = { _ in }
  ) {
    self.inner = inner
    self.judge = judge
    self.after = after
  }

  /// Runs `work` unless the judge has decided otherwise; nil for a lie.
  fileprivate func run<Result>(
    _ operation: FileOperation, _ path: String, offset: UInt64 = 0, byteCount: Int = 0,
    short: (Int) throws(FileError) -> Void = { (_) throws(FileError) in },
    _ work: () throws(FileError) -> Result
  ) throws(FileError) -> Result? {
    let call = FileCall(
      operation: operation, path: path, index: inner.operationCount, offset: offset,
      byteCount: byteCount)
    switch judge(call) {
    case .proceed: break
    case .fail(let errno):
      if operation == .sync { inner.loseUnsynced(path) }
      throw .io(path: path, operation: operation, errno: errno)
    case .short(let count, let errno):
      try short(count)
      throw .io(path: path, operation: operation, errno: errno)
    case .lie: return nil
    }
    let result = try work()
    after(call)
    return result
  }

  package func createDirectory(_ path: String) throws(FileError) {
    _ = try run(.createDirectory, path) { () throws(FileError) in try inner.createDirectory(path) }
  }

  package func list(_ directory: String) throws(FileError) -> [String] {
    try run(.list, directory) { () throws(FileError) in try inner.list(directory) } ?? []
  }

  package func exists(_ path: String) throws(FileError) -> Bool {
    try run(.stat, path) { () throws(FileError) in try inner.exists(path) } ?? false
  }

  package func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
    let file = try opened(.open, path) { () throws(FileError) in try inner.openForReading(path) }
    return InterceptedReadableFile(file, self)
  }

  package func create(_ path: String) throws(FileError) -> any WritableFile {
    let file = try opened(.create, path) { () throws(FileError) in try inner.create(path) }
    return InterceptedWritableFile(file, self)
  }

  package func openForOverwriting(_ path: String) throws(FileError) -> any WritableFile {
    let file = try opened(.open, path) { () throws(FileError) in
      try inner.openForOverwriting(path)
    }
    return InterceptedWritableFile(file, self)
  }

  /// A lie is of no use where a file must come back.
  private func opened<File>(
    _ operation: FileOperation, _ path: String, _ open: () throws(FileError) -> File
  ) throws(FileError) -> File {
    guard let file = try run(operation, path, open) else {
      throw .io(path: path, operation: operation, errno: EIO)
    }
    return file
  }

  package func remove(_ path: String) throws(FileError) {
    _ = try run(.remove, path) { () throws(FileError) in try inner.remove(path) }
  }

  package func removeTree(_ path: String) throws(FileError) {
    _ = try run(.remove, path) { () throws(FileError) in try inner.removeTree(path) }
  }

  package func syncDirectory(_ path: String) throws(FileError) {
    _ = try run(.syncDirectory, path) { () throws(FileError) in try inner.syncDirectory(path) }
  }

  package func lock(_ directory: String) throws(FileError) -> any DirectoryLock {
    try opened(.lock, directory) { () throws(FileError) in try inner.lock(directory) }
  }

  package func availableByteCount(at path: String) throws(FileError) -> UInt64 {
    try run(.stat, path) { () throws(FileError) in try inner.availableByteCount(at: path) } ?? 0
  }
}

private final class InterceptedReadableFile: ReadableFile {
  let file: any ReadableFile
  let owner: InterceptedFileSystem
  var path: String { file.path }
  var byteCount: UInt64 { file.byteCount }

  init(_ file: any ReadableFile, _ owner: InterceptedFileSystem) {
    self.file = file
    self.owner = owner
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, wait: ReadWait
  ) throws(FileError) -> Int? {
    try owner.run(.read, path, offset: offset, byteCount: buffer.count) {
      () throws(FileError) -> Int? in
      try file.read(into: buffer, at: offset, wait: wait)
    } ?? nil
  }
}

private final class InterceptedWritableFile: WritableFile {
  let file: any WritableFile
  let owner: InterceptedFileSystem
  var path: String { file.path }

  init(_ file: any WritableFile, _ owner: InterceptedFileSystem) {
    self.file = file
    self.owner = owner
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
    _ = try owner.run(
      .write, path, offset: offset, byteCount: bytes.count,
      short: { (count) throws(FileError) in
        try file.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)), at: offset)
      }
    ) { () throws(FileError) in try file.write(bytes, at: offset) }
  }

  func preallocate(_ byteCount: UInt64) throws(FileError) {
    _ = try owner.run(.preallocate, path, byteCount: Int(clamping: byteCount)) {
      () throws(FileError) in try file.preallocate(byteCount)
    }
  }

  func freeBlocks(from offset: UInt64) { file.freeBlocks(from: offset) }

  func truncate(to byteCount: UInt64) throws(FileError) {
    _ = try owner.run(.truncate, path) { () throws(FileError) in
      try file.truncate(to: byteCount)
    }
  }

  func beginWriteback(_ range: Range<UInt64>) { file.beginWriteback(range) }

  func sync() throws(FileError) {
    _ = try owner.run(.sync, path) { () throws(FileError) in try file.sync() }
  }

  func close() throws(FileError) {
    _ = try owner.run(.close, path) { () throws(FileError) in try file.close() }
  }
}
