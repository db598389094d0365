// A stretch of an open file in memory, which moves along with what is written: a small write is a
// copy of some nanoseconds, a system call is most of a microsecond.
//
// What is stored in a shared mapping is in the page cache like what `pwrite` has written: other
// readers of the file see it, a killed process leaves it there, and `fdatasync` brings it to the
// device. Two things differ. A copy that a kill cuts short may leave any part of its bytes, where a
// `pwrite` mostly leaves all or none; nobody is promised either. And where the file system cannot
// take a page, it says so by SIGBUS: the copy then fails (`strata_copy_to_mapped`), and the caller
// writes the same bytes by `pwrite`, which tells why or succeeds.

internal import CLinux
internal import Glibc

/// One writer at a time, as the file it belongs to.
final class MappedWindow {
  /// What is mapped at once. Small against a log: its pages count as the process's memory as long as
  /// they are mapped. A page is touched for the first time at 1 to 2 µs in any case; to move on costs
  /// some 50 µs more.
  static let byteCount = 1 << 20
  /// Longer writes are system calls: what those cost is little beside the copying.
  static let longestWrite = 16 << 10

  /// False once the file system has refused: then it is not asked again.
  private(set) var isUsable = true
  private let descriptor: Int32
  /// Bytes of the file that may be mapped.
  private let limit: UInt64
  private var mapped: UnsafeMutableRawPointer?
  private var start: UInt64 = 0
  private var count = 0

  /// - Parameter byteCount: Of the file, reserved: memory behind its end cannot be written.
  init(_ descriptor: Int32, byteCount: UInt64) {
    self.descriptor = descriptor
    limit = byteCount
  }

  deinit { unmap() }

  /// Writes the bytes, or leaves it to the caller.
  ///
  /// - Returns: True when all are written.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Bool {
    guard let from = bytes.baseAddress, bytes.count <= MappedWindow.longestWrite, offset < limit,
      UInt64(bytes.count) <= limit - offset
    else { return false }
    let isThere =
      offset >= start && offset - start < UInt64(count)
      && bytes.count <= count - Int(offset - start)
    // The few that lie across two windows are the caller's.
    guard isThere || move(to: offset, count: bytes.count), let mapped else { return false }
    guard strata_copy_to_mapped(mapped + Int(offset - start), from, bytes.count) == 0 else {
      isUsable = false
      return false
    }
    return true
  }

  /// Maps the window of the file that `offset` is in.
  ///
  /// - Returns: False when not all of the bytes are in it.
  private func move(to offset: UInt64, count wanted: Int) -> Bool {
    let first = offset / UInt64(MappedWindow.byteCount) * UInt64(MappedWindow.byteCount)
    let size = Int(Swift.min(UInt64(MappedWindow.byteCount), limit - first))
    guard wanted <= size - Int(offset - first) else { return false }
    unmap()
    guard let place = off_t(exactly: first), let fresh = strata_map_file(descriptor, place, size)
    else {
      isUsable = false
      return false
    }
    mapped = fresh
    start = first
    count = size
    return true
  }

  private func unmap() {
    if let mapped { strata_unmap_file(mapped, count) }
    mapped = nil
    count = 0
  }
}
