// An open file in memory: a small write is a copy of some nanoseconds, a system call is most of a
// microsecond.
//
// What is stored in a shared mapping is in the page cache like what `pwrite` has written: other
// readers of the file see it, a killed process leaves it there, and `fdatasync` brings it to the
// device. Two things differ. A copy that a kill cuts short may leave any part of its bytes, where a
// `pwrite` mostly leaves all or none; nobody is promised either. And where the file system cannot
// take a page, it says so by SIGBUS: the copy then fails (`strata_copy_to_mapped`), and the caller
// writes the same bytes by `pwrite`, which tells why or succeeds.
//
// The whole of the file is mapped at once, by whoever makes it ready: to map and unmap waits for
// other threads that do, and whoever writes should not. Pages count as the process's memory from
// their first byte on until `letGo`.

internal import CLinux
internal import Glibc
internal import Synchronization

/// One writer at a time, as the file it belongs to; `letGo` may run beside it.
final class MappedFile: Sendable {
  /// Longer writes are system calls: what those cost is little beside the copying.
  static let longestWrite = 16 << 10
  /// Pages are let go in stretches of at least this much.
  private static let stretchByteCount: UInt64 = 1 << 20

  private nonisolated(unsafe) let start: UnsafeMutableRawPointer
  private let byteCount: UInt64
  /// False once the file system has refused: then it is not asked again.
  private let isUsable = Atomic<Bool>(true)
  /// Behind the last byte written.
  private let end = Atomic<UInt64>(0)
  /// Pages before this one were let go.
  private let letGoEnd = Atomic<UInt64>(0)

  /// - Parameter byteCount: Of the file, reserved: memory behind its end cannot be written.
  /// - Returns: nil where the file cannot be mapped.
  init?(_ descriptor: Int32, byteCount: UInt64) {
    guard byteCount > 0, let size = Int(exactly: byteCount),
      let start = strata_map_file(descriptor, 0, size)
    else { return nil }
    self.start = start
    self.byteCount = byteCount
  }

  deinit { strata_unmap_file(start, Int(byteCount)) }

  /// Writes the bytes, or leaves it to the caller.
  ///
  /// - Returns: True when all are written.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Bool {
    guard let from = bytes.baseAddress, bytes.count <= MappedFile.longestWrite,
      offset <= byteCount, UInt64(bytes.count) <= byteCount - offset,
      isUsable.load(ordering: .relaxed)
    else { return false }
    guard strata_copy_to_mapped(start + Int(offset), from, bytes.count) == 0 else {
      isUsable.store(false, ordering: .relaxed)
      return false
    }
    end.store(offset + UInt64(bytes.count), ordering: .relaxed)
    return true
  }

  /// Behind the last byte written, for `letGo`.
  var writtenEnd: UInt64 { end.load(ordering: .relaxed) }

  /// Takes pages before `end` out of the process's memory; the file keeps them. For pages that are
  /// durable: they will hardly be written again.
  func letGo(upTo end: UInt64) {
    let first = letGoEnd.load(ordering: .relaxed)
    let last = end / MappedFile.stretchByteCount * MappedFile.stretchByteCount
    guard last > first, last <= byteCount else { return }
    strata_let_go(start + Int(first), Int(last - first))
    letGoEnd.store(last, ordering: .relaxed)
  }
}
