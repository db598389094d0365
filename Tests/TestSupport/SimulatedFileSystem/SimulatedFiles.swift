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
    try owner.begin(.read, path, offset: offset, byteCount: buffer.count)
    if wait == .forbidden, owner.isCold { return nil }
    return owner.locked {
      var count = 0
      if let start = Int(exactly: offset), start < file.bytes.count {
        count = min(buffer.count, file.bytes.count - start)
        buffer.copyBytes(from: file.bytes[start..<start + count])
      }
      owner.traceResult(count)
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
    let verdict = owner.admit(.write, path, offset: offset, byteCount: bytes.count)
    if let error = verdict.error {
      // A device that fails in the middle of a write leaves its beginning.
      let count = Int(Double(bytes.count) * verdict.landing)
      _ = apply(Array(bytes.prefix(count)), at: offset)
      throw error
    }
    try owner.end(.write, path, apply(Array(bytes), at: offset))
  }

  func preallocate(_ byteCount: UInt64) throws(FileError) {
    try owner.begin(.preallocate, path, offset: byteCount)
    let failed = owner.locked { () -> Int32? in
      guard let count = Int(exactly: byteCount) else { return EFBIG }
      guard count > file.bytes.count else { return nil }
      guard owner.hasRoom(for: count - file.bytes.count) else { return ENOSPC }
      file.apply(.resize(count))
      return nil
    }
    try owner.end(.preallocate, path, failed)
  }

  func freeBlocks(from offset: UInt64) {
    owner.locked {
      guard let start = Int(exactly: offset), start < file.bytes.count else { return }
      let zeros = [UInt8](repeating: 0, count: file.bytes.count - start)
      file.apply(.write(offset: start, bytes: zeros))
    }
  }

  func truncate(to byteCount: UInt64) throws(FileError) {
    try owner.begin(.truncate, path, offset: byteCount)
    let failed = owner.locked { () -> Int32? in
      guard let count = Int(exactly: byteCount) else { return EFBIG }
      file.apply(.resize(count))
      return nil
    }
    try owner.end(.truncate, path, failed)
  }

  func beginWriteback(_ range: Range<UInt64>) {}

  func sync() throws(FileError) {
    let verdict = owner.admit(.sync, path)
    if let error = verdict.error {
      owner.locked { file.failSync(keeping: verdict.landing, seed: verdict.seed) }
      throw error
    }
    if owner.ignoredSyncs.contains(.sync) { return }
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
