// Open files of this machine: reads by range, writes in place, each whole or an error.

internal import CLinux
internal import Glibc

/// A file opened for reading; the descriptor closes with the object.
final class PosixReadableFile: ReadableFile {
  let path: String
  let byteCount: UInt64
  private let descriptor: Int32

  init(_ path: String, _ descriptor: Int32, byteCount: UInt64) {
    self.path = path
    self.descriptor = descriptor
    self.byteCount = byteCount
  }

  deinit { _ = Glibc.close(descriptor) }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, wait: ReadWait
  ) throws(FileError) -> Int? {
    guard let base = buffer.baseAddress else { return 0 }
    guard let start = off_t(exactly: offset), start <= off_t.max - off_t(buffer.count) else {
      throw .io(path: path, operation: .read, errno: EINVAL)
    }
    var filled = 0
    var mayWait = wait == .allowed
    while true {
      let result = transfer(buffer.count, from: filled) { done in
        let room = buffer.count - done
        let from = start + off_t(done)
        return mayWait
          ? pread(descriptor, base + done, room, from)
          : strata_pread_nowait(descriptor, base + done, room, from)
      }
      filled = result.count
      switch result.errno {
      case 0: return filled
      case EAGAIN where !mayWait: return nil
      // A file system that cannot tell: such ones (tmpfs) hold their files in memory.
      case EOPNOTSUPP where !mayWait: mayWait = true
      case let reason: throw .io(path: path, operation: .read, errno: reason)
      }
    }
  }
}

/// Moves bytes by calls that may move fewer than asked or be interrupted by a signal, until all are
/// moved, the file ends, or a call fails for another reason.
///
/// - Parameter step: Called with how many bytes are moved already; returns how many more were, 0 at
///   the end of the file, -1 with `errno` set.
/// - Returns: Bytes moved, and the errno that ended it, else 0.
func transfer(
  _ count: Int, from start: Int = 0, _ step: (_ done: Int) -> Int
) -> (count: Int, errno: Int32) {
  var done = start
  while done < count {
    let moved = step(done)
    if moved > 0 {
      done += moved
    } else if moved == 0 {
      break
    } else if errno != EINTR {
      return (done, errno)
    }
  }
  return (done, 0)
}

/// A file opened for writing. `@unchecked`: one writer at a time, as `WritableFile` asks.
final class PosixWritableFile: WritableFile, @unchecked Sendable {
  let path: String
  private var descriptor: Int32
  /// Set before the file is used.
  private var mapped: MappedFile?

  init(_ path: String, _ descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
  }

  func mapForWriting(_ byteCount: UInt64) {
    mapped = MappedFile(descriptor, byteCount: byteCount)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
    guard let base = bytes.baseAddress else { return }
    if let mapped, mapped.write(bytes, at: offset) { return }
    guard let start = off_t(exactly: offset), start <= off_t.max - off_t(bytes.count) else {
      throw failure(.write, EFBIG)
    }
    let result = transfer(bytes.count) { done in
      pwrite(descriptor, base + done, bytes.count - done, start + off_t(done))
    }
    guard result.errno == 0 else { throw failure(.write, result.errno) }
    guard result.count == bytes.count else { throw failure(.write, EIO) }
  }

  func preallocate(_ byteCount: UInt64) throws(FileError) {
    guard byteCount > 0 else { return }
    guard let length = off_t(exactly: byteCount) else { throw failure(.preallocate, EFBIG) }
    guard retryingInterrupts({ strata_preallocate(descriptor, 0, length) }) != 0 else { return }
    guard errno == EOPNOTSUPP else { throw failure(.preallocate, errno) }
    try fillWithZeros(to: byteCount)
  }

  func freeBlocks(from offset: UInt64) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, let start = off_t(exactly: offset),
      start < status.st_size
    else { return }
    _ = retryingInterrupts { strata_punch_hole(descriptor, start, status.st_size - start) }
  }

  func truncate(to byteCount: UInt64) throws(FileError) {
    guard let length = off_t(exactly: byteCount) else { throw failure(.truncate, EFBIG) }
    guard retryingInterrupts({ ftruncate(descriptor, length) }) == 0 else {
      throw failure(.truncate, errno)
    }
  }

  func beginWriteback(_ range: Range<UInt64>) {
    guard let offset = off_t(exactly: range.lowerBound), let count = off_t(exactly: range.count)
    else { return }
    _ = strata_begin_writeback(descriptor, offset, count)
  }

  func sync() throws(FileError) {
    let end = mapped?.writtenEnd
    guard retryingInterrupts({ fdatasync(descriptor) }) == 0 else { throw failure(.sync, errno) }
    if let end { mapped?.letGo(upTo: end) }
  }

  func close() throws(FileError) {
    guard descriptor >= 0 else { return }
    let closing = descriptor
    descriptor = -1
    mapped = nil
    // Linux frees the descriptor even when it reports an interruption: never close twice.
    guard Glibc.close(closing) == 0 || errno == EINTR else { throw failure(.close, errno) }
  }

  /// Reserves by writing, where the file system has no other way.
  private func fillWithZeros(to byteCount: UInt64) throws(FileError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(.stat, errno) }
    let zeros = [UInt8](repeating: 0, count: 64 << 10)
    var offset = UInt64(clamping: status.st_size)
    while offset < byteCount {
      let count = Int(min(UInt64(zeros.count), byteCount - offset))
      let result = zeros.withUnsafeBytes { (bytes) -> Result<Void, FileError> in
        do throws(FileError) {
          return .success(try write(UnsafeRawBufferPointer(rebasing: bytes[0..<count]), at: offset))
        } catch {
          return .failure(error)
        }
      }
      try result.get()
      offset += UInt64(count)
    }
  }

  private func failure(_ operation: FileOperation, _ reason: Int32) -> FileError {
    .io(path: path, operation: operation, errno: reason)
  }
}
