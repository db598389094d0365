// What the store asks of a file system, and what each call promises about durability. Nothing
// above this line opens a file, renames one or assumes more than is said here.

/// How a read may wait.
package enum ReadWait: Sendable {
  /// Wait for the disk.
  case allowed
  /// Return nil instead of waiting: the caller is an event loop.
  case forbidden
}

/// Files and directories by path. Paths are absolute or relative to the process, UTF-8.
package protocol FileSystem: AnyObject, Sendable {
  /// Creates the directory and missing parents; an existing one is fine. Not durable until the
  /// parent is synced.
  func createDirectory(_ path: String) throws(FileError)
  /// Names in the directory, without `.` and `..`, in no order.
  func list(_ directory: String) throws(FileError) -> [String]
  func exists(_ path: String) throws(FileError) -> Bool
  /// An immutable file for reading by range.
  func openForReading(_ path: String) throws(FileError) -> any ReadableFile
  /// A new file for writing; refuses an existing one. Its name is durable after `syncDirectory`.
  func create(_ path: String) throws(FileError) -> any WritableFile
  /// An existing file for overwriting from the start, its length kept (a recycled log).
  func openForOverwriting(_ path: String) throws(FileError) -> any WritableFile
  /// Removes a file. Durable after `syncDirectory`; a removal that is lost costs only space.
  func remove(_ path: String) throws(FileError)
  /// Removes a directory and all it holds.
  func removeTree(_ path: String) throws(FileError)
  /// Makes creations and removals in the directory durable.
  func syncDirectory(_ path: String) throws(FileError)
  /// Takes the directory for this process alone, or throws `.alreadyLocked`.
  func lock(_ directory: String) throws(FileError) -> any DirectoryLock
  /// Bytes the file system could still take.
  func availableByteCount(at path: String) throws(FileError) -> UInt64
}

/// An open file to read. Safe for concurrent use. Closed when released.
package protocol ReadableFile: AnyObject, Sendable {
  var path: String { get }
  var byteCount: UInt64 { get }
  /// Fills `buffer` from `offset`.
  ///
  /// - Returns: Bytes read, fewer than asked only at the end of the file; nil when `wait` is
  ///   `.forbidden` and the bytes are not in memory.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, wait: ReadWait
  ) throws(FileError) -> Int?
}

extension ReadableFile {
  /// Writes the bytes of `range` to the same places of `target`, as far as this file goes. Waits
  /// for the disk and holds 64 KiB.
  package func copy(_ range: Range<UInt64>, to target: any WritableFile) throws(FileError) {
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { piece.deallocate() }
    var offset = range.lowerBound
    while offset < range.upperBound {
      let room = Int(min(UInt64(piece.count), range.upperBound - offset))
      let place = UnsafeMutableRawBufferPointer(rebasing: piece[..<room])
      let count = try read(into: place, at: offset, wait: .allowed) ?? 0
      if count == 0 { return }
      try target.write(UnsafeRawBufferPointer(rebasing: place[..<count]), at: offset)
      offset += UInt64(count)
    }
  }
}

/// An open file to write. One writer at a time.
package protocol WritableFile: AnyObject, Sendable {
  var path: String { get }
  /// Writes all bytes at `offset`. Durable after `sync`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError)
  /// Reserves blocks for the first `byteCount` bytes and extends the file to it, so that writes
  /// within need no new space. Throws `.io` with ENOSPC when there is none.
  func preallocate(_ byteCount: UInt64) throws(FileError)
  /// Asks for writes of little within the first `byteCount` bytes to cost no system call each,
  /// where the file system can do that; what `write` and `sync` promise is the same. The bytes are
  /// reserved, and nobody cuts the file meanwhile. Before anything is written.
  func mapForWriting(_ byteCount: UInt64)
  /// Gives back the blocks of all bytes from `offset` on, which may read as zeros then; the file
  /// keeps its length, and `preallocate` reserves anew. Where that is impossible nothing happens.
  func freeBlocks(from offset: UInt64)
  /// Cuts the file.
  func truncate(to byteCount: UInt64) throws(FileError)
  /// Starts moving the range's bytes to the device without waiting: a hint that promises nothing
  /// and keeps the sync of a large file from holding up the syncs of others.
  func beginWriteback(_ range: Range<UInt64>)
  /// Makes the bytes written so far durable (fdatasync). After a failure the file must not be
  /// trusted again: what reached the disk is unknown (Rebello et al., USENIX ATC 2020).
  func sync() throws(FileError)
  func close() throws(FileError)
}

extension WritableFile {
  package func mapForWriting(_ byteCount: UInt64) {}
}

/// Held as long as the object lives.
package protocol DirectoryLock: AnyObject, Sendable {}
