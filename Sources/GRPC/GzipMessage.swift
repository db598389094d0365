// A message that its sender has compressed with gzip (RFC 1952; github.com/grpc/grpc,
// doc/compression.md). How long it becomes is known before: the last four bytes say it.

internal import Bytes
internal import CZlib

/// One compressed message.
struct GzipMessage {
  /// No deflated byte becomes more than these (zlib.net/zlib_tech.html).
  private static let highestRatio = 1_032
  private static let headerAndTrailerByteCount = 18
  private static let pieceByteCount = 64 << 10

  private let bytes: ByteView
  /// Of the message, if what it says is true.
  let byteCount: Int

  init(_ bytes: ByteView) throws(GRPCStatus) {
    guard bytes.count >= GzipMessage.headerAndTrailerByteCount else { throw GzipMessage.damaged }
    self.bytes = bytes
    var size = 0
    for index in 0..<4 { size |= Int(bytes[bytes.count - 4 + index]) << (8 * index) }
    guard size / GzipMessage.highestRatio <= bytes.count else { throw GzipMessage.damaged }
    byteCount = size
  }

  private static let damaged = GRPCStatus(.internal, "the message is no gzip of one member")

  /// The message: of exactly `byteCount` bytes, or none.
  func inflated() throws(GRPCStatus) -> ByteBuffer {
    var stream = z_stream()
    // 15 bits of window, 16 for gzip.
    guard
      inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw GRPCStatus(.resourceExhausted, "no memory to decompress the message") }
    defer { inflateEnd(&stream) }
    guard let start = bytes.buffer.baseAddress else { throw GzipMessage.damaged }
    stream.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = UInt32(bytes.count)
    var message = ByteBuffer(capacity: byteCount)
    let isWhole = withUnsafeTemporaryAllocation(
      of: UInt8.self, capacity: GzipMessage.pieceByteCount
    ) { piece in
      while true {
        stream.next_out = piece.baseAddress
        stream.avail_out = UInt32(piece.count)
        let result = inflate(&stream, Z_NO_FLUSH)
        let count = piece.count - Int(stream.avail_out)
        guard result == Z_OK || result == Z_STREAM_END, message.count + count <= byteCount else {
          return false
        }
        message.append(
          ByteView(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(piece)[..<count])))
        if result == Z_STREAM_END { return stream.avail_in == 0 && message.count == byteCount }
        if count == 0 { return false }
      }
    }
    guard isWhole else { throw GzipMessage.damaged }
    return message
  }
}
