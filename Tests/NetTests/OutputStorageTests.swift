// What the connections of a loop share for large outputs: how much is kept, and who has it.

import Bytes
import Testing

@testable import Net

@Suite struct OutputStorageTests {
  private static let idle = Connection.idleBufferByteCount

  /// An output that has sent so many bytes.
  private static func used(_ byteCount: Int) -> ByteBuffer {
    var output = ByteBuffer()
    output.reserve(byteCount)
    return output
  }

  @Test func `what one connection has used serves the next`() {
    var storage = OutputStorage()
    var first = Self.used(100_000)
    storage.takeBack(from: &first)
    #expect(first.allocatedByteCount <= Self.idle)
    var second = ByteBuffer()
    storage.lend(to: &second)
    #expect(second.allocatedByteCount >= 100_000)
    #expect(second.array == [])
    var third = ByteBuffer()
    storage.lend(to: &third)
    #expect(third.allocatedByteCount <= Self.idle, "there is one")
    storage.takeBack(from: &second)
    #expect(second.allocatedByteCount <= Self.idle, "it has its own again")
  }

  @Test func `who has something to send keeps what it has`() {
    var storage = OutputStorage()
    var large = Self.used(100_000)
    storage.takeBack(from: &large)
    var output = ByteBuffer()
    output.append(7 as UInt8)
    storage.lend(to: &output)
    #expect(output.array == [7])
    #expect(output.allocatedByteCount <= Self.idle)
  }

  @Test func `few are kept, and none that are too large`() {
    var storage = OutputStorage()
    var huge = Self.used(4 << 20)
    storage.takeBack(from: &huge)
    #expect(huge.allocatedByteCount <= Self.idle)
    for _ in 0..<100 {
      var large = Self.used(50_000)
      storage.takeBack(from: &large)
      #expect(large.allocatedByteCount <= Self.idle)
    }
    var count = 0
    for _ in 0..<100 {
      var output = ByteBuffer()
      storage.lend(to: &output)
      if output.allocatedByteCount > Self.idle { count += 1 }
    }
    #expect(count == 8)
  }
}
