// The writer: its bytes, its reservations, its failures.

import Bytes
import LSM
import TestSupport
import Testing
import VFS

@Suite struct LogWriterTests {
  @Test func `the bytes are those drawn in the format`() throws {
    let world = try LogWorld()
    let end = LogEnd(number: LogNumber(6), byteCount: 0x99)
    let writer = try world.writer(number: 7, previous: end, capacity: 256, salt: 0x0403_0201)
    try writer.write([0xaa, 0xbb, 0xcc], at: 0x15)
    try writer.sync()
    try writer.write([0xdd], at: 0x16)
    let bytes = try world.bytes()
    #expect(bytes.count == 256)
    #expect(Array(bytes[0..<12]) == [0x53, 0x54, 0x52, 0x4c, 0x4f, 0x47, 3, 10, 2, 0, 0, 0])
    let fields = ByteView.of(bytes) { view in
      [16, 24, 32, 40, 48, 64, 72, 80, 88, 96].map { view.littleEndian64(at: $0) }
    }
    // number, previous, its end, capacity, salt; then number, synced, first, count with salt.
    #expect(fields.prefix(5) == [7, 6, 0x99, 256, 0x0403_0201])
    #expect(fields.dropFirst(5) == [7, 56, 0x15, 0x0403_0201_0000_0001, 0xccbbaa])
    let second = ByteView.of(bytes) { view in
      (view.littleEndian32(at: 108), view.littleEndian64(at: 120), view[144])
    }
    #expect(second == (1, 104, 0xdd))
    #expect(writer.byteCount == 152)
  }

  @Test func `a reservation that finds no space changes nothing`() throws {
    let world = try LogWorld()
    let writer = try world.writer(capacity: 512)
    try writer.write([1], at: 1)
    try writer.sync()
    world.files.byteCapacity = 600
    let error = #expect(throws: FileError.self) { try writer.reserve(payloadByteCount: 5_000) }
    #expect(error?.isOutOfSpace == true)
    try writer.write([2], at: 2)
    world.files.byteCapacity = .max
    try writer.write(payload(3, count: 5_000), at: 3)
    try writer.sync()
    #expect(try world.replay().payloads == [[1], [2], payload(3, count: 5_000)])
  }

  @Test func `what fits says when a log is full`() throws {
    // A header, two small records, and room for a seal.
    let writer = try LogWorld().writer(capacity: 56 + 48 + 48 + 48)
    #expect(writer.fits(payloadByteCount: 56))
    #expect(!writer.fits(payloadByteCount: 57))
    try writer.write([1], at: 1)
    #expect(writer.fits(payloadByteCount: 8))
    #expect(!writer.fits(payloadByteCount: 9))
  }

  @Test func `a log that gave back its space holds its records and grows again`() throws {
    let world = try LogWorld()
    let writer = try world.writer(capacity: 8 << 20)
    try writer.write([1], at: 1)
    try writer.sync()
    writer.shrink(to: 2 << 20)
    #expect(writer.capacity == 2 << 20)
    #expect(!writer.fits(payloadByteCount: 2 << 20))
    #expect(writer.mayGrow)
    let large = payload(7, count: 3 << 20)
    try writer.write(large, at: 2)
    #expect(writer.capacity == 4 << 20)
    // What is written is never given back.
    writer.shrink(to: 0)
    #expect(writer.capacity == 4 << 20)
    try writer.sync()
    #expect(try world.replay().payloads == [[1], large])
  }

  @Test(arguments: [FileOperation.write, .sync])
  func `after a failure the writer refuses everything`(operation: FileOperation) throws {
    let world = try LogWorld()
    let writer = try world.writer()
    try writer.write([1], at: 1)
    try writer.sync()
    world.files.fault = { done, _, _ in done == operation ? 5 : nil }
    #expect(throws: FileError.self) {
      try writer.write([2], at: 2)
      try writer.sync()
    }
    world.files.fault = nil
    #expect(throws: FileError.self) { try writer.write([3], at: 3) }
    #expect(throws: FileError.self) { try writer.sync() }
    #expect(throws: FileError.self) { try writer.reserve(payloadByteCount: 1) }
    #expect(writer.syncedByteCount == 104)
    let after = LogWorld(world.files.crashClone())
    #expect(try after.replay().payloads == [[1]])
  }

  @Test func `a finished log is durable to its end`() throws {
    let world = try LogWorld()
    let writer = try world.writer()
    try writer.write([1], at: 1)
    #expect(writer.syncedByteCount < writer.byteCount)
    let end = try writer.finish()
    #expect(end == LogEnd(number: LogNumber(1), byteCount: writer.byteCount))
    #expect(writer.syncedByteCount == writer.byteCount)
    #expect(try LogWorld(world.files.crashClone()).replay().payloads == [[1]])
    try writer.close()
  }
}
