// Small files read at once: certificates, keys, tokens.

internal import Glibc

extension FileSystem {
  /// All bytes of a file; one of more than `limit` is refused as too big (EFBIG), so that a wrong
  /// path does not fill the memory. Waits for the disk.
  package func contents(of path: String, atMost limit: Int) throws(FileError) -> [UInt8] {
    let file = try openForReading(path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limit + 1, alignment: 16)
    defer { buffer.deallocate() }
    let count = try file.read(into: buffer, at: 0, wait: .allowed) ?? 0
    guard count <= limit else { throw .io(path: path, operation: .read, errno: EFBIG) }
    return Array(buffer[..<count])
  }
}
