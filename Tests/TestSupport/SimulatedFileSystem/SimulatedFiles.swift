// Open files and locks of the simulated file system.

internal import Glibc
internal import VFS

final class SimulatedReadableFile: ReadableFile {
  let path: String
  let byteCount: UInt64
  private let file: SimulatedFile
  private let owner: SimulatedFileSystem

  init(_ path: String, _ file: SimulatedFile, _ owner: SimulatedFileSystem) {
    self.path = path
    self.file = file
    self.owner = owner
    byteCount = UInt64(owner.locked { file.bytes.count })
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, wait: ReadWait
  ) throws(FileError) -> Int? {
    try owner.begin(.read, path)
    if wait == .forbidden, owner.isCold { return nil }
    return owner.locked {
      guard let start = Int(exactly: offset), start < file.bytes.count else { return 0 }
      let count = min(buffer.count, file.bytes.count - start)
      buffer.copyBytes(from: file.bytes[start..<start + count])
      return count
    }
  }
}

final class SimulatedWritableFile: WritableFile {
  let path: String
  private let file: SimulatedFile
  private let owner: SimulatedFileSystem

  init(_ path: String, _ file: SimulatedFile, _ owner: SimulatedFileSystem) {
    self.path = path
    self.file = file
    self.owner = owner
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
    do throws(FileError) {
      try owner.begin(.write, path)
    } catch {
      // A device that fails in the middle of a write leaves its beginning.
      _ = apply(Array(bytes.prefix(bytes.count / 2)), at: offset)
      throw error
    }
    if let failed = apply(Array(bytes), at: offset) { throw failure(.write, failed) }
  }

  func preallocate(_ byteCount: UInt64) throws(FileError) {
    try owner.begin(.preallocate, path)
    let failed = owner.locked { () -> Int32? in
      guard let count = Int(exactly: byteCount) else { return EFBIG }
      guard count > file.bytes.count else { return nil }
      guard owner.hasRoom(for: count - file.bytes.count) else { return ENOSPC }
      file.apply(.resize(count))
      return nil
    }
    if let failed { throw failure(.preallocate, failed) }
  }

  func truncate(to byteCount: UInt64) throws(FileError) {
    try owner.begin(.truncate, path)
    let failed = owner.locked { () -> Int32? in
      guard let count = Int(exactly: byteCount) else { return EFBIG }
      file.apply(.resize(count))
      return nil
    }
    if let failed { throw failure(.truncate, failed) }
  }

  func beginWriteback(_ range: Range<UInt64>) {}

  func sync() throws(FileError) {
    do throws(FileError) {
      try owner.begin(.sync, path)
    } catch {
      owner.locked { file.failSync() }
      throw error
    }
    owner.locked { file.sync() }
  }

  func close() throws(FileError) { try owner.begin(.close, path) }

  /// - Returns: The errno of a write that did not fit.
  private func apply(_ bytes: [UInt8], at offset: UInt64) -> Int32? {
    owner.locked {
      guard !bytes.isEmpty else { return nil }
      guard let start = Int(exactly: offset), start <= Int.max - bytes.count else { return EFBIG }
      guard owner.hasRoom(for: start + bytes.count - file.bytes.count) else { return ENOSPC }
      file.apply(.write(offset: start, bytes: bytes))
      return nil
    }
  }

  private func failure(_ operation: FileOperation, _ reason: Int32) -> FileError {
    .io(path: path, operation: operation, errno: reason)
  }
}

final class SimulatedDirectoryLock: DirectoryLock {
  private let directory: SimulatedDirectory
  private let owner: SimulatedFileSystem

  init(_ directory: SimulatedDirectory, _ owner: SimulatedFileSystem) {
    self.directory = directory
    self.owner = owner
  }

  deinit { owner.locked { directory.isLocked = false } }
}
